"""A set of images with labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset


@dataclass(frozen=True)
class ImageSet(Dataset):
    """images: (N, C, H, W) float32 in [-1, 1]; labels: (N,) int64 (zeros where there are no classes)."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            raise ValueError(f"images has shape {tuple(self.images.shape)}; it must be (N, C, H, W)")
        if self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels has shape {tuple(self.labels.shape)}; it must be ({len(self.images)},), one an image")

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        return self.images, self.labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def where(self, mask: Tensor) -> ImageSet:
        """The images for which `mask` (N,) is true."""
        return ImageSet(self.images[mask], self.labels[mask])


def to_unit(pixels: Tensor) -> Tensor:
    """uint8 pixels 0..255 -> float32 in [-1, 1]."""
    return pixels.to(torch.float32) / 127.5 - 1


def to_pixels(images: Tensor) -> Tensor:
    """Images in [-1, 1] (clipped) -> uint8 pixels 0..255."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
