"""Metrics that compare an image with the image it should be: PSNR, SSIM, LPIPS."""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.metrics.checks import image_pair
from course_lib.metrics.features import weights_file

LPIPS_WEIGHTS = (
    "https://download.pytorch.org/models/vgg16-397923af.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-vgg16-lpips.pth",
)


def psnr(a: Tensor, b: Tensor, data_range: float = 2.0) -> Tensor:
    """(N,) peak signal-to-noise ratios in dB, 10 log10(data_range^2 / mean squared error); infinite for equal images.

    a, b: (N, C, H, W); data_range: the largest value less the smallest possible one, 2 for images in [-1, 1].
    """
    a, b = image_pair(a, b)
    return 10 * torch.log10(data_range**2 / (a - b).square().mean((1, 2, 3)))


def ssim(a: Tensor, b: Tensor, data_range: float = 2.0) -> Tensor:
    """(N,) mean structural similarities (Wang et al. 2004): Gaussian window of 11 pixels, deviation 1.5; 1 for equal images.

    a, b: (N, C, H, W), H and W at least 11. Only windows that lie wholly inside the image count; channels are averaged.
    """
    a, b = image_pair(a, b)
    if min(a.shape[2:]) < 11:
        raise ValueError(f"a has height and width {tuple(a.shape[2:])}; both must be at least 11")
    reach = torch.arange(-5, 6, dtype=a.dtype, device=a.device)
    tap = torch.exp(-(reach**2) / (2 * 1.5**2))
    tap = tap / tap.sum()
    n, c, h, w = a.shape
    stack = torch.stack([a, b, a * a, b * b, a * b]).view(5 * n * c, 1, h, w)
    local = F.conv2d(F.conv2d(stack, tap.view(1, 1, 11, 1)), tap.view(1, 1, 1, 11))
    mean_a, mean_b, square_a, square_b, product = local.view(5, n, c, h - 10, w - 10)
    variance_a, variance_b, covariance = square_a - mean_a**2, square_b - mean_b**2, product - mean_a * mean_b
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (luminance * structure).mean((1, 2, 3))


@functools.lru_cache(maxsize=1)
def _lpips_network():
    for address in LPIPS_WEIGHTS:
        weights_file(address, "lpips")
    try:
        from torch_fidelity.sample_similarity_lpips import SampleSimilarityLPIPS
    except ImportError:
        raise RuntimeError("lpips needs the package torch-fidelity: pip install torch-fidelity") from None
    return SampleSimilarityLPIPS("lpips-vgg16")


@torch.no_grad()
def lpips(a: Tensor, b: Tensor) -> Tensor:
    """(N,) learned perceptual distances on VGG-16 (Zhang et al. 2018), by torch-fidelity's network; 0 for equal images.

    a, b: (N, 3, H, W) in [-1, 1]. Raises RuntimeError that says what to download, and where to put it, when the weights are not there.
    """
    a, b = image_pair(a, b)
    if a.shape[1] != 3:
        raise ValueError(f"a has {a.shape[1]} channels; it must have 3")
    network = _lpips_network().to(a.device)
    return network(*(((x + 1) * 127.5).float() for x in (a, b))).double()
