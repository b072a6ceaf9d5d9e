"""FID between two single images: the positions of one feature map are the samples."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.metrics.frechet import frechet_distance


def random_filter_maps(image: Tensor, width: int = 64, seed: int = 0) -> Tensor:
    """(width, h, w): an image (C, H, W) through two fixed random 3x3 convolutions with ReLU, a 2x2 mean between them.

    A stand-in, offline, for the first layers of Inception: Ustyuzhaninov et al. 2016 found that random filters hold enough of texture.
    """
    generator = torch.Generator().manual_seed(seed)
    maps = image[None]
    for step, (inputs, outputs) in enumerate(((len(image), width), (width, width))):
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / (9 * inputs)) ** 0.5
        if step:
            maps = F.avg_pool2d(maps, 2)
        else:
            weight = weight - weight.mean((2, 3), keepdim=True) * (torch.arange(outputs) % 4 > 0)[:, None, None, None]  # mostly edges
        maps = F.relu(F.conv2d(maps, weight.to(maps)))
    return maps[0]


def single_image_fid(a: Tensor, b: Tensor, features: Callable[[Tensor], Tensor] = random_filter_maps) -> float:
    """Fréchet distance between the feature maps of two images, positions taken as samples (Shaham et al. 2019): 0 for equal statistics.

    a (C, H, W), b (C, h, w) in [-1, 1]; sizes may differ. features: image (C, H, W) -> maps (D, h, w); say which when you report it.
    The published SIFID takes the maps just before Inception's second pooling. Raises ValueError for other ranks, other channels or NaN.
    """
    for name, image in (("a", a), ("b", b)):
        if image.ndim != 3 or len(image) != len(a):
            raise ValueError(f"{name} has shape {tuple(image.shape)}; it must be (C, H, W), with the channels of a")
    with torch.no_grad():
        maps = [features(image.float()) for image in (a, b)]
    return frechet_distance(*(m.flatten(1).T for m in maps))
