"""Semi-discrete optimal transport for the cost |x - y|^2: from any law one can sample to finitely many weighted targets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Source = Tensor | Callable[[int], Tensor]


class SemiDiscrete:
    """Targets y_j (J, D) with weights w_j (uniform by default) and a potential v_j, learned by `fit`.

    The semi-dual h(v) = E min_j(|x - y_j|^2 - v_j) + sum_j w_j v_j is concave; its maximum is W_2^2 and its gradient is
    w_j - P(x is assigned to j): a target that gets too much mass is made dearer. Galerne, Leclaire and Rabin 2018.
    """

    def __init__(self, targets: Tensor, weights: Tensor | None = None, block: int = 512):
        if targets.ndim != 2 or not len(targets):
            raise ValueError(f"targets has shape {tuple(targets.shape)}; it must be (J, D)")
        if weights is None:
            weights = targets.new_full((len(targets),), 1 / len(targets))
        if weights.shape != targets.shape[:1] or (weights < 0).any() or not torch.isclose(weights.sum(), weights.new_ones(())):
            raise ValueError(f"weights has shape {tuple(weights.shape)}; it must be ({len(targets)},), of positive numbers with sum 1")
        self.targets, self.weights, self.block = targets, weights.to(targets), block
        self.potential = targets.new_zeros(len(targets))
        self._norms = targets.square().sum(1)

    def _blocks(self, x: Tensor, potential: Tensor):
        """For blocks of rows: min over j of |x - y_j|^2 - v_j, and where it is."""
        if x.ndim != 2 or x.shape[1] != self.targets.shape[1]:
            raise ValueError(f"x has shape {tuple(x.shape)}; it must be (N, {self.targets.shape[1]})")
        offset = self._norms - potential
        for rows in x.to(self.targets).split(self.block):
            least, index = torch.addmm(offset, rows, self.targets.T, alpha=-2).min(1)
            yield least + rows.square().sum(1), index

    @torch.no_grad()
    def fit(
        self, source: Source, steps: int = 2000, batch_size: int = 256, rate: float = 1.0, generator: torch.Generator | None = None
    ) -> SemiDiscrete:
        """Averaged stochastic ascent: step k has size C / sqrt(k), C = rate x 2 sqrt(J) x the targets' variance.

        The potential is in squared units, hence the variance; 2 sqrt(J) was best for J from 20 to 500.

        source: a tensor (N, D), from which batches are drawn, or a function n -> (n, D) samples.
        """
        if isinstance(source, Tensor):
            cloud = source
            source = lambda n: cloud[torch.randint(len(cloud), (n,), generator=generator).to(cloud.device)]  # noqa: E731
        scale = rate * 2 * len(self.targets) ** 0.5 * self.targets.var(0, unbiased=False).sum()
        current, average = self.potential.clone(), self.potential.clone()
        for k in range(1, steps + 1):
            index = torch.cat([index for _, index in self._blocks(source(batch_size), current)])
            histogram = torch.bincount(index, minlength=len(self.targets)) / batch_size
            current += scale / k**0.5 * (self.weights - histogram)
            average += (current - average) / k
        self.potential = average - average.mean()
        return self

    def assign(self, x: Tensor) -> Tensor:
        """(N, D) -> (N,) the target of each point: argmin_j |x - y_j|^2 - v_j, a nearest neighbour biased by the potential."""
        return torch.cat([index for _, index in self._blocks(x, self.potential)])

    def map(self, x: Tensor) -> Tensor:
        """(N, D) -> (N, D) where the transport takes each point."""
        return self.targets[self.assign(x)]

    def dual(self, x: Tensor) -> Tensor:
        """The semi-dual's value with x (N, D) as the source: at most W_2^2 between x and the targets, equal at the best potential."""
        return torch.cat([least for least, _ in self._blocks(x, self.potential)]).mean() + self.weights @ self.potential
