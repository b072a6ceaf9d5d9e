"""The Gaussian texture: the stationary field with an exemplar's mean and autocorrelation (Galerne, Gousseau and Morel 2011).

Taught in lesson 07; `Texto` starts from it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GaussianTexture(nn.Module):
    """Asymptotic discrete spot noise of an exemplar (C, H, W), grey or colour: U = mean + spot * white noise, on a torus of any size.

    spot = (exemplar - mean) / sqrt(H W). One white noise serves all channels, so colours stay correlated as they were.
    Raises ValueError for another rank, whole numbers or values that are not finite.
    """

    def __init__(self, exemplar: Tensor):
        super().__init__()
        if exemplar.ndim != 3 or not exemplar.is_floating_point() or not torch.isfinite(exemplar).all():
            raise ValueError(
                f"exemplar has shape {tuple(exemplar.shape)}, {exemplar.dtype}; it must be (C, H, W), floating point and finite"
            )
        mean = exemplar.mean((1, 2), keepdim=True)
        self.register_buffer("mean", mean)
        self.register_buffer("spot", (exemplar - mean) / (exemplar.shape[1] * exemplar.shape[2]) ** 0.5)

    @torch.no_grad()
    def synthesize(self, height: int, width: int, generator: torch.Generator | None = None) -> Tensor:
        """(C, height, width), periodic when at least as large as the exemplar; a smaller one is a part of such a one."""
        whole = [max(side, least) for side, least in zip((height, width), self.spot.shape[1:], strict=True)]
        noise = torch.randn(whole, generator=generator, device=generator.device if generator else None).to(self.spot)
        field = torch.fft.irfft2(torch.fft.rfft2(self.spot, s=whole) * torch.fft.rfft2(noise), s=whole)
        return (self.mean + field)[:, :height, :width]
