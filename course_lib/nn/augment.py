"""Augmentations through which gradients pass, for reals and fakes alike (Zhao et al. 2020; Karras et al. 2020)."""

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
