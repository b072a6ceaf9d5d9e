"""Noise that chooses: a way for a continuous generator to make separate things."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Choice(nn.Module):
    """(B, D) Gaussian noise -> (B, D): the first `options` coordinates become a one-hot vector, times `scale`, at their largest.

    The image of a connected set under a continuous map is connected, so without a jump somewhere a generator must also make
    what lies between its modes (Khayatkhoei, Elgammal and Singh 2018). Here each option is drawn equally often.
    """

    def __init__(self, options: int, scale: float = 4.0):
        super().__init__()
        if options < 2:
            raise ValueError(f"options is {options}; it must be at least 2")
        self.options, self.scale = options, scale

    def forward(self, z: Tensor) -> Tensor:
        if z.shape[1] < self.options:
            raise ValueError(f"z has shape {tuple(z.shape)}; it must have at least {self.options} columns")
        chosen = F.one_hot(z[:, : self.options].argmax(1), self.options).to(z.dtype)
        return torch.cat([self.scale * chosen, z[:, self.options :]], 1)
