"""The two players' losses, as functions of raw scores. An objective is data: a name gives two functions.

A critic's raw score s is a real number, never a probability: sigma(s) is the probability that the point is real. Every loss is a
mean over all scores, to be minimised by its player, and stays finite (so does its gradient) for scores of +-10 000.
Taught in lessons 03 and 04.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from course_lib.losses.f_divergence import F_DIVERGENCES, f_divergence


@dataclass(frozen=True)
class Objective:
    """What each player minimises.

    critic: (scores of reals, scores of fakes) -> scalar. generator: (scores of fakes) -> scalar.
    paired: True where the generator's loss needs the scores of reals as well; it is then called as generator(fakes, reals).
    """

    name: str
    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    paired: bool = False


def _bets(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigma(s) on reals, -log(1 - sigma(s)) on fakes: the binary cross-entropy from raw scores."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def minimax() -> Objective:
    """The zero-sum game: the generator minimises log(1 - sigma(s)). Goodfellow et al. 2014, equation 1."""
    return Objective("minimax", _bets, lambda fake: -F.softplus(fake).mean())


def non_saturating() -> Objective:
    """The same critic; the generator minimises -log sigma(s), whose gradient does not die. Goodfellow et al. 2014, section 3."""
    return Objective("non_saturating", _bets, lambda fake: F.softplus(-fake).mean())


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """Scores are pulled to b on reals and a on fakes; the generator pulls its own to c. Every square is halved, as in Mao et al. 2017.

    b - c = 1 and b - a = 2, such as (a, b, c) = (-1, 1, 0), make it a Pearson chi-square divergence.
    """
    return Objective(
        "least_squares",
        lambda real, fake: ((real - b).square().mean() + (fake - a).square().mean()) / 2,
        lambda fake: (fake - c).square().mean() / 2,
    )


def hinge() -> Objective:
    """The critic wants reals above 1 and fakes below -1, and no more. Lim and Ye 2017; Miyato et al. 2018."""
    return Objective(
        "hinge",
        lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        lambda fake: -fake.mean(),
    )


def wasserstein() -> Objective:
    """Minus the difference of mean scores; with a 1-Lipschitz critic its best value is W1. Arjovsky et al. 2017."""
    return Objective("wasserstein", lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean())


def energy(margin: float = 1.0) -> Objective:
    """The score is an energy, at least 0 and LOW on data (an auto-encoder's error); one hinge a sample. Zhao et al. 2017."""
    if margin <= 0:
        raise ValueError(f"margin is {margin}; it must be positive")
    return Objective("energy", lambda real, fake: real.mean() + F.relu(margin - fake).mean(), lambda fake: fake.mean())


def relativistic() -> Objective:
    """Each real is compared with a fake: sigma(s_real - s_fake). Batches must have equal shape. Jolicoeur-Martineau 2019."""

    def loss(wanted: Tensor, other: Tensor) -> Tensor:
        if wanted.shape != other.shape:
            raise ValueError(f"real and fake have shapes {tuple(wanted.shape)} and {tuple(other.shape)} in some order; they must be equal")
        return F.softplus(other - wanted).mean()

    def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError("real is None; the relativistic generator also needs the scores of real points: generator(fake, real)")
        return loss(fake, real)

    return Objective("relativistic", loss, generator, paired=True)


def _f_gan(name: str) -> Callable[..., Objective]:
    def make(non_saturating: bool = False) -> Objective:
        """The critic maximises a lower bound on the divergence, the generator minimises it. Nowozin et al. 2016.

        non_saturating: the generator maximises its own mean T instead (their section 3.2).
        """
        divergence = f_divergence(name)
        generator = (lambda fake: -divergence.activation(fake).mean()) if non_saturating else (lambda fake: -divergence.paid(fake).mean())
        return Objective(f"f:{name}", lambda real, fake: -divergence.bound(real, fake), generator)

    return make


OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "least_squares": least_squares,
    "hinge": hinge,
    "wasserstein": wasserstein,
    "energy": energy,
    "relativistic": relativistic,
    **{f"f:{name}": _f_gan(name) for name in F_DIVERGENCES},
}


def names() -> list[str]:
    """What `objective` knows."""
    return list(OBJECTIVES)


def objective(name: str, **settings: float) -> Objective:
    """An objective by name. settings: `a`, `b`, `c` of least_squares, `margin` of energy, `non_saturating` of the f-divergences."""
    if name not in OBJECTIVES:
        raise ValueError(f"name is {name!r}; it must be one of {', '.join(OBJECTIVES)}")
    try:
        return OBJECTIVES[name](**settings)
    except TypeError:
        raise ValueError(f"settings has {', '.join(settings)}; the objective {name!r} does not take all of them") from None


def pull_away(codes: Tensor) -> Tensor:
    """Mean squared cosine between different rows of codes (B, ...), in [0, 1]; its own row is left out. Zhao et al. 2017, section 2.4.

    1 when all codes point the same way, 0 when they are orthogonal.
    """
    if len(codes) < 2:
        raise ValueError(f"codes has {len(codes)} rows; it must have at least 2")
    directions = F.normalize(codes.flatten(1), dim=1)
    squared = (directions @ directions.T).square()
    n = len(codes)
    return (squared.sum() - squared.diagonal().sum()) / (n * (n - 1))
