"""Distributions in the plane that can be seen."""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def _uniform(n: int, generator: torch.Generator | None) -> Tensor:
    return torch.rand(n, generator=generator)


def _spread(centres: Tensor, n: int, scale: float, generator: torch.Generator | None) -> Tensor:
    """n points: a centre drawn at random plus Gaussian noise of standard deviation `scale`."""
    pick = torch.randint(len(centres), (n,), generator=generator)
    return centres[pick] + scale * torch.randn(n, 2, generator=generator)


def ring_centres(modes: int = 8, radius: float = 2.0) -> Tensor:
    """(modes, 2) centres evenly spaced on a circle."""
    angle = 2 * math.pi * torch.arange(modes) / modes
    return radius * torch.stack([angle.cos(), angle.sin()], 1)


def grid_centres(side: int = 5, spacing: float = 1.0) -> Tensor:
    """(side^2, 2) centres on a square grid around 0."""
    axis = spacing * (torch.arange(side) - (side - 1) / 2)
    return torch.cartesian_prod(axis, axis)


def _ring(n, generator):
    return _spread(ring_centres(), n, 0.1, generator)


def _grid(n, generator):
    return _spread(grid_centres(), n, 0.05, generator)


def _two_gaussians(n, generator):
    return _spread(torch.tensor([[-1.5, 0.0], [1.5, 0.0]]), n, 0.5, generator)


def _gaussian(n, generator):
    return torch.randn(n, 2, generator=generator)


def _moons(n, generator):
    angle = math.pi * _uniform(n, generator)
    upper = torch.rand(n, generator=generator) < 0.5
    x = torch.where(upper, angle.cos(), 1 - angle.cos()) - 0.5
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin()) - 0.25
    return 1.5 * torch.stack([x, y], 1) + 0.1 * torch.randn(n, 2, generator=generator)


def _spiral(n, generator):
    turn = 3 * math.pi * _uniform(n, generator).sqrt()
    arm = math.pi * torch.randint(2, (n,), generator=generator)
    points = torch.stack([turn * (turn + arm).cos(), turn * (turn + arm).sin()], 1)
    return points / 4 + 0.08 * torch.randn(n, 2, generator=generator)


def _circles(n, generator):
    radius = torch.where(torch.rand(n, generator=generator) < 0.5, 1.0, 2.0)
    angle = 2 * math.pi * _uniform(n, generator)
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1) + 0.08 * torch.randn(n, 2, generator=generator)


def _checkerboard(n, generator):
    x = 4 * _uniform(n, generator) - 2
    row = torch.randint(2, (n,), generator=generator) * 2 + x.floor().long() % 2
    return torch.stack([x, row + _uniform(n, generator) - 2], 1)


TOYS: dict[str, Callable[[int, torch.Generator | None], Tensor]] = {
    "ring": _ring,
    "grid": _grid,
    "moons": _moons,
    "spiral": _spiral,
    "circles": _circles,
    "checkerboard": _checkerboard,
    "two_gaussians": _two_gaussians,
    "gaussian": _gaussian,
}


def toy2d(name: str, n: int, generator: torch.Generator | None = None) -> Tensor:
    """n points (n, 2) of a distribution in the plane; `names()["toy2d"]` lists them. All lie about in [-3, 3]^2."""
    if name not in TOYS:
        raise ValueError(f"toy2d {name!r} is unknown; there are {', '.join(TOYS)}")
    if n < 1:
        raise ValueError(f"n is {n}; it must be at least 1")
    return TOYS[name](n, generator)
