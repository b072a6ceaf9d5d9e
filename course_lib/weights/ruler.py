"""The network that the lessons measure digits with."""

import functools

import torch

from course_lib import data
from course_lib.metrics import Features, classifier_features, frechet_distance
from course_lib.models.system import System
from course_lib.weights import load_pretrained


@functools.lru_cache(maxsize=1)
def digit_features() -> Features:
    """64 features and 10 logits of the course's own digit classifier; images (N, 1, 28, 28), or 32x32, whose border is cut off."""
    return classifier_features(load_pretrained("digits_classifier"), "digit classifier")


@torch.no_grad()
def frechet_and_floor(system: System) -> tuple[float, float]:
    """Fréchet distance on digit features of 1000 samples to the 1000 test images, and that of as many real training images: for cards."""
    features = load_pretrained("digits_classifier").features
    train, target = data.digits("train").images, features(data.digits("test").images)
    real = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:1000]]
    made = system.sample(1000, torch.Generator().manual_seed(0))
    made = made[made.isfinite().flatten(1).all(1)]  # a flow's inverse overflows now and then
    return frechet_distance(target, features(made.contiguous())), frechet_distance(target, features(real))
