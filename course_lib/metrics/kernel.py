"""Kernel distance (KID): the unbiased squared maximum mean discrepancy with the cubic kernel (x.y / D + 1)^3."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.metrics.checks import Spread, pair

BLOCK = 2048  # rows of a kernel matrix that are in memory at a time


def _kernel_blocks(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Row blocks of the kernel matrix (N, M)."""
    one = torch.ones((), dtype=a.dtype, device=a.device)
    for start in range(0, len(a), BLOCK):
        rows = slice(start, start + BLOCK)
        base = torch.addmm(one, a[rows], b.T, alpha=1 / a.shape[1])
        yield rows, (base * base).mul_(base)


def _cubic_norms(a: Tensor) -> Tensor:
    """The kernel of each row with itself, (N,)."""
    return ((a * a).sum(1) / a.shape[1] + 1) ** 3


def kernel_distance(real: Tensor, generated: Tensor) -> float:
    """Unbiased squared MMD with the cubic kernel, on all pairs of samples (Bińkowski et al. 2018): 0 on average for equal distributions.

    real, generated: features (N, D), (M, D); N and M may differ. It can be a little below 0. The kernel is polynomial: the value grows
    with the sixth power of the features' scale. Raises ValueError for fewer than two samples, different D, NaN.
    """
    real, generated = pair(real, generated)
    within = [
        (sum(block.sum() for _, block in _kernel_blocks(a, a)) - _cubic_norms(a).sum()) / (len(a) * (len(a) - 1)) for a in (real, generated)
    ]
    across = sum(block.sum() for _, block in _kernel_blocks(real, generated)) / (len(real) * len(generated))
    return (within[0] + within[1] - 2 * across).item()


def kernel_distance_subsets(real: Tensor, generated: Tensor, subsets: int = 100, subset_size: int = 1000, seed: int = 2020) -> Spread:
    """Mean and standard deviation of `kernel_distance` over random subsets, as papers report KID; the draws are torch-fidelity's.

    Each kernel matrix is computed once, whatever the number of subsets: a subset's sum is z^T K z with its indicator z.
    Raises ValueError as `kernel_distance` does, and when a set has fewer than `subset_size` samples.
    """
    real, generated = pair(real, generated)
    for name, value in (("subsets", subsets), ("subset_size", subset_size - 1)):
        if value < 1:
            raise ValueError(f"{name} is {value + (name == 'subset_size')}; it must be at least {1 + (name == 'subset_size')}")
    for name, features in (("real", real), ("generated", generated)):
        if len(features) < subset_size:
            raise ValueError(f"{name} has {len(features)} samples; it must have at least subset_size, {subset_size}")
    random = np.random.RandomState(seed)  # noqa: NPY002  the legacy generator, to draw what torch-fidelity draws
    chosen = [torch.zeros(subsets, len(features), dtype=torch.float64) for features in (real, generated)]
    for index in range(subsets):
        for z in chosen:
            z[index, torch.from_numpy(random.choice(z.shape[1], subset_size, replace=False))] = 1
    z_real, z_generated = (z.to(real.device) for z in chosen)
    within = sum(_subset_sums(a, a, z, z) - z @ _cubic_norms(a) for a, z in ((real, z_real), (generated, z_generated)))
    across = _subset_sums(real, generated, z_real, z_generated)
    values = within / (subset_size * (subset_size - 1)) - 2 * across / subset_size**2
    return Spread(values.mean().item(), values.std(correction=0).item())


def _subset_sums(a: Tensor, b: Tensor, z: Tensor, w: Tensor) -> Tensor:
    """(subsets,) sums of the kernel over the pairs that the indicators z (subsets, N) and w (subsets, M) choose."""
    total = torch.zeros(len(z), dtype=a.dtype, device=a.device)
    for rows, block in _kernel_blocks(a, b):
        total += ((z[:, rows] @ block) * w).sum(1)
    return total
