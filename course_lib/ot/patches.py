"""Patches of images: cut out, put back by averaging, and the pyramid of scales that they are taken from. Taught in lesson 07."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def _check(shape: tuple[int, ...], size: int, stride: int, periodic: bool) -> None:
    if len(shape) != 4:
        raise ValueError(f"images has shape {tuple(shape)}; it must be (B, C, H, W)")
    if size < 1 or not 1 <= stride <= size:
        raise ValueError(f"size and stride are {size} and {stride}; they must satisfy 1 <= stride <= size")
    for name, side in (("height", shape[2]), ("width", shape[3])):
        if side < size:
            raise ValueError(f"images has {name} {side}; it must be at least the size of a patch, {size}")
        if (side if periodic else side - size) % stride:
            wanted = f"a multiple of the stride {stride}" if periodic else f"{size} and a multiple of the stride {stride} more"
            raise ValueError(f"images has {name} {side}; it must be {wanted}")


def extract(images: Tensor, size: int, stride: int = 1, periodic: bool = False) -> Tensor:
    """(B, C, H, W) -> (B, h w, C size^2): all patches, row by row. Differentiable.

    periodic: patches also reach over the right and the lower border, as on a torus; then h = H / stride, otherwise (H - size) / stride + 1.
    """
    _check(images.shape, size, stride, periodic)
    if periodic:
        images = F.pad(images, (0, size - stride, 0, size - stride), mode="circular")
    return F.unfold(images, size, stride=stride).transpose(1, 2)


def fold(patches: Tensor, shape: tuple[int, int, int, int], stride: int = 1, periodic: bool = False) -> Tensor:
    """The inverse of `extract`: (B, h w, C size^2) -> images of the given shape (B, C, H, W); where patches overlap, their mean.

    Differentiable. Raises ValueError as `extract` does, and for patches that are not square or too many or few for the shape.
    """
    size = round((patches.shape[2] / shape[1]) ** 0.5)
    _check(shape, size, stride, periodic)
    count = math.prod((side if periodic else side - size + stride) // stride for side in shape[2:])
    if patches.shape != (shape[0], count, shape[1] * size**2):
        raise ValueError(f"patches has shape {tuple(patches.shape)}; it must be {(shape[0], count, shape[1] * size**2)} for {tuple(shape)}")
    over = size - stride if periodic else 0
    height, width = shape[2] + over, shape[3] + over

    def total(x: Tensor) -> Tensor:
        x = F.fold(x.transpose(1, 2), (height, width), size, stride=stride)
        for dim, side in ((2, shape[2]), (3, shape[3])):  # what reached over the border comes in on the other side
            inside, rest = x.narrow(dim, 0, side), x.narrow(dim, side, over)
            inside.narrow(dim, 0, over).add_(rest)
            x = inside
        return x

    return total(patches) / total(torch.ones_like(patches[:1]))


def paste(index: Tensor, patches: Tensor) -> Tensor:
    """(C, H, W) from (H, W) numbers of patches (J, C, size, size): each stands with its corner there, on a torus; overlaps are averaged.

    The same as `fold(patches[index], ..., periodic=True)`, in memory of the order of the result.
    """
    (height, width), (_, channels, size, _) = index.shape, patches.shape
    total = patches.new_zeros(height, width, channels)
    for down in range(size):
        for right in range(size):
            total += patches[:, :, down, right][index.roll((down, right), (0, 1))]
    return total.div_(size**2).permute(2, 0, 1)


def halve(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H / 2, W / 2): blurred with a 4x4 binomial window, then every second pixel. Sides must be even."""
    if images.shape[2] % 2 or images.shape[3] % 2:
        raise ValueError(f"images has sides {tuple(images.shape[2:])}; they must be even to be halved")
    tap = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=images.dtype, device=images.device) / 8
    kernel = torch.outer(tap, tap).expand(images.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(images, [1] * 4, mode="reflect"), kernel, stride=2, groups=images.shape[1])


def pyramid(images: Tensor, scales: int) -> list[Tensor]:
    """[(B, C, H, W), (B, C, H/2, W/2), ...]: `scales` of them, finest first. Raises ValueError for sides that do not divide."""
    step = 2 ** (scales - 1)
    if scales < 1 or images.shape[2] % step or images.shape[3] % step:
        raise ValueError(f"images has sides {tuple(images.shape[2:])}; for {scales} scales they must be multiples of {step}")
    levels = [images]
    for _ in range(scales - 1):
        levels.append(halve(levels[-1]))
    return levels
