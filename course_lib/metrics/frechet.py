"""Fréchet distance between Gaussians fitted to two sets of features: the FID, whichever network made the features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.metrics.checks import matrix, pair
from course_lib.metrics.moments import Moments
from course_lib.ot.gaussian import root, trace_of_root


class Gaussian(NamedTuple):
    """What the distance needs of a set: the covariance, or a factor F (D, N) with F F^T = covariance."""

    mean: Tensor
    trace: Tensor
    covariance: Tensor | None = None
    factor: Tensor | None = None


def _gaussian(features: Tensor | Moments) -> Gaussian:
    """With fewer samples than dimensions the centred data are the factor: nothing of size D x D is made."""
    if isinstance(features, Moments):
        covariance = features.covariance
        return Gaussian(features.mean, covariance.trace(), covariance)
    if len(features) <= features.shape[1]:
        centred = (features - features.mean(0)) / (len(features) - 1) ** 0.5
        return Gaussian(features.mean(0), centred.square().sum(), factor=centred.T)
    return _gaussian(Moments(features))


def _distance(one: Gaussian, other: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)): the square of `ot.gaussian_w2`."""
    if one.factor is None and other.factor is None:
        overlap = trace_of_root(one.covariance, other.covariance)
    else:
        factor, other_factor = (root(x.covariance) if x.factor is None else x.factor for x in (one, other))
        overlap = torch.linalg.svdvals(factor.T @ other_factor).sum()
    return max(0.0, ((one.mean - other.mean).square().sum() + one.trace + other.trace - 2 * overlap).item())


def frechet_distance(real: Tensor | Moments, generated: Tensor | Moments) -> float:
    """Squared Fréchet distance between the Gaussians with the moments of each set (Heusel et al. 2017): 0 is best.

    real, generated: features (N, D), or the `Moments` of features. Covariances are divided by N - 1. The value is biased upwards,
    the more the smaller N is: compare at equal N only. Raises ValueError for fewer than two samples, different D, NaN.
    """
    sets = {"real": real, "generated": generated}
    for name, value in sets.items():
        if isinstance(value, Moments):
            if value.n < 2:
                raise ValueError(f"{name} has {value.n} samples; it must have at least 2")
        else:
            sets[name] = matrix(name, value)
    summaries = {name: _gaussian(value) for name, value in sets.items()}
    width, other = (len(summary.mean) for summary in summaries.values())
    if width != other:
        raise ValueError(f"generated has {other} columns; it must have {width}, as real has")
    return _distance(*summaries.values())


class Extrapolation(NamedTuple):
    """`limit`: the distance at infinite N. sizes and values: what the line was fitted to; slope: its coefficient of 1/N."""

    limit: float
    slope: float
    sizes: tuple[int, ...]
    values: tuple[float, ...]


def frechet_at_infinity(
    real: Tensor, generated: Tensor, sizes: Sequence[int] | None = None, draws: int = 4, generator: torch.Generator | None = None
) -> Extrapolation:
    """The Fréchet distance that infinitely many generated samples would have (Chong and Forsyth 2020): a line in 1/N, read at 0.

    sizes: how many generated samples each distance uses, drawn at random without replacement `draws` times, of which the mean is taken;
    by default ten sizes, evenly spaced in 1/N from a tenth of them (at least 4 D if there are so many) to all.
    The bias is a line in 1/N only for N well above D.
    """
    real, generated = pair(real, generated)
    n, d = len(generated), generated.shape[1]
    if sizes is None:
        low = max(n // 10, min(4 * d, n // 3), 2)
        sizes = (1 / torch.linspace(1 / low, 1 / n, 10, dtype=torch.float64)).round().long().tolist()
    if len(set(sizes)) < 2 or min(sizes) < 2 or max(sizes) > n:
        raise ValueError(f"sizes is {list(sizes)}; it must hold at least two different sizes between 2 and {n}")
    if draws < 1:
        raise ValueError(f"draws is {draws}; it must be at least 1")
    target = Moments(real)
    means = []
    for size in sizes:
        picks = [torch.randperm(n, generator=generator)[:size].to(generated.device) for _ in range(1 if size == n else draws)]
        means.append(sum(frechet_distance(target, generated[pick]) for pick in picks) / len(picks))
    values = torch.tensor(means, dtype=torch.float64)
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    slope = ((inverse - inverse.mean()) * (values - values.mean())).sum() / (inverse - inverse.mean()).square().sum()
    limit = values.mean() - slope * inverse.mean()
    return Extrapolation(limit.item(), slope.item(), tuple(sizes), tuple(values.tolist()))
