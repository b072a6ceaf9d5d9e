"""A texture network that draws stained tissue at any size, learned by GOTEX: the first figure of lesson 07b."""

import torch

from course_lib import data
from course_lib.models import GaussianTexture, Gotex
from course_lib.models.texture import TextureNetwork, patch_features
from course_lib.ot import patch_w2
from course_lib.training import fit

STEPS = 3000


def build() -> Gotex:
    exemplar = data.texture("tissue", 128)
    laws = {"targets": 1000, "dual_steps": 5, "dual_rate": 0.01, "sample": 1024}
    return Gotex(exemplar, TextureNetwork(3, scales=5), patch_features(4, 4), **laws)


def train(system: Gotex, checkpoint: str | None = None) -> dict:
    history = fit(system, data.texture("tissue", 128)[None], STEPS, batch_size=1, ema=0.99, checkpoint=checkpoint)
    history.ema.copy_to(system)
    facts = {"data": "texture tissue, its 128x128 top left", "steps": STEPS, "batch_size": 1, "seed": 0, "lesson": "07"}
    return {**facts, "seconds": round(history.seconds)}


def measure(system: Gotex) -> dict:
    """Squared W_2 of 4x4 patches to the exemplar's, a pixel value, finest scale first; the Gaussian texture's beside it."""
    exemplar, generator = data.texture("tissue", 128), torch.Generator().manual_seed(0)
    gaussian = GaussianTexture(exemplar).synthesize(128, 128, torch.Generator().manual_seed(0))
    made = {"network": system.sample(1, generator)[0], "gaussian": gaussian}
    found = {name: patch_w2(exemplar, image, generator=generator).tolist() for name, image in made.items()}
    return {f"patch_w2_{name}": [round(value, 4) for value in values] for name, values in found.items()}
