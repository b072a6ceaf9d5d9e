"""Semi-discrete optimal transport for the cost |x - y|^2: from any law one can sample to finitely many weighted targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Source = Tensor | Callable[[int], Tensor]
LANES = 64
BLOCK = 512  # points that are compared with all targets at a time


def minimum(scores: Tensor) -> tuple[Tensor, Tensor]:
    """`scores.min(1)` of (N, J), four times faster where 64 divides J: only values are compared until one column in 64 is left."""
    n, j = scores.shape
    if j % LANES or j <= LANES:
        return scores.min(1)
    rows = scores.view(n, j // LANES, LANES)
    least, lane = rows.amin(1).min(1)
    row = rows.gather(2, lane[:, None, None].expand(n, j // LANES, 1)).argmin(1).squeeze(1)
    return least, row * LANES + lane


def some_rows(x: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    """n rows of x, drawn at random with replacement."""
    return x[torch.randint(len(x), (n,), generator=generator, device=generator.device if generator else x.device).to(x.device)]


class SemiDiscrete(nn.Module):
    """Targets y_j (J, D) with weights w_j (uniform by default) and a potential v_j, learned by `fit`, `solve` or `ascend`.

    The semi-dual h(v) = E min_j(|x - y_j|^2 - v_j) + sum_j w_j v_j is concave; its maximum is W_2^2 and its gradient is
    w_j - P(x is assigned to j): a target that gets too much mass is made dearer. Galerne, Leclaire and Rabin 2018.
    Works in the precision of the targets. Points are compared with all targets in blocks, so memory stays bounded.
    """

    def __init__(self, targets: Tensor, weights: Tensor | None = None):
        super().__init__()
        if targets.ndim != 2 or not len(targets):
            raise ValueError(f"targets has shape {tuple(targets.shape)}; it must be (J, D)")
        if targets.device.type != "meta" and not torch.isfinite(targets).all():
            raise ValueError("targets has values that are NaN or infinite; all must be finite")
        if weights is None:
            weights = targets.new_full((len(targets),), 1 / len(targets))
        elif weights.shape != targets.shape[:1] or (weights < 0).any() or not torch.isclose(weights.sum(), weights.new_ones(())):
            raise ValueError(f"weights has shape {tuple(weights.shape)}; it must be ({len(targets)},), of positive numbers with sum 1")
        self.register_buffer("targets", targets.detach().clone())
        self.register_buffer("weights", weights.to(targets))
        self.register_buffer("potential", targets.new_zeros(len(targets)))

    @property
    def scale(self) -> Tensor:
        """Step sizes are in squared units: 2 sqrt(J) x the targets' variance was best for J from 20 to 500."""
        return 2 * len(self.targets) ** 0.5 * self.targets.var(0, unbiased=False).sum()

    def _blocks(self, x: Tensor, potential: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For blocks of rows: min over j of |x - y_j|^2 - v_j, and where it is."""
        if x.ndim != 2 or x.shape[1] != self.targets.shape[1]:
            raise ValueError(f"x has shape {tuple(x.shape)}; it must be (N, {self.targets.shape[1]})")
        short = -len(self.targets) % LANES if len(self.targets) > 4 * LANES else 0
        targets = F.pad(self.targets, (0, 0, 0, short))
        offset = F.pad(self.targets.square().sum(1) - potential, (0, short), value=torch.inf)
        for rows in x.to(targets).split(BLOCK):
            least, index = minimum(torch.addmm(offset, rows, targets.T, alpha=-2))
            yield least + rows.square().sum(1), index

    def _gradient(self, x: Tensor, potential: Tensor) -> Tensor:
        """Of the semi-dual with x (N, D) as the source: w_j minus the share of x that is assigned to j."""
        index = torch.cat([index for _, index in self._blocks(x, potential)])
        return self.weights.index_add(0, index, self.weights.new_full((len(index),), -1 / len(index)))

    @torch.no_grad()
    def fit(
        self, source: Source, steps: int = 2000, batch_size: int = 256, rate: float = 1.0, generator: torch.Generator | None = None
    ) -> SemiDiscrete:
        """Averaged stochastic ascent: step k has size C / sqrt(k), C = rate x `scale`; the mean of all steps is kept.

        source: a tensor (N, D), from which batches are drawn, or a function n -> (n, D) samples. Raises ValueError for NaN in a tensor.
        """
        if isinstance(source, Tensor):
            if not torch.isfinite(source).all():
                raise ValueError("source has values that are NaN or infinite; all must be finite")
            cloud = source
            source = lambda n: some_rows(cloud, n, generator)  # noqa: E731
        scale = rate * self.scale
        current, average = self.potential.clone(), self.potential.clone()
        for k in range(1, steps + 1):
            current += scale / k**0.5 * self._gradient(source(batch_size), current)
            average += (current - average) / k
        self.potential = average - average.mean()
        return self

    @torch.no_grad()
    def ascend(self, x: Tensor, steps: int = 10, sample: int | None = None, generator: torch.Generator | None = None) -> SemiDiscrete:
        """A few steps of constant size `scale` / 10 after a source that moves, x (N, D) at this moment.

        A step that shrank would fall behind: the best potential goes on moving as long as the source does.
        sample: each step looks at that many rows of x, drawn at random; at all of them by default.
        """
        size = self.scale / 10
        for _ in range(steps):
            rows = x if sample is None or sample >= len(x) else some_rows(x, sample, generator)
            self.potential += size * self._gradient(rows, self.potential)
        return self

    def solve(self, x: Tensor, smoothing: float = 1e-4, iterations: int = 100) -> SemiDiscrete:
        """The potential for the cloud x (N, D) itself, without chance, in memory N x J: quasi-Newton ascent of the smoothed semi-dual.

        The minimum over j becomes -e log sum_j exp(-(.)/e), with e falling from a third of the targets' variance to `smoothing`
        times it, a third each time; at the end the semi-dual is within e log J of its maximum (Genevay et al. 2016).
        """
        cost = torch.cdist(x.to(self.targets), self.targets, compute_mode="donot_use_mm_for_euclid_dist").square()
        variance = self.targets.var(0, unbiased=False).sum()
        if not variance > 0:  # one place only: every potential that is the same for all is best
            self.potential = torch.zeros_like(self.potential)
            return self
        potential, smooth = self.potential.clone().requires_grad_(), 1.0
        while smooth > smoothing:
            smooth = max(smooth / 3, smoothing)
            epsilon = smooth * variance
            optimiser = torch.optim.LBFGS(
                [potential], max_iter=iterations, tolerance_grad=1e-6, tolerance_change=0, line_search_fn="strong_wolfe"
            )

            def loss(epsilon: Tensor = epsilon, optimiser: torch.optim.Optimizer = optimiser) -> Tensor:
                optimiser.zero_grad()
                soft = -torch.logsumexp((potential - cost) / epsilon, 1).mean() * epsilon
                value = -(soft + self.weights @ potential) / epsilon
                value.backward()
                return value

            optimiser.step(loss)
        self.potential = (potential - potential.mean()).detach()
        return self

    @torch.no_grad()
    def assign(self, x: Tensor) -> Tensor:
        """(N, D) -> (N,) the target of each point: argmin_j |x - y_j|^2 - v_j, a nearest neighbour biased by the potential."""
        return torch.cat([index for _, index in self._blocks(x, self.potential)])

    def map(self, x: Tensor) -> Tensor:
        """(N, D) -> (N, D) where the transport takes each point."""
        return self.targets[self.assign(x)]

    def dual(self, x: Tensor) -> Tensor:
        """The semi-dual's value with x (N, D) as the source: at most W_2^2 between x and the targets, equal at the best potential."""
        return torch.cat([least for least, _ in self._blocks(x, self.potential)]).mean() + self.weights @ self.potential

    def distance(self, x: Tensor) -> Tensor:
        """mean |x - map(x)|^2 + w.v - mean v[map(x)], which is `dual`, cheap to differentiate.

        x (N, D) gets the gradient 2 (x - map(x)) / N: which target is nearest is a constant almost everywhere.
        """
        index = self.assign(x.detach())
        bias = self.weights @ self.potential - self.potential[index].mean()
        return (x - self.targets[index]).square().sum(1).mean() + bias
