"""What the recipes of the shipped flows share: digits moved by up to a pixel, an average of the weights, figures on the test digits."""

import torch
from torch import Tensor

from course_lib import data
from course_lib.models.flow import Flow
from course_lib.nn import random_shift
from course_lib.training import fit


def train(system: Flow, steps: int, batch: int, checkpoint: str | None) -> dict:
    """Trains in place, ends with the averaged weights, and returns the facts for the card."""
    torch.set_flush_denormal(True)
    images = data.digits("train").images

    def draw(n: int, generator: torch.Generator) -> Tensor:
        return random_shift(images[torch.randint(len(images), (n,), generator=generator)], 1)

    history = fit(system, draw, steps, batch_size=batch, ema=0.998, checkpoint=checkpoint)
    history.ema.copy_to(system)
    facts = {"data": "digits, train split (4000), moved by up to a pixel", "steps": steps, "batch_size": batch, "seed": 0}
    return {**facts, "lesson": "02", "seconds": round(history.seconds)}


@torch.no_grad()
def bits(system: Flow, images: Tensor) -> float:
    """Mean bits per dimension over one draw of the dequantising noise, batch by batch."""
    generator = torch.Generator().manual_seed(0)
    return torch.cat([system.bits_per_dimension(part, generator) for part in images.split(250)]).mean().item()


@torch.no_grad()
def measure(system: Flow) -> dict:
    """Bits per dimension of held-out and of as many training digits; Fréchet distance on digit features over that of real digits."""
    from course_lib.weights.ruler import frechet_and_floor

    test, train = data.digits("test").images, data.digits("train").images
    some = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:1000]]
    distance, floor = frechet_and_floor(system)
    return {
        "test_bits_per_dimension": round(bits(system, test), 4),
        "train_bits_per_dimension": round(bits(system, some), 4),
        "frechet_1000": round(distance, 2),
        "times_real": round(distance / floor, 1),
    }
