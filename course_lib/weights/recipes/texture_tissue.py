"""A texture network that draws stained tissue at any size, learned by GOTEX: the first figure of lesson 07b."""

import torch

from course_lib import data
from course_lib.models import GaussianTexture, Gotex
from course_lib.models.texture import TextureNetwork, patch_features
from course_lib.ot import patch_w2
from course_lib.training import fit

STAGES = ((0.01, 1500), (0.002, 2500))  # learning rate, steps: the second stage takes away another tenth of the distance
STEPS = sum(steps for _, steps in STAGES)


def build() -> Gotex:
    exemplar = data.texture("tissue", 128)
    return Gotex(exemplar, TextureNetwork(3, scales=5), patch_features(4, 4), targets=1000, dual_steps=5, sample=1024)


def train(system: Gotex, checkpoint: str | None = None) -> dict:
    exemplar, seconds = data.texture("tissue", 128)[None], 0.0
    for seed, (rate, steps) in enumerate(STAGES):
        system.optimiser.param_groups[0]["lr"] = rate
        history = fit(system, exemplar, steps, batch_size=1, seed=seed, ema=0.995, checkpoint=checkpoint and f"{checkpoint}.{seed}")
        seconds += history.seconds
    history.ema.copy_to(system)
    facts = {"data": "texture tissue, its 128x128 top left", "steps": STEPS, "batch_size": 1, "seed": 0}
    return {**facts, "lesson": "07", "seconds": round(seconds)}


def measure(system: Gotex) -> dict:
    """Squared W_2 of 4x4 patches to the exemplar's, a pixel value, finest scale first, mean of four samples; the Gaussian texture's too."""
    exemplar = data.texture("tissue", 128)
    field = GaussianTexture(exemplar)
    generators = [torch.Generator().manual_seed(seed) for seed in range(4)]
    made = {
        "network": [system.sample(1, generator)[0] for generator in generators],
        "gaussian": [field.synthesize(128, 128, generator) for generator in generators],
    }
    judged = {
        name: torch.stack([patch_w2(exemplar, image, generator=torch.Generator().manual_seed(0)) for image in images]).mean(0).tolist()
        for name, images in made.items()
    }
    return {f"patch_w2_{name}": [round(value, 4) for value in values] for name, values in judged.items()}
