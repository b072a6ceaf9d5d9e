"""Optimal transport: exact on the line, between clouds and between Gaussians; semi-discrete; between the patches of images."""

from course_lib.ot.gaussian import gaussian_w2
from course_lib.ot.patches import extract, fold, halve, paste, pyramid
from course_lib.ot.semidiscrete import SemiDiscrete
from course_lib.ot.transport import Transport, exact, matching, patch_w2, wasserstein_1d

__all__ = [
    "SemiDiscrete",
    "Transport",
    "exact",
    "extract",
    "fold",
    "gaussian_w2",
    "halve",
    "matching",
    "paste",
    "patch_w2",
    "pyramid",
    "wasserstein_1d",
]
