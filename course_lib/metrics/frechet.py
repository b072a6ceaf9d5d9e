"""Fréchet distance between Gaussians fitted to two sets of features: the FID, whichever network made the features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.metrics.checks import matrix, pair
from course_lib.metrics.moments import Moments


def root(covariance: Tensor) -> Tensor:
    """Some F (D, r) with F F^T = covariance: its Cholesky factor, or, where it is singular, scaled eigenvectors of rank r."""
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return factor
    values, vectors = torch.linalg.eigh(covariance)
    keep = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    return vectors[:, keep] * values[keep].sqrt()


def nuclear_norm(product: Tensor) -> Tensor:
    """The sum of the singular values of a matrix (r, s).

    They are the roots of the eigenvalues of its smaller Gram matrix, which is several times faster than singular values, but a small
    root is then uncertain. Where what the rounding can do to the roots exceeds 1e-9 of their sum, the singular values are computed.
    """
    gram = product @ product.T if len(product) <= product.shape[1] else product.T @ product
    values = torch.linalg.eigvalsh(gram).clamp(min=0)
    rounding = len(values) * torch.finfo(values.dtype).eps * values[-1]
    total = values.sqrt().sum()
    if ((values + rounding).sqrt().sum() - total) <= 1e-9 * total:
        return total
    return torch.linalg.svdvals(product).sum()


def gaussian_w2(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """Squared 2-Wasserstein distance between two Gaussians; means (D,), covariances (D, D), symmetric and non-negative.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982). With C1 = F F^T and C2 = G G^T the last trace is the sum of
    the singular values of F^T G, so no square root of a matrix is ever taken.
    """
    mean, covariance, other_mean, other_covariance = (x.detach().double() for x in (mean, covariance, other_mean, other_covariance))
    for name, square, width in (("covariance", covariance, len(mean)), ("other_covariance", other_covariance, len(mean))):
        if square.shape != (width, width):
            raise ValueError(f"{name} has shape {tuple(square.shape)}; it must be {(width, width)}")
    return _distance((mean, root(covariance), covariance.trace()), (other_mean, root(other_covariance), other_covariance.trace()))


def _distance(one: tuple[Tensor, Tensor, Tensor], other: tuple[Tensor, Tensor, Tensor]) -> float:
    """From (mean, root, trace of the covariance) of each."""
    (mean, factor, trace), (other_mean, other_factor, other_trace) = one, other
    overlap = nuclear_norm(factor.T @ other_factor)
    return max(0.0, ((mean - other_mean).square().sum() + trace + other_trace - 2 * overlap).item())


def _summary(features: Tensor | Moments) -> tuple[Tensor, Tensor, Tensor]:
    """(mean, root, trace) of a set. With fewer samples than dimensions the centred data are the root: nothing of size D x D is made."""
    if isinstance(features, Moments):
        return features.mean, root(features.covariance), features.covariance.trace()
    if len(features) <= features.shape[1]:
        centred = (features - features.mean(0)) / (len(features) - 1) ** 0.5
        return features.mean(0), centred.T, centred.square().sum()
    return _summary(Moments(features))


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
    summaries = {name: _summary(value) for name, value in sets.items()}
    width, other = (len(summary[0]) for summary in summaries.values())
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
