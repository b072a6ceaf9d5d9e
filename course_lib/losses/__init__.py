"""Losses: adversarial objectives, f-divergences, penalties on critics, variational bounds."""

from course_lib.losses.adversarial import Objective, objective, pull_away
from course_lib.losses.f_divergence import FDivergence, f_divergence

__all__ = ["FDivergence", "Objective", "f_divergence", "objective", "pull_away"]
