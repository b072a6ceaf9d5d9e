"""Optimal transport: exact on the line, between clouds and between Gaussians; semi-discrete."""

from course_lib.ot.gaussian import gaussian_w2
from course_lib.ot.semidiscrete import SemiDiscrete
from course_lib.ot.transport import Transport, exact, matching, wasserstein_1d

__all__ = ["SemiDiscrete", "Transport", "exact", "gaussian_w2", "matching", "wasserstein_1d"]
