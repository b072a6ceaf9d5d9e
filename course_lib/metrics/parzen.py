"""Parzen windows: the likelihood that a Gaussian around every sample gives to real data. Taught as history; do not rely on it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.metrics.checks import matrix, squared_distances
from course_lib.metrics.neighbours import blocks


def parzen_log_likelihood(points: Tensor, centres: Tensor, bandwidth: float) -> Tensor:
    """(N,) log-densities, in nats, of points (N, D) under the mixture of Gaussians of standard deviation `bandwidth` at the centres (M, D).

    Parzen 1962; Breuleux et al. 2011 for its use on samples of a model. Raises ValueError for another rank, different D, NaN, or a
    bandwidth that is not positive.
    """
    points, centres = matrix("points", points, 1), matrix("centres", centres, 1)
    if points.shape[1] != centres.shape[1]:
        raise ValueError(f"centres has {centres.shape[1]} columns; it must have {points.shape[1]}, as points has")
    if not bandwidth > 0:
        raise ValueError(f"bandwidth is {bandwidth}; it must be positive")
    centres = centres.to(points.device)
    middle = centres.mean(0)
    points, centres = points - middle, centres - middle
    parts = [
        torch.logsumexp(squared_distances(points[rows], centres) / (-2 * bandwidth**2), 1) for rows in blocks(len(points), len(centres))
    ]
    return torch.cat(parts) - math.log(len(centres)) - points.shape[1] / 2 * math.log(2 * math.pi * bandwidth**2)


def parzen_bandwidth(samples: Tensor, validation: Tensor, candidates: Sequence[float]) -> float:
    """The candidate bandwidth under which the samples give the validation points the largest mean log-likelihood."""
    if not len(candidates):
        raise ValueError("candidates is empty; it must hold at least one bandwidth")
    return max(candidates, key=lambda bandwidth: parzen_log_likelihood(validation, samples, bandwidth).mean().item())
