"""Sliced Wasserstein distance between clouds, and between the patches of two sets of images, scale by scale."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.metrics.checks import pair
from course_lib.ot.transport import wasserstein_1d


def sliced_wasserstein(
    real: Tensor, generated: Tensor, projections: int = 256, p: float = 2, generator: torch.Generator | None = None
) -> float:
    """(mean over random directions of W_p^p of the projections)^(1/p) (Bonneel et al. 2015); 0 for equal clouds.

    real (N, D), generated (M, D). The directions are uniform on the sphere; give a generator for the same ones each time.
    Raises ValueError for fewer than two samples, different D, NaN, projections or p below 1.
    """
    real, generated = pair(real, generated)
    if projections < 1 or p < 1:
        raise ValueError(f"projections and p are {projections} and {p}; both must be at least 1")
    directions = torch.randn(real.shape[1], projections, dtype=torch.float64, generator=generator).to(real.device)
    directions = F.normalize(directions, dim=0)
    parts = [wasserstein_1d(real @ block, generated @ block, p).pow(p) for block in directions.split(64, 1)]
    return torch.cat(parts).mean().pow(1 / p).item()


def laplacian_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """What each scale adds to the next coarser one, finest first, and the coarsest image last (Burt and Adelson 1983)."""
    tap = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], dtype=images.dtype, device=images.device) / 16
    kernel = torch.outer(tap, tap)[None, None].expand(images.shape[1], 1, 5, 5)

    def blur(x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, [2] * 4, mode="reflect"), kernel, groups=x.shape[1])

    pyramid = []
    for _ in range(levels - 1):
        small = blur(images)[:, :, ::2, ::2]
        spread = torch.zeros_like(images)
        spread[:, :, ::2, ::2] = 4 * small
        pyramid.append(images - blur(spread))
        images = small
    return [*pyramid, images]


def patch_sliced_wasserstein(
    real: Tensor,
    generated: Tensor,
    levels: int | None = None,
    patch: int = 7,
    patches_per_image: int = 64,
    projections: int = 256,
    generator: torch.Generator | None = None,
) -> dict[int, float]:
    """Sliced W1 between patches of Laplacian-pyramid levels, by the level's height (Karras et al. 2018, section 5): 0 is best.

    real (N, C, H, W), generated (M, C, H, W) in [-1, 1]. Patches lie at random places; each channel of each set is brought to mean 0
    and variance 1, as in the paper, so that levels compare texture and not brightness. levels: all that hold two patches a side by
    default. Raises ValueError for other ranks or shapes, NaN, or images smaller than a patch.
    """
    for name, images in (("real", real), ("generated", generated)):
        if images.ndim != 4 or images.shape[1:] != real.shape[1:]:
            raise ValueError(f"{name} has shape {tuple(images.shape)}; it must be (N, C, H, W), with the C, H, W of real")
        if not torch.isfinite(images).all():
            raise ValueError(f"{name} has values that are NaN or infinite; all must be finite")
    short = min(real.shape[2:])
    if levels is None:
        levels = 1
        while -(-short // 2**levels) >= 2 * patch:
            levels += 1
    if short < patch or -(-short // 2 ** (levels - 1)) < patch:
        raise ValueError(f"real has height and width {tuple(real.shape[2:])}; {levels} levels need at least one {patch}x{patch} patch each")

    def take(level: Tensor) -> Tensor:
        """(N * patches_per_image, C * patch^2), normalised."""
        n, c, h, w = level.shape
        top = torch.randint(h - patch + 1, (n, patches_per_image), generator=generator).to(level.device)
        left = torch.randint(w - patch + 1, (n, patches_per_image), generator=generator).to(level.device)
        reach = torch.arange(patch, device=level.device)
        rows, columns = (top[..., None] + reach)[..., :, None], (left[..., None] + reach)[..., None, :]
        picks = level[torch.arange(n, device=level.device)[:, None, None, None], :, rows, columns]  # (N, P, patch, patch, C)
        flat = picks.reshape(-1, c)
        picks = (picks - flat.mean(0)) / flat.std(0).clamp(min=1e-8)
        return picks.reshape(n * patches_per_image, -1)

    pyramids = zip(laplacian_pyramid(real.detach().double(), levels), laplacian_pyramid(generated.detach().double(), levels), strict=True)
    return {a.shape[2]: sliced_wasserstein(take(a), take(b), projections, p=1, generator=generator) for a, b in pyramids}
