"""What a run reported."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.training.ema import EMA


class History:
    """The scalars of every step, the previews from fixed noise, and the time a run took.

    `history["critic"]` is the list of that scalar's values, one a step. `previews` holds (step, images) pairs.
    """

    def __init__(self) -> None:
        self.scalars: dict[str, list[float]] = {}
        self.previews: list[tuple[int, Tensor]] = []
        self.seconds = 0.0
        self.interrupted = False
        self.ema: EMA | None = None
        self._pending: list[tuple[int, dict[str, Tensor]]] = []

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.scalars:
            raise ValueError(f"name is {name!r}; this run reported {', '.join(self.scalars) or 'nothing'}")
        return self.scalars[name]

    def __len__(self) -> int:
        return max((len(values) for values in self.scalars.values()), default=0)

    def add(self, step: int, scalars: dict[str, Tensor]) -> None:
        """Keeps one step's scalars where they are; `flush` fetches them from the device. Raises ValueError for one that is no scalar."""
        scalars = {name: torch.as_tensor(value).detach() for name, value in scalars.items()}
        for name, value in scalars.items():
            if value.ndim:
                raise ValueError(f"the scalar {name!r} has shape {tuple(value.shape)}; a step must report tensors of shape ()")
        self._pending.append((step, scalars))

    def flush(self) -> None:
        """Fetches what is pending. Raises FloatingPointError at the first scalar that is not finite, naming it and its step."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        values = torch.stack([value.float() for _, scalars in pending for value in scalars.values()]).tolist()
        names = [(step, name) for step, scalars in pending for name in scalars]
        for (step, name), value in zip(names, values, strict=True):
            if not math.isfinite(value):
                raise FloatingPointError(f"the scalar {name!r} is {value} at step {step}; the run stops there")
            self.scalars.setdefault(name, []).append(value)

    def last(self) -> dict[str, float]:
        """The newest value of each scalar."""
        return {name: values[-1] for name, values in self.scalars.items() if values}

    def state_dict(self) -> dict:
        return {"scalars": self.scalars, "previews": self.previews, "seconds": self.seconds}

    def load_state_dict(self, state: dict) -> None:
        self.scalars, self.seconds = {name: list(values) for name, values in state["scalars"].items()}, state["seconds"]
        self.previews = [(step, images) for step, images in state["previews"]]
