"""A conditional VAE of the digits: the class is chosen, the latent keeps the handwriting (lesson 01)."""

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
    read = classifier(system.sample(1000)).argmax(1)
    test = data.digits("test")
    return {
        **vae_training.measure(system, test.images, test.labels),
        "read_as_asked": (read.cpu() % 10 == read.new_tensor(range(1000)) % 10).float().mean().item(),
    }
