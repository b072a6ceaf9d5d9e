"""The deep convolutional GAN's networks, small enough for two cores (Radford, Metz and Chintala 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from course_lib.nn.mlp import mlp


@torch.no_grad()
def dcgan_init(module: nn.Module) -> nn.Module:
    """Weights from N(0, 0.02), BatchNorm gains from N(1, 0.02), biases 0; returns the module."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            layer.weight.normal_(0, 0.02)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.weight.normal_(1, 0.02)
        else:
            continue
        if layer.bias is not None:
            layer.bias.zero_()
    return module


def _check(size: int, widths: Sequence[int]) -> int:
    side, rest = divmod(size, 2 ** len(widths))
    if rest or side < 2 or not widths:
        raise ValueError(f"size is {size}; with {len(widths)} widths it must be a multiple of {2 ** len(widths)}, and at least twice that")
    return side


def dcgan_generator(
    latent: int = 64, size: int = 28, channels: int = 1, widths: Sequence[int] = (32, 64), norm: bool = True, hidden: int = 0
) -> nn.Sequential:
    """(B, latent) -> (B, channels, size, size) in [-1, 1]: a linear layer, then one transposed convolution that doubles the side per width.

    widths: channels from the image side inwards. norm: BatchNorm after every layer but the last. hidden: width of one more linear
    layer in front, 0 for none as in the paper; it pays where few levels leave the convolutions short-sighted.
    """
    side = _check(size, widths)
    levels = list(widths)[::-1]  # deepest first
    layers: list[nn.Module] = []
    if hidden:
        layers += [nn.Linear(latent, hidden, bias=not norm)] + [nn.BatchNorm1d(hidden)] * norm + [nn.ReLU()]
    layers += [nn.Linear(hidden or latent, levels[0] * side**2, bias=not norm), nn.Unflatten(1, (levels[0], side, side))]
    for before, after in zip(levels, levels[1:] + [None], strict=True):
        layers += [nn.BatchNorm2d(before)] * norm + [nn.ReLU()]
        layers.append(nn.ConvTranspose2d(before, after or channels, 4, 2, 1, bias=after is None or not norm))
    network = nn.Sequential(*layers, nn.Tanh())
    return dcgan_init(network) if norm else network


def dcgan_critic(size: int = 28, channels: int = 1, widths: Sequence[int] = (32, 64), norm: bool = False, hidden: int = 0) -> nn.Sequential:
    """(B, channels, size, size) -> (B, 1) raw scores: one convolution that halves the side per width, then a linear layer.

    norm: BatchNorm after every convolution but the first, as in the paper; gradient penalties forbid it, so it is off.
    hidden: width of one more linear layer at the end, 0 for none as in the paper.
    """
    side = _check(size, widths)
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(zip([channels, *widths], widths, strict=False)):
        batch_norm = norm and index > 0
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=not batch_norm)] + [nn.BatchNorm2d(after)] * batch_norm + [nn.LeakyReLU(0.2)]
    layers.append(nn.Flatten())
    if hidden:
        layers += [nn.Linear(widths[-1] * side**2, hidden), nn.LeakyReLU(0.2)]
    network = nn.Sequential(*layers, nn.Linear(hidden or widths[-1] * side**2, 1))
    return dcgan_init(network) if norm else network  # N(0, 0.02) needs BatchNorm: without it each layer would shrink the signal tenfold


def mlp_generator(latent: int = 64, shape: Sequence[int] = (1, 28, 28), hidden: Sequence[int] = (256, 512)) -> nn.Sequential:
    """(B, latent) -> (B, *shape) in [-1, 1], every pixel from a plain perceptron."""
    return nn.Sequential(mlp([latent, *hidden, math.prod(shape)]), nn.Unflatten(1, tuple(shape)), nn.Tanh())


def mlp_critic(shape: Sequence[int] = (1, 28, 28), hidden: Sequence[int] = (512, 256)) -> nn.Sequential:
    """(B, *shape) -> (B, 1) raw scores, from a plain perceptron."""
    return mlp([math.prod(shape), *hidden, 1], activation=lambda: nn.LeakyReLU(0.2))
