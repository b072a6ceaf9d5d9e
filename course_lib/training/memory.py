"""How many bytes a backward pass needs, counted and not sampled: the same on every machine."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor, nn


class Kept:
    """What autograd holds in place of a tensor, so that we notice when it lets go."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor


class StoredBytes:
    """Within `with`: `peak`, the most bytes that autograd holds at once for backward passes, the module's own tensors left out.

    A storage that is held twice counts once.
    """

    def __init__(self, module: nn.Module):
        self.own = {tensor.untyped_storage().data_ptr() for tensor in [*module.parameters(), *module.buffers()]}
        self.held: dict[int, int] = {}  # how often each storage is held
        self.now = self.peak = 0
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self.keep, lambda kept: kept.tensor)

    def keep(self, tensor: Tensor) -> Kept:
        kept, storage = Kept(tensor), tensor.untyped_storage()
        where, size = storage.data_ptr(), storage.nbytes()
        if where not in self.own:
            self.held[where] = self.held.get(where, 0) + 1
            self.now += size if self.held[where] == 1 else 0
            self.peak = max(self.peak, self.now)
            weakref.finalize(kept, self.drop, where, size)
        return kept

    def drop(self, where: int, size: int) -> None:
        self.held[where] -= 1
        self.now -= size if self.held[where] == 0 else 0

    def __enter__(self) -> StoredBytes:
        self.hooks.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.hooks.__exit__(*error)
