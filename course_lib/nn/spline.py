"""A coupling that bends instead of stretching: monotone rational-quadratic splines (Durkan et al. 2019), for points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.nn.flow import FlowLayer
from course_lib.nn.mlp import mlp

LEAST = 1e-3  # share of the box that a bin has at least, and the least slope at a knot


def knots(raw: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """(..., K) raw numbers -> where the K + 1 knots stand in [-bound, bound], and the K widths between them."""
    share = LEAST + (1 - LEAST * raw.shape[-1]) * raw.softmax(-1)
    places = F.pad(2 * bound * share.cumsum(-1), (1, 0)) - bound
    return places, 2 * bound * share


def spline(x: Tensor, raw: Tensor, bound: float, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """An increasing function of each x (...), or its inverse, and the log of its slope; outside [-bound, bound] it is the identity.

    raw: (..., 3 K - 1) numbers, that decide K widths, K heights and the K - 1 slopes at the inner knots. Equations 4 to 8 of the paper.
    """
    bins = (raw.shape[-1] + 1) // 3
    widths, heights, slopes = raw.split([bins, bins, bins - 1], -1)
    (left, width), (low, height) = knots(widths, bound), knots(heights, bound)
    slope = F.pad(LEAST + F.softplus(slopes + 0.5413), (1, 1), value=1.0)  # raw numbers of 0: slopes of 1.001, nearly the identity
    inside = x.abs() < bound
    places = low if inverse else left
    k = (x[..., None] >= places[..., 1:-1]).sum(-1, keepdim=True)  # the bin of each x
    pick = lambda values, index: values.gather(-1, index)[..., 0]  # noqa: E731
    x0, w, y0, h, d0, d1 = pick(left, k), pick(width, k), pick(low, k), pick(height, k), pick(slope, k), pick(slope, k + 1)
    s, bend = h / w, d0 + d1 - 2 * h / w
    if inverse:
        rise = torch.where(inside, x - y0, 0.5 * h)
        a, b, c = h * (s - d0) + rise * bend, h * d0 - rise * bend, -s * rise
        t = 2 * c / (-b - (b * b - 4 * a * c).clamp(min=0).sqrt())
    else:
        t = torch.where(inside, (x - x0) / w, 0.5)
    below = s + bend * t * (1 - t)
    y = x0 + t * w if inverse else y0 + h * (s * t * t + d0 * t * (1 - t)) / below
    log_slope = 2 * s.log() + (d1 * t * t + 2 * s * t * (1 - t) + d0 * (1 - t) ** 2).log() - 2 * below.log()
    return torch.where(inside, y, x), torch.where(inside, -log_slope if inverse else log_slope, 0.0)


class SplineCoupling(FlowLayer):
    """z = x in the first half of the coordinates (B, D), a spline of each of the others, whose knots depend on the first half."""

    def __init__(self, dimension: int, width: int = 64, bins: int = 8, bound: float = 4.0):
        super().__init__()
        if dimension < 2:
            raise ValueError(f"dimension is {dimension}; it must be at least 2, half of which stay")
        self.half, self.bound = dimension // 2, bound
        self.network = mlp([self.half, width, width, (dimension - self.half) * (3 * bins - 1)])
        for parameter in self.network[-1].parameters():
            torch.nn.init.zeros_(parameter)

    def bent(self, x: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """The layer or its inverse, and the log-slopes."""
        kept, rest = x[:, : self.half], x[:, self.half :]
        raw = self.network(kept).to(rest.dtype)  # from half precision, too coarse for knots
        rest, log_slope = spline(rest, raw.reshape(*rest.shape, -1), self.bound, inverse)
        return torch.cat([kept, rest], 1), log_slope.sum(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.bent(x, inverse=False)

    def inverse(self, z: Tensor) -> Tensor:
        return self.bent(z, inverse=True)[0]
