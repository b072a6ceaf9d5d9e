"""Digits from a Wasserstein GAN with a gradient penalty, and the critic that taught them: lessons 04a and 04b."""

from functools import partial

import torch
from torch import nn

from course_lib import data
from course_lib.models.gan import GAN
from course_lib.nn import Choice, dcgan_critic, dcgan_generator, random_shift
from course_lib.training import fit
from course_lib.weights import load_pretrained
from course_lib.weights.ruler import frechet_and_floor

STEPS, BATCH, SEED, LATENT = 30_000, 32, 0, 64


def build() -> GAN:
    """Narrow players, the choice in front and the linear layer at the critic's end as in `digits_gan`; images move by up to a pixel."""
    return GAN(
        nn.Sequential(Choice(20), *dcgan_generator(LATENT, widths=(16, 32))),
        dcgan_critic(widths=(16, 32), hidden=256),
        LATENT,
        objective="wasserstein",
        penalty="gradient_penalty",
        penalty_weight=10.0,
        penalty_every=4,
        augment=partial(random_shift, pixels=1),
        learning_rate=2e-3,
        betas=(0.5, 0.99),
    )


def train(system: GAN, checkpoint: str | None = None) -> dict:
    """Trains in place; the generator ends with the average of its last weights, the critic with its own."""
    torch.set_flush_denormal(True)
    history = fit(system, data.digits("train"), STEPS, batch_size=BATCH, seed=SEED, ema=0.999, checkpoint=checkpoint)
    critic = {name: value.clone() for name, value in system.critic.state_dict().items()}
    history.ema.copy_to(system)
    system.critic.load_state_dict(critic)
    facts = {"data": "digits, train split (4000), moved by up to a pixel", "steps": STEPS, "batch_size": BATCH, "seed": SEED}
    return {**facts, "lesson": "04", "seconds": round(history.seconds)}


@torch.no_grad()
def measure(system: GAN) -> dict:
    """Fréchet distance on classifier features to the test digits, over that of as many training digits; shares of the ten classes."""
    distance, floor = frechet_and_floor(system)
    classes = load_pretrained("digits_classifier")(system.sample(2000, torch.Generator().manual_seed(1))).argmax(1)
    share = torch.bincount(classes, minlength=10) / 2000
    return {
        "frechet_1000": round(distance, 3),
        "times_real": round(distance / floor, 2),
        "rarest_class": round(share.min().item(), 3),
        "commonest_class": round(share.max().item(), 3),
    }
