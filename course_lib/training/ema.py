"""The running average of a system's weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """Exponential moving average of every parameter and buffer of a module.

    decay: weight of the past, in [0, 1). It is lowered to (1 + t) / (10 + t) at step t, so that the first weights are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float):
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; it must be in [0, 1)")
        self.decay, self.steps = decay, 0
        self.average = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Moves the average towards the module's present weights."""
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        current = module.state_dict()
        smooth = [name for name, value in self.average.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[name] for name in smooth], [current[name] for name in smooth], 1 - keep)
        for name in self.average.keys() - set(smooth):
            self.average[name].copy_(current[name])

    def copy_to(self, module: nn.Module) -> None:
        """Writes the average into the module, for good."""
        module.load_state_dict(self.average)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[nn.Module]:
        """Lends the average to the module inside a `with`; its own weights come back after it."""
        own = {name: value.clone() for name, value in module.state_dict().items()}
        self.copy_to(module)
        try:
            yield module
        finally:
            module.load_state_dict(own)

    def state_dict(self) -> dict[str, int | dict[str, Tensor]]:
        return {"steps": self.steps, "average": self.average}

    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]
        for name, value in state["average"].items():
            self.average[name].copy_(value)
