"""Digits from a Wasserstein GAN with a gradient penalty, and the critic that taught them: lessons 04a and 04b."""

import torch
from torch import Tensor

from course_lib import data
from course_lib.models.gan import GAN
from course_lib.nn import dcgan_critic, dcgan_generator, random_shift
from course_lib.training import fit

STEPS, CRITIC_STEPS, BATCH, SEED = 3000, 2, 32, 0


def one_pixel(images: Tensor) -> Tensor:
    """Each image moved by at most one pixel, so that the critic cannot learn 4000 images by heart."""
    return random_shift(images, 1)


def build() -> GAN:
    return GAN(
        dcgan_generator(64),
        dcgan_critic(),
        latent=64,
        objective="wasserstein",
        penalty="gradient_penalty",
        penalty_weight=10.0,
        penalty_every=2,
        critic_steps=CRITIC_STEPS,
        augment=one_pixel,
        learning_rate=(5e-4, 1e-3),
        betas=(0.5, 0.9),
    )


def train(system: GAN, checkpoint: str | None = None) -> dict:
    """Trains in place; the generator ends with the average of its last weights, the critic with its own."""
    history = fit(system, data.digits("train"), STEPS, batch_size=BATCH * CRITIC_STEPS, seed=SEED, ema=0.999, checkpoint=checkpoint)
    critic = {name: value.clone() for name, value in system.critic.state_dict().items()}
    history.ema.copy_to(system)
    system.critic.load_state_dict(critic)
    facts = {"data": "digits, train split (4000), moved by up to a pixel", "steps": STEPS, "critic_steps": CRITIC_STEPS}
    return {**facts, "batch_size": BATCH, "seed": SEED, "lesson": "04"}


@torch.no_grad()
def measure(system: GAN) -> dict:
    """Fréchet distance on classifier features to the test digits, over that of as many training digits; shares of the ten classes."""
    from course_lib.weights import load_pretrained
    from course_lib.weights.ruler import frechet_and_floor

    distance, floor = frechet_and_floor(system)
    classes = load_pretrained("digits_classifier")(system.sample(2000, torch.Generator().manual_seed(1))).argmax(1)
    share = torch.bincount(classes, minlength=10) / 2000
    return {
        "frechet_1000": round(distance, 3),
        "times_real": round(distance / floor, 2),
        "rarest_class": round(share.min().item(), 3),
        "commonest_class": round(share.max().item(), 3),
    }
