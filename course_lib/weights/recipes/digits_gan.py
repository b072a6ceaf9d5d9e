"""Draws handwritten digits from noise: a small DCGAN, trained with the non-saturating loss, lazy R1 and shifted images."""

from functools import partial

import torch
from torch import nn

from course_lib import data
from course_lib.metrics import frechet_distance
from course_lib.models.gan import GAN
from course_lib.nn import Choice, dcgan_critic, dcgan_generator, random_shift
from course_lib.training import fit
from course_lib.weights import load_pretrained

STEPS, BATCH, SEED, LATENT = 22_500, 32, 0, 64


def players(critic: nn.Module) -> GAN:
    """The generator that ships, against a critic."""
    return GAN(
        nn.Sequential(Choice(20), *dcgan_generator(LATENT)),
        critic,
        LATENT,
        penalty="r1",
        penalty_weight=0.1,
        penalty_every=8,
        augment=partial(random_shift, pixels=1),
        learning_rate=2e-3,
        betas=(0.5, 0.99),
    )


def build() -> GAN:
    return players(nn.Linear(1, 1, bias=False))  # the critic, four fifths of the weights, does not ship; this holds its place


def train(system: GAN, checkpoint: str | None) -> dict:
    torch.set_flush_denormal(True)
    torch.manual_seed(SEED)
    trained = players(dcgan_critic(hidden=256))
    history = fit(trained, data.digits("train"), STEPS, batch_size=BATCH, seed=SEED, ema=0.999, checkpoint=checkpoint)
    history.ema.copy_to(trained)
    system.generator.load_state_dict(trained.generator.state_dict())
    return {
        "data": "digits, train split (4000)",
        "steps": STEPS,
        "batch_size": BATCH,
        "seed": SEED,
        "lesson": "03a",
        "seconds": round(history.seconds),
    }


@torch.no_grad()
def measure(system: GAN) -> dict:
    """Fréchet distance on digit features, four times 1000 against the 1000 test images; of training images likewise; shares of classes."""
    classifier = load_pretrained("digits_classifier")
    real = classifier.features(data.digits("test").images)
    images = data.digits("train").images
    generator = torch.Generator().manual_seed(0)
    floor = [frechet_distance(real, classifier.features(images[torch.randperm(len(images), generator=generator)[:1000]])) for _ in range(4)]
    features = classifier.features(system.sample(4000, generator).contiguous())
    shares = torch.bincount(classifier.head(features).argmax(1), minlength=10) / len(features)
    distance = [frechet_distance(real, part) for part in features.split(1000)]
    return {
        "frechet_digit_features_1000": round(sum(distance) / 4, 3),
        "real_images_1000": round(sum(floor) / 4, 3),
        "rarest_class": round(shares.min().item(), 4),
        "commonest_class": round(shares.max().item(), 4),
    }
