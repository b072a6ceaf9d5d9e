"""The network that the lessons measure digits with."""

import functools

from course_lib.metrics import Features, classifier_features
from course_lib.weights import load_pretrained


@functools.lru_cache(maxsize=1)
def digit_features() -> Features:
    """64 features and 10 logits of the course's own digit classifier; images (N, 1, 28, 28), or 32x32, whose border is cut off."""
    return classifier_features(load_pretrained("digits_classifier"), "digit classifier")
