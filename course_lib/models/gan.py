"""The generative adversarial network: two players, any objective, any penalty (Goodfellow et al. 2014 and what followed).

Taught in lessons 03 and 04; every later unconditional model reuses it with other networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from course_lib.losses.adversarial import Objective, objective
from course_lib.losses.penalties import clip_weights, penalty
from course_lib.models.system import System
from course_lib.nn.mlp import mlp
from course_lib.training.update import Update


def pack(samples: Tensor, m: int) -> Tensor:
    """(B, C, ...) -> (B / m, m C, ...): m neighbours of the batch become one item, stacked on the channels. Lin et al. 2018."""
    if len(samples) % m:
        raise ValueError(f"samples has {len(samples)} rows; it must have a multiple of m = {m}")
    return samples if m == 1 else samples.reshape(len(samples) // m, m * samples.shape[1], *samples.shape[2:])


class EnergyCritic(nn.Module):
    """An auto-encoder whose score is its mean squared error, (B, 1) >= 0, low on data: the critic of the "energy" objective."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> Tensor:
        """The codes, for `losses.adversarial.pull_away`."""
        return self.encoder(x)

    def forward(self, x: Tensor) -> Tensor:
        return (self.decoder(self.encoder(x)) - x).square().flatten(1).mean(1, keepdim=True)


class GAN(System):
    """A generator (B, latent) -> (B, ...) against a critic (B, ...) -> raw scores.

    objective: a name from `losses.adversarial.names()` or an `Objective`.
    penalty: a name from `losses.penalties` or a function (critic, real, fake) -> scalar, added to the critic's loss with
        `penalty_weight`; with `penalty_every` = k it is computed at every k-th step only, k times as heavy.
    critic_steps: updates of the critic in one step. The batch is split into that many equal parts, one an update, each against
        fresh fakes; the generator plays once, with the fakes of the last part. So batch_size = critic_steps x the paper's batch.
    pack: m samples are judged together, stacked on the channels; the critic must take m times as many (PacGAN).
    clip: the critic's weights are cut to [-clip, clip] after each of its updates (the first WGAN).
    augment: a differentiable function of a batch, applied to reals and fakes before the critic sees them.
    extra: (critic, fake) -> scalar, added to the generator's loss, such as the pull-away term.
    learning_rate: for both players, or (generator, critic). optimiser: (parameters, learning rate) -> Optimizer, instead of Adam.

    A critic without BatchNorm scores both sides in one call; set `joint` to False where another layer mixes the samples of a batch.

    A step reports `critic` and `generator`, the two losses (the critic's with its penalty), and `gap`, mean score of reals minus
    that of fakes; `penalty` in the steps that computed it.
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        objective: str | Objective = "non_saturating",
        *,
        penalty: str | Callable[[Callable, Tensor, Tensor], Tensor] | None = None,
        penalty_weight: float = 10.0,
        penalty_every: int = 1,
        critic_steps: int = 1,
        pack: int = 1,
        clip: float | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        extra: Callable[[nn.Module, Tensor], Tensor] | None = None,
        learning_rate: float | tuple[float, float] = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        optimiser: Callable[[Iterable[nn.Parameter], float], Optimizer] | None = None,
    ):
        super().__init__()
        for name, value in (("latent", latent), ("penalty_every", penalty_every), ("critic_steps", critic_steps), ("pack", pack)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}; it must be a whole number of at least 1")
        if clip is not None and not clip > 0:
            raise ValueError(f"clip is {clip}; it must be positive, or None for no clipping")
        self.generator, self.critic, self.latent = generator, critic, latent
        self.to(memory_format=torch.channels_last)  # convolutions run faster so; other layers do not mind
        self.objective = _objective(objective)
        self.penalty = _penalty(penalty)
        self.penalty_weight, self.penalty_every = penalty_weight, penalty_every
        self.critic_steps, self.pack, self.clip, self.augment, self.extra = critic_steps, pack, clip, augment, extra
        rates = learning_rate if isinstance(learning_rate, tuple) else (learning_rate, learning_rate)
        make = optimiser or (lambda parameters, rate: torch.optim.Adam(parameters, rate, betas=betas, fused=True))
        self.generator_optimiser = make(generator.parameters(), rates[0])
        self.critic_optimiser = make(critic.parameters(), rates[1])
        self.joint = not any(isinstance(layer, _BatchNorm) for layer in critic.modules())

    def step(self, batch: Tensor | tuple[Tensor, ...], update: Update) -> dict[str, Tensor]:
        batch = batch if isinstance(batch, Tensor) else batch[0]
        if len(batch) % (self.critic_steps * self.pack):
            raise ValueError(
                f"batch has {len(batch)} items; it must have a multiple of critic_steps x pack = {self.critic_steps} x {self.pack}"
            )
        report = {}
        parts = batch.chunk(self.critic_steps)
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            with torch.set_grad_enabled(last):  # the last fakes are the generator's own move as well: one forward serves both players
                fake = self.generator(self.randn(len(part), self.latent))
            real = self.view(part)
            report |= self._play_critic(real, self.view(fake.detach()), update)
        fake = self.view(fake)
        scores = self.critic(fake)
        if self.objective.paired:
            with torch.no_grad():
                real_scores = self.critic(real)
            loss = self.objective.generator(scores, real_scores)
        else:
            loss = self.objective.generator(scores)
        if self.extra:
            loss = loss + self.extra(self.critic, fake)
        update(loss, self.generator_optimiser)
        return report | {"generator": loss.detach()}

    def _play_critic(self, real: Tensor, fake: Tensor, update: Update) -> dict[str, Tensor]:
        """One update of the critic on what it sees of the two sides."""
        if self.joint:  # nothing in the critic mixes samples, so one call may score both sides
            real_scores, fake_scores = self.critic(torch.cat([real, fake])).chunk(2)
        else:
            real_scores, fake_scores = self.critic(real), self.critic(fake)
        loss = self.objective.critic(real_scores, fake_scores)
        report = {"gap": (real_scores.mean() - fake_scores.mean()).detach()}
        if self.penalty and update.step % self.penalty_every == 0:
            cost = self.penalty(self.critic, real, fake)
            loss = loss + self.penalty_weight * self.penalty_every * cost
            report["penalty"] = cost.detach()
        update(loss, self.critic_optimiser)
        if self.clip:
            clip_weights(self.critic, self.clip)
        return {"critic": loss.detach(), **report}

    def view(self, samples: Tensor) -> Tensor:
        """What the critic is shown of samples: augmented, then packed."""
        return pack(self.augment(samples) if self.augment else samples, self.pack)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.generator(self.randn(n, self.latent, generator=generator))

    @classmethod
    def example(cls) -> tuple[GAN, Tensor]:
        system = cls(mlp([2, 8, 2]), mlp([4, 8, 1]), latent=2, penalty="gradient_penalty", critic_steps=2, pack=2)
        return system, torch.zeros(8, 2)


def _objective(value: str | Objective) -> Objective:
    return objective(value) if isinstance(value, str) else value


def _penalty(value):
    return penalty(value) if isinstance(value, str) else value
