"""How many of the known modes of a distribution a model reaches."""

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.metrics.checks import matrix, squared_distances


class ModeCoverage(NamedTuple):
    modes: int  # how many modes have at least `least` good samples
    quality: float  # share of samples that are good: within `radius` of a mode
    divergence: float  # KL, in nats, of the good samples' histogram over modes from the true weights; infinite if none is good


def mode_coverage(samples: Tensor, centres: Tensor, radius: float, least: int = 1, weights: Tensor | None = None) -> ModeCoverage:
    """Modes reached, share of good samples and divergence from the modes' weights (the counts of Metz et al. 2017 and Lin et al. 2018).

    samples (N, D), centres (K, D); radius: three standard deviations of a mode, as those papers take it. weights: (K,) of the modes,
    uniform by default. Raises ValueError for other shapes, NaN, a radius or `least` that is not positive, or negative weights.
    """
    samples, centres = matrix("samples", samples, 1), matrix("centres", centres, 1)
    if samples.shape[1] != centres.shape[1]:
        raise ValueError(f"centres has {centres.shape[1]} columns; it must have {samples.shape[1]}, as samples has")
    if not radius > 0 or least < 1:
        raise ValueError(f"radius and least are {radius} and {least}; radius must be positive and least at least 1")
    distance, nearest = squared_distances(samples, centres.to(samples.device)).min(1)
    good = nearest[distance <= radius**2]
    counts = torch.bincount(good, minlength=len(centres))
    return ModeCoverage(int((counts >= least).sum()), len(good) / len(samples), _divergence(counts, weights))


def class_coverage(labels: Tensor, classes: int, least: int = 1, weights: Tensor | None = None) -> ModeCoverage:
    """The same for modes that a classifier names: labels (N,) in 0 .. classes - 1. Every sample counts as good."""
    if labels.ndim != 1 or len(labels) < 1 or labels.is_floating_point() or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels has shape {tuple(labels.shape)}; it must be (N,), N >= 1, with whole numbers from 0 to {classes - 1}")
    counts = torch.bincount(labels, minlength=classes)
    return ModeCoverage(int((counts >= least).sum()), 1.0, _divergence(counts, weights))


def _divergence(counts: Tensor, weights: Tensor | None) -> float:
    if weights is not None and (weights.shape != counts.shape or not (weights >= 0).all() or not 0 < weights.sum() < torch.inf):
        raise ValueError(f"weights is {weights.tolist()}; it must hold {len(counts)} numbers of at least 0, not all of them 0")
    if counts.sum() == 0:
        return float("inf")
    share = counts.double() / counts.sum()
    weights = torch.full_like(share, 1 / len(share)) if weights is None else weights.to(share) / weights.sum()
    return (torch.special.xlogy(share, share) - torch.special.xlogy(share, weights)).sum().item()
