"""What every model of the course is: networks, their optimisers, and how one batch updates them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.training.update import Update


class System(nn.Module):
    """Owns its networks and optimisers. Knows no device, no logging, no progress bar: `training.fit` does.

    A subclass defines `step`, `sample` and `example`. Its random numbers come from `self.randn` and `self.rand`, which draw from
    `self.rng`, the generator that `fit` seeds and saves.
    """

    rng: torch.Generator | None = None

    def step(self, batch: Tensor | tuple[Tensor, ...], update: Update) -> dict[str, Tensor]:
        """Updates the networks from one batch by calls of `update(loss, optimiser)`; returns the named scalars of the step."""
        raise NotImplementedError

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n samples, on the system's device; the same generator state gives the same samples."""
        raise NotImplementedError

    @classmethod
    def example(cls) -> tuple[System, Tensor | tuple[Tensor, ...]]:
        """A tiny system and a batch for it; tests run each of them, on the CPU and on the `meta` device."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def optimisers(self) -> dict[str, Optimizer]:
        """The optimisers by attribute name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Optimizer)}

    def randn(self, *shape: int, generator: torch.Generator | None = None) -> Tensor:
        """Standard normal numbers on the system's device, from `generator` or the system's own."""
        return self._draw(torch.randn, shape, generator)

    def rand(self, *shape: int, generator: torch.Generator | None = None) -> Tensor:
        """Uniform numbers in [0, 1) on the system's device, from `generator` or the system's own."""
        return self._draw(torch.rand, shape, generator)

    def _draw(self, draw, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        generator = generator or self.rng
        return draw(shape, generator=generator, device=generator.device if generator else self.device).to(self.device)


def systems() -> Iterator[type[System]]:
    """Every System class in `course_lib.models` but the abstract ones, found by importing all its modules."""
    import course_lib.models as package

    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, System) and value is not System and value.__module__ == module.name:
                if not inspect.isabstract(value):
                    yield value
