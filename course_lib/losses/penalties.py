"""What keeps a critic smooth: penalties on its gradient, clipping, spectral normalisation, and how to measure the outcome.

Penalties run in float32 (float64 for points in float64) outside autocast, because a gradient's norm in half precision overflows or
loses its small values.
Each gradient is taken with respect to the whole input of a sample: its norm runs over all axes but the first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Critic = Callable[[Tensor], Tensor]


def _single(points: Tensor) -> Tensor:
    """Points without a graph, in float32 unless they are in float64."""
    return points.detach() if points.dtype == torch.float64 else points.detach().float()


def _gradients(critic: Critic, points: Tensor, create_graph: bool) -> Tensor:
    """Gradient of the score at each point, (N, D) flattened; the sum over the batch is harmless where samples do not mix."""
    kind = points.device.type
    with torch.enable_grad(), torch.autocast(kind if kind != "meta" else "cpu", enabled=False):
        points = _single(points).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=create_graph)
    return gradient.flatten(1)


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    target: float = 1.0,
    one_sided: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean of (|gradient| - target)^2 at points on the segments between reals and fakes, one position a pair. Gulrajani et al. 2017.

    real, fake: (B, ...) of one shape; both are detached. one_sided: only gradients longer than the target cost (Petzka et al. 2018).
    The weight is the caller's: 10 in the paper, 0.1 in its toy experiments.
    """
    if real.shape != fake.shape:
        raise ValueError(f"fake has shape {tuple(fake.shape)}; it must be that of real, {tuple(real.shape)}")
    shape = (len(real),) + (1,) * (real.ndim - 1)
    position = torch.rand(shape, generator=generator, device=generator.device if generator else real.device).to(real.device)
    between = torch.lerp(_single(fake), _single(real), position.to(_single(real)))
    norms = torch.linalg.vector_norm(_gradients(critic, between, create_graph=True), dim=1)
    excess = norms - target
    return (excess.relu() if one_sided else excess).square().mean()


def r1(critic: Critic, real: Tensor) -> Tensor:
    """Mean squared gradient norm at real points. No half: weight w is gamma = 2 w where gamma / 2 is written. Mescheder et al. 2018."""
    return _gradients(critic, real, create_graph=True).square().sum(1).mean()


def r2(critic: Critic, fake: Tensor) -> Tensor:
    """Mean squared gradient norm at generated points. No half. Mescheder et al. 2018."""
    return _gradients(critic, fake, create_graph=True).square().sum(1).mean()


PENALTIES: dict[str, Callable[[Critic, Tensor, Tensor], Tensor]] = {
    "gradient_penalty": gradient_penalty,
    "one_sided": lambda critic, real, fake: gradient_penalty(critic, real, fake, one_sided=True),
    "r1": lambda critic, real, fake: r1(critic, real),
    "r2": lambda critic, real, fake: r2(critic, fake),
}


def penalty(name: str) -> Callable[[Critic, Tensor, Tensor], Tensor]:
    """A penalty by name as a function (critic, real, fake) -> scalar: gradient_penalty, one_sided, r1 or r2."""
    if name not in PENALTIES:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(PENALTIES)}")
    return PENALTIES[name]


@torch.no_grad()
def clip_weights(critic: nn.Module, limit: float = 0.01) -> None:
    """Cuts every parameter to [-limit, limit], in place. Arjovsky et al. 2017."""
    if limit <= 0:
        raise ValueError(f"limit is {limit}; it must be positive")
    torch._foreach_clamp_min_(parameters := list(critic.parameters()), -limit)
    torch._foreach_clamp_max_(parameters, limit)


def spectrally_normalised(critic: nn.Module) -> nn.Module:
    """Divides the weight (not the bias) of every linear and convolution layer by its largest singular value, in place; returns the critic.

    The value comes from one power iteration per forward in training mode, none in evaluation. For a convolution it is that of the
    weight as a matrix (out, in x kh x kw), as in Miyato et al. 2018, not that of the convolution. Build optimisers after this.
    """
    for layer in critic.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
            spectral_norm(layer)
    return critic


def gradient_norms(critic: Critic, points: Tensor) -> Tensor:
    """|gradient of the score| at each point, (N,), without a graph."""
    return torch.linalg.vector_norm(_gradients(critic, points, create_graph=False), dim=1)


def lipschitz_estimate(critic: Critic, points: Tensor) -> Tensor:
    """The largest gradient norm over the points, a scalar: a lower bound on the critic's Lipschitz constant."""
    return gradient_norms(critic, points).max()
