"""Texto: a texture scale by scale, each patch taken to a patch of the exemplar by optimal transport.

Galerne, Leclaire and Rabin 2018. Taught in lesson 07.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.gaussian_texture import GaussianTexture
from course_lib.ot.patches import extract, paste, pyramid
from course_lib.ot.semidiscrete import SemiDiscrete

BAND = 2**16  # patches that are in memory at a time


class Layer(NamedTuple):
    """One scale of a synthesis, (C, h, w) each: what comes in, after transport, and what the next scale gets (None at the end)."""

    before: Tensor
    after: Tensor
    upsampled: Tensor | None


class Texto(nn.Module):
    """A Gaussian field at the coarsest scale, then at each scale a transport of patches onto those of the exemplar, and their doubles.

    Made by `Texto.fit`. A sample costs a biased nearest neighbour a patch, so it comes at any size, and all patches move independently:
    pixels farther apart than the coarsest spot and the patches reach are independent.
    """

    def __init__(self, field: GaussianTexture, channels: int, patch: int):
        super().__init__()
        self.field, self.channels, self.patch = field, channels, patch
        self.transports = nn.ModuleList()  # coarsest first
        self.doubles = nn.ParameterList()  # (J, 4 C, patch, patch): the same places at the next scale, 2x2 pixels a cell

    @classmethod
    @torch.no_grad()
    def fit(
        cls,
        exemplar: Tensor,
        patch: int = 3,
        scales: int = 4,
        targets: int = 1000,
        samples: int = 100_000,
        batch_size: int = 100,
        generator: torch.Generator | None = None,
    ) -> Texto:
        """Learns one transport a scale from the exemplar (C, H, W): at most `targets` of its patches, `samples` patches for the ascent.

        The source of a scale is the patches of a synthesis twice as high and wide as the exemplar; the authors draw from a mixture of
        four Gaussians fitted to such patches.
        Raises ValueError for NaN, another rank, sides that 2^(scales - 1) does not divide, or a coarsest scale smaller than a patch.
        """
        field = GaussianTexture(exemplar)  # checks the exemplar
        levels = pyramid(exemplar[None], scales)[::-1]
        height, width = levels[0].shape[2:]
        if min(height, width) < patch:
            raise ValueError(f"exemplar is {height}x{width} at the coarsest of {scales} scales; it must hold a patch of {patch}x{patch}")
        field = GaussianTexture(levels[0][0])
        model = cls(field, len(exemplar), patch)
        current = field.synthesize(2 * height, 2 * width, generator)  # a field as small as the exemplar holds too few patches to learn from
        for level, finer in zip(levels, [*levels[1:], None], strict=True):
            patches = extract(level, patch)[0]
            places = torch.randperm(len(patches), generator=generator)[:targets].to(patches.device)
            source = extract(current[None], patch, periodic=True)[0]
            steps = max(1, samples // batch_size)
            model.transports.append(SemiDiscrete(patches[places]).fit(source, steps, batch_size, generator=generator))
            if finer is not None:
                double = extract(finer, 2 * patch, stride=2)[0][places].unflatten(1, (len(exemplar), 2 * patch, 2 * patch))
                model.doubles.append(nn.Parameter(F.pixel_unshuffle(double, 2), requires_grad=False))
                current = model._upsample(model._assign(current, -1), -1)
        return model

    def _assign(self, image: Tensor, scale: int) -> Tensor:
        """(H, W) which target each patch of an image (C, H, W) on a torus goes to, band by band."""
        transport, reach = self.transports[scale], self.patch - 1
        padded = F.pad(image[None], (0, reach, 0, reach), mode="circular")
        rows = max(1, BAND // image.shape[2])
        bands = (extract(padded[:, :, top : top + rows + reach], self.patch)[0] for top in range(0, image.shape[1], rows))
        return torch.cat([transport.assign(band) for band in bands]).view(image.shape[1:])

    def _average(self, index: Tensor, scale: int) -> Tensor:
        return paste(index, self.transports[scale].targets.unflatten(1, (self.channels, self.patch, self.patch)))

    def _upsample(self, index: Tensor, scale: int) -> Tensor:
        return F.pixel_shuffle(paste(index, self.doubles[scale]), 2)

    def _start(self, height: int, width: int, generator: torch.Generator | None) -> Tensor:
        """The Gaussian field under a texture of height x width, rounded up."""
        if height < 1 or width < 1:
            raise ValueError(f"height and width are {height} and {width}; both must be at least 1")
        step = 2 ** len(self.doubles)
        return self.field.synthesize(max(-(-height // step), self.patch), max(-(-width // step), self.patch), generator)

    @torch.no_grad()
    def layers(self, height: int, width: int, generator: torch.Generator | None = None) -> Iterator[Layer]:
        """The synthesis of `synthesize` scale by scale, coarsest first; sides rounded up to multiples of 2^(scales - 1)."""
        before = self._start(height, width, generator)
        for scale in range(len(self.transports)):
            index = self._assign(before, scale)
            upsampled = self._upsample(index, scale) if scale < len(self.doubles) else None
            yield Layer(before, self._average(index, scale), upsampled)
            before = upsampled

    @torch.no_grad()
    def synthesize(self, height: int, width: int, generator: torch.Generator | None = None) -> Tensor:
        """(C, height, width), a new texture of any size; the same generator state gives the same one."""
        image = self._start(height, width, generator)
        for scale in range(len(self.doubles)):
            image = self._upsample(self._assign(image, scale), scale)
        return self._average(self._assign(image, -1), -1)[:, :height, :width]

    def save(self, path: str | Path) -> None:
        """One safetensors file; `Texto.load` reads it."""
        save_file({name: value.contiguous() for name, value in self.state_dict().items()}, path)

    @classmethod
    def load(cls, path: str | Path) -> Texto:
        """What `save` wrote."""
        state = load_file(path)
        channels = len(state["field.mean"])
        patch = round((state["transports.0.targets"].shape[1] / channels) ** 0.5)
        model = cls(GaussianTexture(torch.zeros_like(state["field.spot"])), channels, patch)
        scales = sum(name.endswith(".targets") for name in state)
        model.transports.extend(SemiDiscrete(state[f"transports.{scale}.targets"]) for scale in range(scales))
        model.doubles.extend(nn.Parameter(state[f"doubles.{scale}"], requires_grad=False) for scale in range(scales - 1))
        model.load_state_dict(state)
        return model
