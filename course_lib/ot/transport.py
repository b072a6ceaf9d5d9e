"""Optimal transport where the answer is exact: on the line, between clouds, between the patches of two images. Lessons 04 and 07."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.ot.patches import extract, pyramid


def wasserstein_1d(x: Tensor, y: Tensor, p: float = 1.0) -> Tensor:
    """W_p between clouds on the line, x (N,) and y (M,); for (N, D) and (M, D), one value a column, (D,).

    Sorting is the optimal plan: W_p^p is the integral over u in [0, 1] of |quantile of x - quantile of y|^p. Differentiable for p = 1;
    for p > 1 only where it is not 0, since the p-th root has no slope there: learn with its p-th power.
    """
    if x.ndim not in (1, 2) or x.shape[1:] != y.shape[1:] or not len(x) or not len(y):
        raise ValueError(f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}; they must be (N,) and (M,), or (N, D) and (M, D)")
    if p < 1:
        raise ValueError(f"p is {p}; it must be at least 1")
    x, y = x.sort(0).values, y.sort(0).values
    n, m = len(x), len(y)
    if n == m:
        return (x - y).abs().pow(p).mean(0).pow(1 / p)
    cuts = torch.cat([torch.arange(n + 1, device=x.device) * m, torch.arange(m + 1, device=x.device) * n]).unique()  # in units of 1 / (n m)
    left, width = cuts[:-1], cuts.diff().to(x.dtype) / (n * m)  # between two cuts both quantile functions are flat
    cost = (x[left // m] - y[left // n]).abs().pow(p)
    return torch.tensordot(width.to(cost), cost, dims=([0], [0])).pow(1 / p)


def cost_matrix(x: Tensor, y: Tensor, p: float) -> Tensor:
    """|x_i - y_j|^p (Euclidean norm over all that is not the batch), (N, M) in float64. Raises ValueError for NaN or infinity."""
    distance = torch.cdist(x.detach().flatten(1).double(), y.detach().flatten(1).double(), compute_mode="donot_use_mm_for_euclid_dist")
    if not torch.isfinite(distance).all():
        raise ValueError("x or y has values that are NaN or infinite; all must be finite")
    return distance.pow(p)


def _check_clouds(x: Tensor, y: Tensor, p: float = 1.0) -> None:
    if not p > 0:
        raise ValueError(f"p is {p}; it must be positive")
    if x.ndim < 2 or x.shape[1:] != y.shape[1:] or not len(x) or not len(y):
        raise ValueError(
            f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}; they must be (N, ...) and (M, ...), not empty, with equal rest"
        )


@dataclass(frozen=True)
class Transport:
    """An exact solution: cost = W_p^p, distance = W_p, plan (N, M), potentials with u_i + v_j <= |x_i - y_j|^p, equal where mass moves."""

    cost: Tensor
    distance: Tensor
    plan: Tensor
    source_potential: Tensor
    target_potential: Tensor


def exact(x: Tensor, y: Tensor, p: float = 1.0, a: Tensor | None = None, b: Tensor | None = None) -> Transport:
    """Optimal transport between clouds x (N, ...) and y (M, ...) with weights a (N,) and b (M,), uniform by default, by linear programming.

    Needs POT (Flamary et al. 2021). Float64, on the CPU, not differentiable; a second or so for N = M = 1000. Raises ValueError for empty
    clouds, different widths, NaN, p that is not positive, or weights that are negative or do not sum to 1.
    """
    try:
        import ot as pot
    except ImportError:
        raise ImportError("ot.exact needs the package POT: pip install pot (ot.matching needs nothing, for clouds of equal size)") from None
    _check_clouds(x, y, p)
    cost = cost_matrix(x, y, p).cpu()
    a, b = (
        torch.full((n,), 1 / n, dtype=torch.float64) if weights is None else weights.detach().cpu().double()
        for weights, n in ((a, len(x)), (b, len(y)))
    )
    for name, weights, n in (("a", a, len(x)), ("b", b, len(y))):
        if weights.shape != (n,) or not (weights >= 0).all() or not torch.isclose(weights.sum(), weights.new_ones(()), rtol=1e-5):
            raise ValueError(
                f"{name} has shape {tuple(weights.shape)} and sum {weights.sum():.6g}; it must be ({n},), of weights with sum 1"
            )
    plan, log = pot.emd(a.numpy(), b.numpy(), cost.numpy(), log=True, numItermax=10_000_000)
    if log["warning"]:
        raise RuntimeError(f"the linear programme was not solved: {log['warning']}")
    total = torch.tensor(log["cost"], dtype=torch.float64)
    return Transport(total, total.pow(1 / p), torch.as_tensor(plan), torch.as_tensor(log["u"]), torch.as_tensor(log["v"]))


def matching(x: Tensor, y: Tensor, p: float = 1.0) -> tuple[Tensor, Tensor]:
    """(W_p, index): the exact distance between clouds of equal size, and which y each x goes to, (N,). Needs SciPy only."""
    from scipy.optimize import linear_sum_assignment

    _check_clouds(x, y, p)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} points and y {len(y)}; a matching wants as many")
    cost = cost_matrix(x, y, p).cpu()
    rows, columns = linear_sum_assignment(cost.numpy())
    return cost[rows, columns].mean().pow(1 / p), torch.as_tensor(columns)


def patch_w2(real: Tensor, made: Tensor, size: int = 4, scales: int = 3, n: int = 1000, generator: torch.Generator | None = None) -> Tensor:
    """(scales,) squared W_2 between the patch laws of two images (C, H, W) at each scale, finest first, per pixel value of the patch.

    Exact between n random patches of each, so it is biased upwards, alike for images of equal laws: compare at equal n, and with the value
    between two halves of the exemplar itself. Raises ValueError for different channels, or sides that do not divide.
    """
    if real.ndim != 3 or made.ndim != 3 or len(real) != len(made):
        raise ValueError(f"real and made have shapes {tuple(real.shape)} and {tuple(made.shape)}; they must be (C, H, W) with equal C")
    values = []
    for levels in zip(pyramid(real[None], scales), pyramid(made[None], scales), strict=True):
        rows = [extract(level, size)[0] for level in levels]
        least = min(n, *map(len, rows))
        rows = [x[torch.randperm(len(x), generator=generator)[:least].to(x.device)] for x in rows]
        values.append(matching(*rows, p=2)[0] ** 2 / rows[0].shape[1])
    return torch.stack(values)
