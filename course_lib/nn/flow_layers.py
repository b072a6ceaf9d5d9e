"""The layers of RealNVP (Dinh et al. 2017) and Glow (Kingma and Dhariwal 2018): couplings, ActNorm, the 1x1 convolution, the logit."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.nn.flow import FlowLayer, Pulled
from course_lib.nn.mlp import mlp


def channel_mask(shape: tuple[int, ...], flip: bool = False) -> Tensor:
    """1 for the first half of a sample's channels, 0 for the others, of the sample's shape (C, ...); `flip` exchanges them."""
    half = (torch.arange(shape[0]) < shape[0] // 2) != flip
    return half.float().reshape(-1, *[1] * (len(shape) - 1)).expand(shape)


def checkerboard_mask(shape: tuple[int, int, int], flip: bool = False) -> Tensor:
    """1 where row + column is even, 0 elsewhere, of an image's shape (C, H, W); `flip` exchanges them."""
    _, height, width = shape
    return ((torch.arange(height)[:, None] + torch.arange(width) + flip) % 2 == 0).float().expand(shape)


def conditioner(channels: int, width: int, images: bool) -> nn.Sequential:
    """(B, channels, ...) -> (B, 2 channels, ...): the network of a coupling. It starts at zero, so that the coupling starts harmless."""
    if images:
        first, middle = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 1)
        network = nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), nn.Conv2d(width, 2 * channels, 3, padding=1))
    else:
        network = mlp([channels, width, width, 2 * channels])
    nn.init.zeros_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)
    return network


class Coupling(FlowLayer):
    """z = x where the mask is 1; z = x exp(s) + t elsewhere, with s and t computed by `network` from what stays.

    mask: of a sample's shape. network: (B, C, ...) -> (B, 2 C, ...), its two halves are t and the raw scale r.
    scale: "tanh", s = a tanh(r) with a learned for each channel (RealNVP), or "sigmoid", s = log sigmoid(r + 2) (Glow's code).
    """

    def __init__(self, network: nn.Module, mask: Tensor, scale: str = "tanh"):
        super().__init__()
        if scale not in ("tanh", "sigmoid"):
            raise ValueError(f"scale is {scale!r}; it must be 'tanh' or 'sigmoid'")
        self.network, self.scale = network, scale
        self.register_buffer("mask", mask, persistent=False)
        if scale == "tanh":
            self.factor = nn.Parameter(torch.ones(len(mask), *[1] * (mask.ndim - 1)))

    def affine(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """t and s, of x's shape and 0 where the mask is 1, from x with the rest set to 0."""
        shift, raw = self.network(kept).to(kept.dtype).chunk(2, 1)
        log_scale = self.factor * raw.tanh() if self.scale == "tanh" else F.logsigmoid(raw + 2)
        return (1 - self.mask) * shift, (1 - self.mask) * log_scale

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self.affine(x * self.mask)
        return x * log_scale.exp() + shift, log_scale.flatten(1).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        shift, log_scale = self.affine(z * self.mask)
        return (z - shift) * (-log_scale).exp()

    def pull_back(self, z: Tensor, grad_z: Tensor, grad_log_det: Tensor) -> Pulled:
        """As for any layer, but the network runs once: what it sees is the same in x and in z."""
        with torch.enable_grad():
            kept = (z * self.mask).detach().requires_grad_()
            shift, log_scale = self.affine(kept)
        with torch.no_grad():
            scale = log_scale.exp()
            x = (z - shift) / scale
            grad_log_scale = grad_z * x * scale + grad_log_det.reshape(-1, *[1] * (z.ndim - 1))
        grad_kept, *grads = torch.autograd.grad((shift, log_scale), (kept, *self.parameters()), (grad_z, grad_log_scale))
        return x, grad_z * scale + grad_kept * self.mask, grads


class ActNorm(FlowLayer):
    """z = (x + bias) exp(log_scale), each a number a channel. `initialise` gives z mean 0 and deviation 1 over its first batch only."""

    def __init__(self, channels: int, dims: int = 0):
        super().__init__()
        shape = (channels, *[1] * dims)
        self.bias, self.log_scale = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(shape))
        self.register_buffer("started", torch.tensor(False))  # travels with the weights: a loaded layer does not start again

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        over = [0, *range(2, x.ndim)]
        deviation, mean = torch.std_mean(x, over, correction=0)
        self.bias.copy_(torch.where(self.started, self.bias, -mean.reshape(self.bias.shape)))
        self.log_scale.copy_(torch.where(self.started, self.log_scale, -(deviation + 1e-6).log().reshape(self.bias.shape)))
        self.started.fill_(True)
        return self(x)[0]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_det = self.log_scale.sum() * x.shape[2:].numel()
        return (x + self.bias) * self.log_scale.exp(), log_det.expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        return z * (-self.log_scale).exp() - self.bias


def mix(weight: Tensor, x: Tensor) -> Tensor:
    """weight (C, C) times the channels of x (B, C, ...), at every pixel alike; in full precision: half of the digits would not invert."""
    with torch.autocast("cuda" if x.is_cuda else "cpu", enabled=False):
        return (weight @ x.reshape(*x.shape[:2], x.shape[2:].numel())).reshape(x.shape)


class Invertible1x1(FlowLayer):
    """z = W x over the channels, at every pixel alike, W = P L (U + diag(s)); starts as a random rotation.

    P is a fixed permutation, L lower triangular with ones, U upper triangular with zeros on the diagonal: log |det W| = sum log |s|.
    Kingma and Dhariwal 2018, section 3.2.
    """

    def __init__(self, channels: int):
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels)).Q)
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", upper.diagonal().sign())
        self.lower, self.upper = nn.Parameter(lower.tril(-1)), nn.Parameter(upper.triu(1))
        self.log_s = nn.Parameter(upper.diagonal().abs().log())

    def factors(self) -> tuple[Tensor, Tensor]:
        """L and U + diag(s), (C, C) each."""
        lower = self.lower.tril(-1)
        return lower + torch.eye(len(lower), dtype=lower.dtype, device=lower.device), self.upper.triu(1) + torch.diag(
            self.sign * self.log_s.exp()
        )

    def weight(self) -> Tensor:
        """W, (C, C)."""
        lower, upper = self.factors()
        with torch.autocast("cuda" if lower.is_cuda else "cpu", enabled=False):
            return self.permutation @ lower @ upper

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return mix(self.weight(), x), (self.log_s.sum() * x.shape[2:].numel()).expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        lower, upper = self.factors()
        half = torch.linalg.solve_triangular(lower, self.permutation.T, upper=False, unitriangular=True)
        return mix(torch.linalg.solve_triangular(upper, half, upper=True), z)


class Logit(FlowLayer):
    """[0, 1] -> the line: z = logit(margin + (1 - 2 margin) x), which keeps samples in range. Dinh et al. 2017, section 4.1.

    margin: 0.05 in the paper, for photographs. Digits are mostly background, and a small margin keeps that from being squashed flat.
    """

    def __init__(self, margin: float = 1e-3):
        super().__init__()
        if not 0 < margin < 0.5:
            raise ValueError(f"margin is {margin}; it must be between 0 and 0.5")
        self.margin = margin

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inside = self.margin + (1 - 2 * self.margin) * x
        slope = (1 - 2 * self.margin) / (inside * (1 - inside))
        return torch.logit(inside), slope.log().flatten(1).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        return (torch.sigmoid(z) - self.margin) / (1 - 2 * self.margin)
