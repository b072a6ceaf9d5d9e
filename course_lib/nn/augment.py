"""Augmentations through which gradients pass, for reals and fakes alike (Zhao et al. 2020; Karras et al. 2020)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def random_shift(images: Tensor, pixels: int = 2, fill: float = -1.0) -> Tensor:
    """Moves each image (B, C, H, W) down and right by its own two whole numbers in [-pixels, pixels]; what comes in is `fill`."""
    if pixels < 0:
        raise ValueError(f"pixels is {pixels}; it must be at least 0")
    b, _, h, w = images.shape
    down, right = torch.randint(0, 2 * pixels + 1, (2, b, 1), device=images.device)
    rows = down + torch.arange(h, device=images.device)  # (B, H) rows of the padded image
    columns = right + torch.arange(w, device=images.device)
    index = torch.arange(b, device=images.device)[:, None, None]
    padded = F.pad(images, [pixels] * 4, value=fill).permute(0, 2, 3, 1)
    return padded[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def jitter(images: Tensor, numbers: Tensor, degrees: float = 12, shift: float = 0.09, stretch: float = 0.12, fill: float = -1.0) -> Tensor:
    """Images (B, C, H, W) each turned by up to +-degrees, stretched per axis by up to +-stretch, moved by up to +-shift of its width.

    numbers: (5, B) uniform in [0, 1), which decide it. What comes in from outside is `fill`.
    """
    angle, x_scale, y_scale, x_shift, y_shift = (2 * numbers - 1).unbind()
    angle = angle * math.radians(degrees)
    x_scale, y_scale = 1 + stretch * x_scale, 1 + stretch * y_scale
    rows = [
        torch.stack([angle.cos() * x_scale, -angle.sin() * y_scale, 2 * shift * x_shift], 1),
        torch.stack([angle.sin() * x_scale, angle.cos() * y_scale, 2 * shift * y_shift], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images - fill, grid, align_corners=False) + fill
