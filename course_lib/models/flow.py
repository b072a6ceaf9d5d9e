"""Normalizing flows: RealNVP (Dinh et al. 2017) and Glow (Kingma and Dhariwal 2018), for points and for images; splines for points."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.losses.variational import normal_log_density
from course_lib.models.system import System
from course_lib.nn.flow import Chain, FlowLayer, OnHalf, Squeeze, Unsqueeze
from course_lib.nn.flow_layers import ActNorm, Coupling, Invertible1x1, Logit, channel_mask, checkerboard_mask, conditioner
from course_lib.nn.spline import SplineCoupling
from course_lib.training.update import average_over_processes

Steps = Callable[[tuple[int, ...]], list[FlowLayer]]


class Flow(System):
    """z = layers(x) with z standard normal; trained by maximum likelihood, which is exact for points.

    layers: x -> z of the same shape. shape: of one sample, (D,) or (C, H, W). levels: 0 for data that are continuous; for images in
    [-1, 1], how many grey levels they have. Then x is the pixel dequantised to [0, 1): (level + uniform noise) / levels.
    rate: the learning rate at its highest; it rises over 100 steps and falls to 0 along half a cosine.
    """

    def __init__(self, layers: FlowLayer, shape: tuple[int, ...], *, levels: int = 0, rate: float = 1e-3):
        super().__init__()
        if levels < 0 or levels == 1:
            raise ValueError(f"levels is {levels}; it must be 0, for continuous data, or at least 2")
        self.layers, self.shape, self.levels, self.rate = layers, tuple(shape), levels, rate
        self.optimiser = torch.optim.Adam(self.parameters(), rate, fused=True)

    @property
    def dimension(self) -> int:
        """How many numbers a sample has."""
        return math.prod(self.shape)

    def dequantise(self, samples: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] -> x in [0, 1), uniform within a pixel's grey level; points stay as they are."""
        if samples.shape[1:] != self.shape or not samples.is_floating_point():
            wanted = f"floating point (B, {', '.join(map(str, self.shape))})"
            raise ValueError(f"samples are {samples.dtype} with shape {tuple(samples.shape)}; they must be {wanted}")
        if not self.levels:
            return samples
        level = ((samples + 1) / 2 * (self.levels - 1)).round()
        return (level + self.rand(*samples.shape, generator=generator)) / self.levels

    def quantise(self, x: Tensor) -> Tensor:
        """The inverse of `dequantise`: the pixel in whose grey level x lies, in [-1, 1]."""
        if not self.levels:
            return x
        return (x * self.levels).floor().clamp(0, self.levels - 1) / (self.levels - 1) * 2 - 1

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) = log N(z; 0, I) + log |det dz/dx| of points, or of dequantised images: (B, ...) -> (B,), in nats."""
        z, log_det = self.layers(x)
        return normal_log_density(z) + log_det

    def log_likelihood(self, samples: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(B,), in nats: the log-density of points; of images a bound of log P(pixels) at one draw of the dequantising noise.

        A cell of the grey levels has the volume levels^-D, hence the last term (Theis, van den Oord and Bethge 2016, section 3.1).
        """
        log_density = self.log_density(self.dequantise(samples, generator))
        return log_density - self.dimension * math.log(self.levels) if self.levels else log_density

    def bits_per_dimension(self, samples: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """-log2 of the likelihood over the number of dimensions: (B,)."""
        return -self.log_likelihood(samples, generator) / (self.dimension * math.log(2))

    def encode(self, samples: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The latent z of each sample, of the sample's shape."""
        return self.layers(self.dequantise(samples, generator))[0]

    def decode(self, z: Tensor) -> Tensor:
        """The sample of each latent."""
        return self.quantise(self.layers.inverse(z))

    def step(self, batch: Tensor | tuple[Tensor, ...], update) -> dict[str, Tensor]:
        samples = batch if isinstance(batch, Tensor) else batch[0]
        if update.step == 0:
            self.layers.initialise(self.dequantise(samples))
            average_over_processes([parameter.data for parameter in self.parameters()])  # each process started from its own share
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1, (update.step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * update.progress))
        loss = self.bits_per_dimension(samples).mean()
        update(loss, self.optimiser)
        return {"bits_per_dimension": loss}

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """n samples from latents of standard deviation `temperature`: 1 is the model, less is nearer to its mode."""
        if temperature < 0:
            raise ValueError(f"temperature is {temperature}; it must be at least 0")
        return self.decode(temperature * self.randn(n, *self.shape, generator=generator))

    @classmethod
    def example(cls) -> tuple[Flow, Tensor]:
        return glow((1, 8, 8), depth=2, width=4, scales=2, levels=256), torch.rand(4, 1, 8, 8) * 2 - 1


def realnvp_step(shape: tuple[int, ...], width: int, mask: Tensor) -> Chain:
    """ActNorm, in place of the paper's batch normalisation, and a coupling."""
    return Chain(ActNorm(shape[0], len(shape) - 1), Coupling(conditioner(shape[0], width, len(shape) > 1), mask))


def glow_step(shape: tuple[int, ...], width: int) -> Chain:
    """ActNorm, invertible 1x1 convolution, coupling; the mask is always the same, since the 1x1 convolution mixes the channels."""
    coupling = Coupling(conditioner(shape[0], width, len(shape) > 1), channel_mask(shape), "sigmoid")
    return Chain(ActNorm(shape[0], len(shape) - 1), Invertible1x1(shape[0]), coupling)


def multi_scale(shape: tuple[int, int, int], scales: int, fine: Steps, coarse: Steps) -> Chain:
    """fine steps, squeeze, coarse steps, the same again on half of the channels, `scales` times in all; then back to (C, H, W)."""
    channels, height, width = shape
    layers = [*fine(shape), Squeeze(), *coarse((4 * channels, height // 2, width // 2))]
    if scales > 1:
        layers.append(OnHalf(multi_scale((2 * channels, height // 2, width // 2), scales - 1, fine, coarse)))
    return Chain(*layers, Unsqueeze())


def realnvp(shape: tuple[int, ...], depth: int = 8, width: int = 64, scales: int = 2, reversible: bool = False, **options) -> Flow:
    """RealNVP for points (D,): `depth` couplings; for images (C, H, W): at each scale `depth` with checkerboards, `depth` with channels."""

    def steps(mask: Callable[..., Tensor]) -> Steps:
        return lambda shape: [realnvp_step(shape, width, mask(shape, k % 2 == 1)) for k in range(depth)]

    if len(shape) == 1:
        return Flow(Chain(*steps(channel_mask)(shape), reversible=reversible), shape, **options)
    body = multi_scale(shape, scales, steps(checkerboard_mask), steps(channel_mask))
    return Flow(Chain(Logit(), body, reversible=reversible), shape, **{"levels": 256, **options})


def glow(shape: tuple[int, ...], depth: int = 8, width: int = 64, scales: int = 2, reversible: bool = False, **options) -> Flow:
    """Glow for points (D,): `depth` steps; or for images (C, H, W): `depth` steps at each scale."""

    def steps(shape: tuple[int, ...]) -> list[FlowLayer]:
        return [glow_step(shape, width) for _ in range(depth)]

    if len(shape) == 1:
        return Flow(Chain(*steps(shape), reversible=reversible), shape, **options)
    body = multi_scale(shape, scales, lambda _: [], steps)
    return Flow(Chain(Logit(), body, reversible=reversible), shape, **{"levels": 256, **options})


def spline_flow(dimension: int, depth: int = 6, width: int = 64, bins: int = 8, **options) -> Flow:
    """For points (dimension,): `depth` times ActNorm, a linear map and a coupling by splines. Durkan et al. 2019, section 3."""
    steps = [
        layer for _ in range(depth) for layer in (ActNorm(dimension), Invertible1x1(dimension), SplineCoupling(dimension, width, bins))
    ]
    return Flow(Chain(*steps), (dimension,), **options)
