"""f-divergences and their lower bounds by a critic.

For a convex f with f(1) = 0, D_f(p | q) = E_q f(p/q) = max over T of E_p T - E_q f*(T), and the maximum is at T = f'(p/q).
f* is the convex conjugate, f*(t) = max over u > 0 of u t - f(u). A critic's raw score s reaches T through an output activation
that keeps T in the domain of f*. Nowozin, Cseke and Tomioka 2016, tables 1, 2 and 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

BEND = 10.0


def bend(s: Tensor) -> Tensor:
    """s itself in [-10, 10], like a logarithm beyond, without a jump in value or slope: exp(bend(s)) grows at most linearly."""
    return torch.where(s.abs() <= BEND, s, s.sign() * (BEND + torch.log1p(F.relu(s.abs() - BEND))))


@dataclass(frozen=True)
class FDivergence:
    """One f-divergence D_f(p | q) and what a critic needs to bound it.

    f: u > 0 -> f(u). conjugate: t in its domain -> f*(t). activation: raw score s -> T. paid: raw score s -> f*(T), in a stable form.
    best_score: log(p/q) -> the raw score at which the bound is the divergence itself.
    """

    name: str
    f: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    activation: Callable[[Tensor], Tensor]
    paid: Callable[[Tensor], Tensor]
    best_score: Callable[[Tensor], Tensor]

    def bound(self, real: Tensor, fake: Tensor) -> Tensor:
        """E_p T - E_q f*(T) from raw scores at points of p and of q: at most D_f(p | q), but for sampling noise."""
        return self.activation(real).mean() - self.paid(fake).mean()


F_DIVERGENCES: dict[str, FDivergence] = {
    divergence.name: divergence
    for divergence in (
        FDivergence(
            "kl",
            f=lambda u: torch.xlogy(u, u),
            conjugate=lambda t: (t - 1).exp(),
            activation=bend,
            paid=lambda s: (bend(s) - 1).exp(),
            best_score=lambda log_ratio: 1 + log_ratio,
        ),
        FDivergence(
            "reverse_kl",
            f=lambda u: -u.log(),
            conjugate=lambda t: -1 - (-t).log(),
            activation=lambda s: -bend(-s).exp(),
            paid=lambda s: bend(s) - 1,
            best_score=lambda log_ratio: log_ratio,
        ),
        FDivergence(  # JS = KL(p | m) / 2 + KL(q | m) / 2 with m = (p + q) / 2: between 0 and log 2
            "js",
            f=lambda u: (torch.xlogy(u, u) - (u + 1) * ((u + 1) / 2).log()) / 2,
            conjugate=lambda t: -(2 - (2 * t).exp()).log() / 2,
            activation=lambda s: (math.log(2) - F.softplus(-s)) / 2,
            paid=lambda s: (F.softplus(s) - math.log(2)) / 2,
            best_score=lambda log_ratio: log_ratio,
        ),
        FDivergence(  # below t = -2 the maximum over u > 0 sits at u = 0: the paper's t^2 / 4 + t would rise again there
            "pearson",
            f=lambda u: (u - 1).square(),
            conjugate=lambda t: F.relu(1 + t / 2).square() - 1,
            activation=lambda s: s,
            paid=lambda s: F.relu(1 + s / 2).square() - 1,
            best_score=lambda log_ratio: 2 * torch.expm1(log_ratio),
        ),
        FDivergence(  # the integral of (sqrt p - sqrt q)^2, without the half that some put in front: between 0 and 2
            "squared_hellinger",
            f=lambda u: (u.sqrt() - 1).square(),
            conjugate=lambda t: t / (1 - t),
            activation=lambda s: 1 - bend(-s).exp(),
            paid=lambda s: bend(s).exp() - 1,
            best_score=lambda log_ratio: log_ratio / 2,
        ),
        FDivergence(  # half the integral of |p - q|: between 0 and 1
            "total_variation",
            f=lambda u: (u - 1).abs() / 2,
            conjugate=lambda t: t,
            activation=lambda s: s.tanh() / 2,
            paid=lambda s: s.tanh() / 2,
            best_score=lambda log_ratio: 50 * log_ratio.sign(),
        ),
    )
}


def f_divergence(name: str) -> FDivergence:
    """kl, reverse_kl, js, pearson, squared_hellinger or total_variation."""
    if name not in F_DIVERGENCES:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(F_DIVERGENCES)}")
    return F_DIVERGENCES[name]
