"""What the recipes of the shipped VAEs share: slightly turned and shifted digits, a falling learning rate, an average of the weights."""

import torch
from torch import Tensor

from course_lib import data
from course_lib.models.vae import VAE
from course_lib.nn.augment import jitter
from course_lib.training import fit

BATCH = 128


def train(system: VAE, steps: int, checkpoint: str | None) -> dict:
    """Trains in place, ends with the averaged weights, and returns the facts for the card."""
    digits = data.digits("train")

    def draw(n: int, generator: torch.Generator) -> Tensor | tuple[Tensor, Tensor]:
        index = torch.randint(len(digits), (n,), generator=generator)
        images = jitter(digits.images[index], torch.rand(5, n, generator=generator), degrees=6, shift=0.04, stretch=0.06)
        return (images, digits.labels[index]) if system.classes else images

    history = fit(system, draw, steps, batch_size=BATCH, ema=0.999, checkpoint=checkpoint)
    history.ema.copy_to(system)
    facts = {"data": "digits, train split (4000), jittered", "steps": steps, "batch_size": BATCH, "seed": 0, "lesson": "01"}
    return {**facts, "seconds": round(history.seconds)}


@torch.no_grad()
def measure(system: VAE, images: Tensor, labels: Tensor | None = None) -> dict:
    """The bounds on held-out digits, in nats an image."""
    generator = torch.Generator().manual_seed(0)
    return {f"test_bound_{k}": round(system.bound(images, k, labels, generator).mean().item(), 2) for k in (1, 50)}
