"""A digit classifier: the network whose features the course's own FID, precision and recall are measured on."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.system import System
from course_lib.nn.augment import jitter
from course_lib.training.update import Update


def conv_block(inputs: int, outputs: int) -> list[nn.Module]:
    """Two 3x3 convolutions with batch normalisation, then a 2x2 maximum."""
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers += [nn.Conv2d(before, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return [*layers, nn.MaxPool2d(2)]


class Classifier(System):
    """Images (B, channels, size, size) in [-1, 1] -> logits (B, classes); `features` gives what the last layer sees, (B, width).

    Trained by cross-entropy with a cosine learning rate, on images turned, scaled and shifted at random (`jitter`).
    """

    def __init__(
        self, classes: int = 10, size: int = 28, channels: int = 1, width: int = 64, base: int = 24, rate: float = 3e-3, jitter: bool = True
    ):
        super().__init__()
        if size % 4:
            raise ValueError(f"size is {size}; it must be a multiple of 4")
        self.shape, self.rate, self.jitter = (channels, size, size), rate, jitter
        self.body = nn.Sequential(
            *conv_block(channels, base),
            *conv_block(base, 2 * base),
            nn.Flatten(),
            nn.Linear(2 * base * (size // 4) ** 2, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )
        self.head = nn.Linear(width, classes)
        self.optimiser = torch.optim.AdamW(self.parameters(), lr=rate, weight_decay=0.02, fused=True)

    def features(self, images: Tensor) -> Tensor:
        """(B, width): the non-negative input of the last layer. Raises ValueError for images of another shape."""
        if images.ndim != 4 or images.shape[1:] != self.shape:
            raise ValueError(f"images has shape {tuple(images.shape)}; it must be (B, {', '.join(map(str, self.shape))})")
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))

    def step(self, batch: tuple[Tensor, Tensor], update: Update) -> dict[str, Tensor]:
        images, labels = batch
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * (0.5 * (1 + math.cos(math.pi * update.progress)) + 1e-3)
        logits = self(jitter(images, self.rand(5, len(images))) if self.jitter else images)
        loss = F.cross_entropy(logits, labels)
        update(loss, self.optimiser)
        return {"loss": loss, "accuracy": (logits.argmax(1) == labels).float().mean()}

    @torch.no_grad()
    def accuracy(self, images: Tensor, labels: Tensor, batch: int = 500) -> float:
        """Share of images whose largest logit is their label's."""
        right = [(self(i).argmax(1) == j).sum() for i, j in zip(images.split(batch), labels.split(batch), strict=True)]
        return (sum(right) / len(labels)).item()

    @classmethod
    def example(cls) -> tuple[Classifier, tuple[Tensor, Tensor]]:
        return cls(size=8, width=6, base=4), (torch.rand(6, 1, 8, 8) * 2 - 1, torch.arange(6))
