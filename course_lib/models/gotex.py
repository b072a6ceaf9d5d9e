"""GOTEX: textures whose feature laws are those of an exemplar in the sense of optimal transport (Houdard et al. 2023).

Taught in lesson 07.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.models.texture import Canvas, Features, Texture, patch_features
from course_lib.ot.semidiscrete import SemiDiscrete


class Gotex(Texture):
    """Lowers the sum over feature types p of W_2^2(law of p in the drawn images, law of p in the exemplar), through its semi-dual.

    A step moves every potential `dual_steps` times uphill, then the generator once downhill: inf over images, sup over potentials.
    The laws of the exemplar (C, H, W) are uniform on at most `targets` of its features. features: images -> [(N, D)], by default
    all patches of 4x4 pixels at four scales. Each dual step looks at `sample` rows of each feature, drawn at random.
    """

    def __init__(
        self,
        exemplar: Tensor,
        generator: nn.Module,
        features: Features | None = None,
        *,
        targets: int = 2000,
        dual_steps: int = 10,
        sample: int | None = 4096,
        learning_rate: float = 0.01,
        seed: int = 0,
    ):
        super().__init__(generator, exemplar.shape, learning_rate)
        self.features, self.dual_steps, self.subset = features or patch_features(), dual_steps, sample
        self.transports = nn.ModuleList()
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for rows in self.features(exemplar[None]):
                self.transports.append(SemiDiscrete(rows[torch.randperm(len(rows), generator=draw)[:targets].to(rows.device)]))

    def distance(self, images: Tensor) -> Tensor:
        """Moves the potentials first, drawing from `self.rng`: two calls differ."""
        laws = list(zip(self.transports, self.features(images), strict=True))
        for transport, rows in laws:
            transport.ascend(rows.detach(), self.dual_steps, sample=self.subset, generator=self.rng)
        return torch.stack([transport.distance(rows) for transport, rows in laws]).sum()

    @classmethod
    def example(cls) -> tuple[Gotex, Tensor]:
        exemplar = torch.linspace(-1, 1, 128).view(2, 8, 8)
        return cls(exemplar, Canvas(-exemplar), patch_features(2, 2), targets=20, sample=10), exemplar[None]
