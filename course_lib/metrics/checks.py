"""What every metric asks of its input."""

from typing import NamedTuple

import torch
from torch import Tensor


class Spread(NamedTuple):
    """A mean and the standard deviation that goes with it."""

    mean: float
    std: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} ± {self.std:.2g}"


def matrix(name: str, values: Tensor, least: int = 2) -> Tensor:
    """`values` as float64 (N, D) without gradients. Raises ValueError for another rank, fewer than `least` rows, NaN or infinity."""
    if not isinstance(values, Tensor) or values.ndim != 2:
        got = f"shape {tuple(values.shape)}" if hasattr(values, "shape") else f"type {type(values).__name__}"
        raise ValueError(f"{name} has {got}; it must be a tensor (N, D), one row a sample")
    if len(values) < least:
        raise ValueError(f"{name} has {len(values)} samples; it must have at least {least}")
    values = values.detach().double()
    if bad := int((~torch.isfinite(values)).sum()):
        raise ValueError(f"{name} has {bad} values that are NaN or infinite; all must be finite")
    return values


def pair(real: Tensor, generated: Tensor, least: int = 2) -> tuple[Tensor, Tensor]:
    """Both sets as float64 matrices of the same width, on the device of `real`."""
    real, generated = matrix("real", real, least), matrix("generated", generated, least)
    if real.shape[1] != generated.shape[1]:
        raise ValueError(f"generated has {generated.shape[1]} columns; it must have {real.shape[1]}, as real has")
    return real, generated.to(real.device)


def image_pair(a: Tensor, b: Tensor, names: tuple[str, str] = ("a", "b")) -> tuple[Tensor, Tensor]:
    """Two batches (N, C, H, W) of the same shape in float64. Raises ValueError for another rank or shape, NaN or infinity."""
    for name, images in zip(names, (a, b), strict=True):
        if images.ndim != 4:
            raise ValueError(f"{name} has shape {tuple(images.shape)}; it must be (N, C, H, W)")
        if not torch.isfinite(images).all():
            raise ValueError(f"{name} has values that are NaN or infinite; all must be finite")
    if a.shape != b.shape:
        raise ValueError(f"{names[1]} has shape {tuple(b.shape)}; it must be {tuple(a.shape)}, as {names[0]} has")
    return a.detach().double(), b.detach().double().to(a.device)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(N, M) squared Euclidean distances between rows, at least 0, from one matrix product."""
    return torch.addmm((b * b).sum(1)[None] + (a * a).sum(1)[:, None], a, b.T, alpha=-2).clamp_(min=0)
