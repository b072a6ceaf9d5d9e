"""Optimal transport between Gaussians, in closed form: lesson 04, and the Fréchet distance of `course_lib.metrics`."""

from __future__ import annotations

import scipy.linalg
import torch
from torch import Tensor


def root(covariance: Tensor) -> Tensor:
    """Some F (D, r) with F F^T = covariance: its Cholesky factor, or, where it is singular, scaled eigenvectors of rank r."""
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return factor
    values, vectors = torch.linalg.eigh(covariance)
    keep = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    return vectors[:, keep] * values[keep].sqrt()


def sum_of_roots(values: Tensor) -> Tensor | None:
    """The sum of the roots of eigenvalues, or None where what rounding can do to the small ones exceeds 1e-9 of that sum."""
    values = values.clamp(min=0)
    rounding = len(values) * torch.finfo(values.dtype).eps * values.max()
    total = values.sqrt().sum()
    return total if (values + rounding).sqrt().sum() - total <= 1e-9 * total else None


def trace_of_root(covariance: Tensor, other: Tensor) -> Tensor:
    """tr (C1 C2)^(1/2), from the eigenvalues of C1 C2: those of a symmetric pencil, or singular values where these are not exact enough."""
    total = None
    if covariance.device.type == "cpu":
        try:
            values = scipy.linalg.eigh(covariance.numpy(), other.numpy(), type=2, eigvals_only=True, driver="gv", check_finite=False)
            total = sum_of_roots(torch.from_numpy(values))
        except scipy.linalg.LinAlgError:  # the second one is singular
            pass
    else:
        factor = root(other)
        total = sum_of_roots(torch.linalg.eigvalsh(factor.T @ covariance @ factor))
    return torch.linalg.svdvals(root(covariance).T @ root(other)).sum() if total is None else total


def gaussian_w2(mean_x: Tensor, covariance_x: Tensor, mean_y: Tensor, covariance_y: Tensor) -> Tensor:
    """W_2 between N(mean_x, covariance_x) and N(mean_y, covariance_y); means (D,), covariances (D, D) symmetric, positive semi-definite.

    W_2^2 = |m_x - m_y|^2 + tr(A + B - 2 (A B)^1/2): Dowson and Landau 1982. With A = F F^T and B = G G^T the last trace is the sum of
    the singular values of F^T G, so no square root of a matrix is ever taken. In float64. Raises ValueError for other shapes, values
    that are not finite, or covariances that are not symmetric.
    """
    m, a, n, b = (x.detach().double() for x in (mean_x, covariance_x, mean_y, covariance_y))
    if a.shape != b.shape or a.ndim != 2 or a.shape[0] != a.shape[1] or m.shape != n.shape or m.shape != a.shape[:1]:
        shapes = [tuple(x.shape) for x in (m, a, n, b)]
        raise ValueError(f"means and covariances have shapes {shapes}; they must be (D,), (D, D), (D,), (D, D)")
    if not all(torch.isfinite(x).all() for x in (m, a, n, b)) or not all(torch.allclose(x, x.T, rtol=1e-4, atol=1e-6) for x in (a, b)):
        raise ValueError("means and covariances must be finite, and covariances symmetric")
    squared = (m - n).square().sum() + a.trace() + b.trace() - 2 * trace_of_root(a, b)
    return squared.clamp(min=0).sqrt()
