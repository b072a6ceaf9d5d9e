"""Gaussian mixtures fitted by expectation maximisation (Dempster, Laird and Rubin 1977)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class GaussianMixture:
    """p(x) = sum_k weights_k N(x; means_k, covariances_k), in float64.

    weights: (K,); means: (K, D); covariances: (K, D, D). `history`: mean log-likelihood before each iteration of `fit`.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    history: list[float] = field(default_factory=list)

    def joint_log_density(self, x: Tensor) -> Tensor:
        """log weights_k + log N(x; means_k, covariances_k): (N, D) -> (N, K)."""
        factor = torch.linalg.cholesky(self.covariances)  # (K, D, D)
        centred = (x.double()[None] - self.means[:, None]).mT  # (K, D, N)
        white = torch.linalg.solve_triangular(factor, centred, upper=False)
        log_determinant = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1, keepdim=True)
        log_density = -0.5 * (white.square().sum(1) + log_determinant + x.shape[1] * math.log(2 * math.pi))
        return (self.weights.log()[:, None] + log_density).T

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x), (N, D) -> (N,), in nats."""
        return self.joint_log_density(x).logsumexp(1)

    def responsibilities(self, x: Tensor) -> Tensor:
        """The posterior p(k|x): (N, D) -> (N, K). The E step."""
        return self.joint_log_density(x).softmax(1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n points (n, D)."""
        pick = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator, dtype=torch.float64)
        return self.means[pick] + (torch.linalg.cholesky(self.covariances)[pick] @ noise[:, :, None])[:, :, 0]

    def fit(self, x: Tensor, iterations: int = 200, tolerance: float = 1e-7, floor: float = 1e-6) -> GaussianMixture:
        """EM from where the mixture stands, in place, until the mean log-likelihood gains less than `tolerance`.

        x: (N, D). floor: added to the variances, so that no component can shrink onto a point.
        """
        x = x.double()
        for _ in range(iterations):
            joint = self.joint_log_density(x)
            total = joint.logsumexp(1, keepdim=True)
            self.history.append(total.mean().item())
            if len(self.history) > 1 and abs(self.history[-1] - self.history[-2]) < tolerance:
                break
            self.maximise(x, (joint - total).exp(), floor)
        return self

    def maximise(self, x: Tensor, responsibilities: Tensor, floor: float = 1e-6) -> None:
        """The M step: weighted counts, means and covariances. responsibilities: (N, K)."""
        counts = responsibilities.sum(0) + 10 * torch.finfo(x.dtype).eps
        self.weights = counts / counts.sum()
        self.means = responsibilities.T @ x / counts[:, None]
        centred = x[None] - self.means[:, None]  # (K, N, D)
        self.covariances = (responsibilities.T[:, :, None] * centred).mT @ centred / counts[:, None, None]
        self.covariances.diagonal(dim1=1, dim2=2).add_(floor)


def kmeans_plus_plus(x: Tensor, k: int, generator: torch.Generator | None = None, sweeps: int = 10) -> Tensor:
    """k centres (k, D): points drawn in proportion to their squared distance (Arthur and Vassilvitskii 2007), then Lloyd's sweeps."""
    x = x.double()
    centres = x[torch.randint(len(x), (1,), generator=generator)]
    while len(centres) < k:
        nearest = torch.cdist(x, centres).amin(1).square()
        if not nearest.any():
            raise ValueError(f"x has only {len(centres)} different points; it must have at least k = {k}")
        centres = torch.cat([centres, x[torch.multinomial(nearest, 1, generator=generator)]])
    for _ in range(sweeps):
        owner = torch.nn.functional.one_hot(torch.cdist(x, centres).argmin(1), k).to(x)
        centres = torch.where(owner.sum(0)[:, None] > 0, owner.T @ x / owner.sum(0).clamp(min=1)[:, None], centres)
    return centres


def fit_mixture(x: Tensor, k: int, generator: torch.Generator | None = None, floor: float = 1e-6, **options) -> GaussianMixture:
    """A mixture of k Gaussians fitted to points (N, D), started at k-means++ centres with the data's own covariance over k.

    Raises ValueError when there are fewer different points than components or when x is not a finite (N, D) tensor.
    """
    if x.ndim != 2 or not x.isfinite().all():
        raise ValueError(f"x has shape {tuple(x.shape)} or is not finite; it must be a finite (N, D) tensor")
    if not 1 <= k <= len(x):
        raise ValueError(f"k is {k}; it must be between 1 and the number of points, {len(x)}")
    x = x.double()
    spread = torch.cov(x.T, correction=0).reshape(x.shape[1], -1) / k + floor * torch.eye(x.shape[1], dtype=x.dtype)
    start = GaussianMixture(torch.full((k,), 1 / k, dtype=x.dtype), kmeans_plus_plus(x, k, generator), spread.repeat(k, 1, 1))
    return start.fit(x, floor=floor, **options)
