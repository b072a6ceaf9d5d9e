"""A VAE of the digits with 16 latent dimensions: samples, interpolations, the bounds of lesson 01."""

from course_lib import data
from course_lib.models.vae import VAE, digit_vae
from course_lib.weights.recipes import vae_training

STEPS = 5000


def build() -> VAE:
    return digit_vae(16, width=16, likelihood="bernoulli")


def train(system: VAE, checkpoint: str | None = None) -> dict:
    return vae_training.train(system, STEPS, checkpoint)


def measure(system: VAE) -> dict:
    return vae_training.measure(system, data.digits("test").images)
