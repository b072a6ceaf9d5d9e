"""The two small convolutional networks that many lessons share: one that halves an image twice, and its mirror."""

from torch import nn


def conv_encoder(outputs: int, size: int = 28, channels: int = 1, width: int = 32) -> nn.Sequential:
    """(B, channels, size, size) -> (B, outputs). Two stride-2 convolutions and a hidden layer; size must be a multiple of 4."""
    if size % 4:
        raise ValueError(f"size is {size}; it must be a multiple of 4")
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1),
        nn.SiLU(),
        nn.Conv2d(width, 2 * width, 4, 2, 1),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(2 * width * (size // 4) ** 2, 8 * width),
        nn.SiLU(),
        nn.Linear(8 * width, outputs),
    )


def conv_decoder(inputs: int, size: int = 28, channels: int = 1, width: int = 32) -> nn.Sequential:
    """(B, inputs) -> (B, channels, size, size), raw. The mirror of `conv_encoder`."""
    if size % 4:
        raise ValueError(f"size is {size}; it must be a multiple of 4")
    return nn.Sequential(
        nn.Linear(inputs, 8 * width),
        nn.SiLU(),
        nn.Linear(8 * width, 2 * width * (size // 4) ** 2),
        nn.SiLU(),
        nn.Unflatten(1, (2 * width, size // 4, size // 4)),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
        nn.SiLU(),
        nn.ConvTranspose2d(width, channels, 4, 2, 1),
    )
