"""Textures by Gram matrices of feature maps (Gatys, Ecker and Bethge 2015), and the features that it and GOTEX can look through.

Taught in lesson 07.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.metrics.features import weights_file
from course_lib.models.texture import Canvas, Features, Texture
from course_lib.ot.patches import pyramid

VGG_WEIGHTS = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"


def gram(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, C): the mean over positions of the products of two maps."""
    rows = maps.flatten(2)
    return rows @ rows.transpose(1, 2) / rows.shape[2]


def random_filters(channels: int, sizes: tuple[int, ...] = (3, 5, 7, 11), width: int = 32, scales: int = 3, seed: int = 0) -> Features:
    """Images -> one (B, width, h, w) a scale and size: one layer of random filters with ReLU (Ustyuzhaninov et al. 2016). Needs no weights.

    The filters have mean 0 and norm 1 but for every fourth, which keeps its mean and so sees brightness and colour.
    """
    generator = torch.Generator().manual_seed(seed)
    banks = []
    for size in sizes:
        bank = torch.randn(width, channels, size, size, generator=generator)
        bank = bank - bank.mean((1, 2, 3), keepdim=True) * (torch.arange(width) % 4 > 0)[:, None, None, None]
        banks.append(bank / bank.flatten(1).norm(dim=1)[:, None, None, None])
    return lambda images: [F.relu(F.conv2d(level, bank.to(level))) for level in pyramid(images, scales) for bank in banks]


def vgg_maps(layers: tuple[int, ...] = (1, 6, 11, 20, 29)) -> Features:
    """Images in [-1, 1] -> the maps after the first ReLU of VGG-19's five levels. RuntimeError says what to download."""
    from torchvision.models import vgg19

    network = vgg19()
    network.load_state_dict(torch.load(weights_file(VGG_WEIGHTS, "vgg_maps"), map_location="cpu", weights_only=True))
    network = network.features[: max(layers) + 1].eval().requires_grad_(False)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]

    def maps(images: Tensor) -> list[Tensor]:
        x, found = ((images + 1) / 2 - mean.to(images)) / std.to(images), []
        for index, layer in enumerate(network.to(images.device)):
            x = F.relu(x) if isinstance(layer, nn.ReLU) else layer(x)  # not in place: a map that was kept stays as it was
            if index in layers:
                found.append(x)
        return found

    return maps


class Gatys(Texture):
    """Lowers the mean squared difference of Gram matrices between drawn images and an exemplar (C, H, W), over all feature maps, over 4."""

    def __init__(self, exemplar: Tensor, generator: nn.Module, features: Features | None = None, learning_rate: float = 0.01):
        super().__init__(generator, exemplar.shape, learning_rate)
        self.features = features or random_filters(len(exemplar))
        with torch.no_grad():
            self.grams = nn.ParameterList(nn.Parameter(gram(x), requires_grad=False) for x in self.features(exemplar[None]))

    def distance(self, images: Tensor) -> Tensor:
        pairs = zip(self.features(images), self.grams, strict=True)
        return torch.stack([(gram(maps) - target).square().mean() / 4 for maps, target in pairs]).sum()

    @classmethod
    def example(cls) -> tuple[Gatys, Tensor]:
        exemplar = torch.linspace(-1, 1, 128).view(2, 8, 8)
        return cls(exemplar, Canvas(-exemplar), random_filters(2, (3,), 4, 1)), exemplar[None]
