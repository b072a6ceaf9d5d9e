"""What GOTEX and Gatys' synthesis share: something that draws an image, and a distance of its statistics to an exemplar's.

Taught in lesson 07.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.system import System
from course_lib.ot.patches import extract, pyramid
from course_lib.training.update import Update

Features = Callable[[Tensor], list[Tensor]]


class Canvas(nn.Module):
    """One image (C, H, W) whose pixels are the parameters: to learn it is to optimise an image."""

    def __init__(self, image: Tensor):
        super().__init__()
        self.pixels = nn.Parameter(image.detach().clone()[None])

    def noise(self, n: int, height: int, width: int, randn: Callable[..., Tensor]) -> list[Tensor]:
        """Nothing: a canvas draws always the same."""
        return []

    def forward(self, noise: list[Tensor]) -> Tensor:
        return self.pixels


class TextureNetwork(nn.Module):
    """Noise at several scales, coarse to fine, each joined to the coarser features twice enlarged (Ulyanov et al. 2016).

    A trained one draws a texture of any size in one pass. Its images are in [-1, 1].
    """

    def __init__(self, channels: int = 3, scales: int = 4, width: int = 8):
        super().__init__()

        def block(inputs: int, outputs: int) -> nn.Sequential:
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="circular")
            return nn.Sequential(convolution, nn.InstanceNorm2d(outputs, affine=True), nn.LeakyReLU(0.1))

        self.scales, self.inputs = scales, channels
        self.grains = nn.ModuleList(nn.Sequential(block(channels, width), block(width, width)) for _ in range(scales))
        self.joints = nn.ModuleList(
            nn.Sequential(block(width * (k + 1), width * (k + 1)), block(width * (k + 1), width * (k + 1))) for k in range(1, scales)
        )
        self.head = nn.Conv2d(width * scales, channels, 1)

    def noise(self, n: int, height: int, width: int, randn: Callable[..., Tensor]) -> list[Tensor]:
        """What `forward` wants for n images of height x width, multiples of 2^(scales - 1): normal numbers, coarsest first."""
        step = 2 ** (self.scales - 1)
        if height % step or width % step:
            raise ValueError(f"height and width are {height} and {width}; with {self.scales} scales they must be multiples of {step}")
        return [randn(n, self.inputs, height * 2**k // step, width * 2**k // step) for k in range(self.scales)]

    def forward(self, noise: list[Tensor]) -> Tensor:
        features = self.grains[0](noise[0])
        for grain, joint, z in zip(self.grains[1:], self.joints, noise[1:], strict=True):
            features = joint(torch.cat([F.interpolate(features, scale_factor=2), grain(z)], 1))
        return self.head(features).tanh()


def patch_features(size: int = 4, scales: int = 4) -> Features:
    """Images (B, C, H, W) -> one (N, C size^2) a scale: all patches of all images."""
    return lambda images: [extract(level, size).flatten(0, 1) for level in pyramid(images, scales)]


def positions(maps: Features) -> Features:
    """Feature maps [(B, C, h, w)] as rows [(B h w, C)]: each position is a sample of a law in C dimensions."""
    return lambda images: [x.movedim(1, 3).flatten(0, 2) for x in maps(images)]


class Texture(System, ABC):
    """A generator (`Canvas` or `TextureNetwork`) that lowers `distance(images)`; subclasses define it.

    `fit(model, exemplar[None], steps, batch_size=1)` trains; a batch says only how many images to draw, and how large.
    """

    def __init__(self, generator: nn.Module, shape: torch.Size | tuple[int, ...], learning_rate: float = 0.01):
        super().__init__()
        self.generator, self.shape = generator, tuple(shape)
        self.optimiser = torch.optim.Adam(generator.parameters(), learning_rate, fused=True)

    @abstractmethod
    def distance(self, images: Tensor) -> Tensor:
        """Between the statistics of images (B, C, H, W) and the exemplar's: a scalar to be made small."""

    def step(self, batch: Tensor, update: Update) -> dict[str, Tensor]:
        images = self.generator(self.generator.noise(len(batch), *batch.shape[2:], self.randn))
        if images.shape[1] != self.shape[0]:
            raise ValueError(f"generator draws {images.shape[1]} channels; it must draw {self.shape[0]}, as the exemplar has")
        loss = self.distance(images)
        update(loss, self.optimiser)
        return {"distance": loss.detach()}

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None, size: tuple[int, int] | None = None) -> Tensor:
        """n images (n, C, H, W), as large as the exemplar or of `size` (height, width); a canvas has one image of one size."""
        noise = self.generator.noise(n, *(size or self.shape[1:]), lambda *shape: self.randn(*shape, generator=generator))
        return self.generator(noise).expand(n, -1, -1, -1).clone()  # a canvas would hand out its own pixels
