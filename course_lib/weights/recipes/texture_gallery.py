"""The images of lesson 07b's gallery: seven textures, each by Gaussian field, Texto, Gatys and GOTEX, with the time each took."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from course_lib import data
from course_lib.data.imageset import to_pixels, to_unit
from course_lib.data.photos import TEXTURES
from course_lib.models import Gatys, GaussianTexture, Gotex, Texto
from course_lib.models.gatys import random_filters
from course_lib.models.system import System
from course_lib.models.texture import Canvas, Texture, patch_features
from course_lib.ot import halve, patch_w2
from course_lib.training import fit

STEPS = 200  # of GOTEX; Gatys takes 150
SIZE, GREY = 96, ("brick", "grass", "gravel")
METHODS = ("Gaussian", "Texto", "Gatys", "GOTEX")


def exemplar(name: str) -> Tensor:
    """(C, 96, 96) in [-1, 1]; the grey ones at half their size, so that several bricks and stones fit in."""
    return halve(data.texture(name, 2 * SIZE)[None])[0] if name in GREY else data.texture(name, SIZE)


class Gallery(System):
    """Pictures to look up, not to train: `image(texture, method)` and `seconds[texture, method]`."""

    def __init__(self) -> None:
        super().__init__()
        for name in TEXTURES:
            channels = 1 if name in GREY else 3
            self.register_buffer(name, torch.zeros(len(METHODS), channels, SIZE, SIZE, dtype=torch.uint8))
        self.register_buffer("seconds", torch.zeros(len(TEXTURES), len(METHODS)))

    def image(self, name: str, method: str) -> Tensor:
        """(C, 96, 96) in [-1, 1], rounded to 256 levels."""
        return to_unit(self.get_buffer(name)[METHODS.index(method)])


def synthesise(target: Tensor, method: str, start: Tensor) -> Tensor:
    """One image by one method. GOTEX begins at `start`; Gatys at white noise, from which random filters led to better images."""

    def learned(model: Texture, steps: int) -> Tensor:
        fit(model, target[None], steps, batch_size=1, progress=False)
        return model.sample(1)[0]

    if method == "Texto":
        generator = torch.Generator().manual_seed(1)
        return Texto.fit(target, samples=50_000, generator=generator).synthesize(SIZE, SIZE, generator)
    if method == "Gatys":
        noise = 0.3 * torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
        return learned(Gatys(target, Canvas(noise), random_filters(len(target), scales=4), learning_rate=0.05), 150)
    if method == "GOTEX":
        return learned(Gotex(target, Canvas(start), patch_features(4, 4), sample=1024, learning_rate=0.01), STEPS)
    return start


def build() -> Gallery:
    return Gallery()


def train(system: Gallery, checkpoint: str | None = None) -> dict:
    for row, name in enumerate(TEXTURES):
        target = exemplar(name)
        start = GaussianTexture(target).synthesize(SIZE, SIZE, torch.Generator().manual_seed(1))
        for column, method in enumerate(METHODS):
            before = time.process_time()
            made = synthesise(target, method, start)
            system.seconds[row, column] = time.process_time() - before
            system.get_buffer(name)[column] = to_pixels(made)
            print(name, method, f"{system.seconds[row, column]:.1f} s", flush=True)
    return {"data": "seven textures, 96x96", "steps": STEPS, "batch_size": 1, "seed": 1, "lesson": "07"}


def measure(system: Gallery) -> dict:
    """Squared W_2 of 4x4 patches at the finest scale, a pixel value, for each method in the order of METHODS."""
    found = {}
    for name in TEXTURES:
        pairs = ((exemplar(name), system.image(name, method)) for method in METHODS)
        found[name] = [round(patch_w2(*pair, generator=torch.Generator().manual_seed(0))[0].item(), 4) for pair in pairs]
    return found
