"""A conditional VAE of the digits: the class is chosen, the latent keeps the handwriting (lesson 01)."""

import torch

from course_lib import data, weights
from course_lib.models.vae import VAE, digit_vae
from course_lib.weights.recipes import vae_training

STEPS = 5000


def build() -> VAE:
    return digit_vae(8, classes=10, width=16, likelihood="bernoulli")


def train(system: VAE, checkpoint: str | None = None) -> dict:
    return vae_training.train(system, STEPS, checkpoint)


def measure(system: VAE) -> dict:
    classifier = weights.load_pretrained("digits_classifier")
    test, asked = data.digits("test"), torch.arange(1000) % 10
    read = classifier(system.sample(1000, torch.Generator().manual_seed(0), labels=asked)).argmax(1)
    return {**vae_training.measure(system, test.images, test.labels), "read_as_asked": round((read == asked).float().mean().item(), 3)}
