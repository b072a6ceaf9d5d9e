"""An endless stream of random batches whose place can be saved."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Batch = Tensor | tuple[Tensor, ...]
Data = Tensor | Sequence[Tensor] | Callable[[int, torch.Generator], Batch]


class Batches:
    """Random batches without replacement, epoch after epoch; what does not fill a batch waits for the next shuffle.

    data: a tensor (N, ...): batches are tensors. An `ImageSet` or a tuple of tensors with the same N: batches are tuples.
        A function (n, generator) -> batch: called for each batch. Raises ValueError for anything else, such as NumPy arrays.
    size: how many items a batch has; share: (rank, processes), each process takes its part of every batch.
    """

    def __init__(self, data: Data, size: int, generator: torch.Generator, device: torch.device, share: tuple[int, int] = (0, 1)):
        self.rank, self.processes = share
        if not isinstance(size, int) or size < 1 or size % self.processes:
            raise ValueError(f"batch_size is {size!r}; it must be a positive multiple of the number of processes, {self.processes}")
        self.size, self.generator, self.device = size, generator, device
        self.draw = data if callable(data) else None
        self.single = isinstance(data, Tensor)
        tensors = () if self.draw else (data,) if self.single else data.tensors if hasattr(data, "tensors") else tuple(data)
        if wrong := [type(part).__name__ for part in tensors if not isinstance(part, Tensor)]:
            raise ValueError(
                f"data is a {type(data).__name__} with a {wrong[0]}; it must be a tensor, tensors or a function (n, generator)"
            )
        self.tensors = [tensor.to(device) for tensor in tensors]
        self.order, self.place = torch.empty(0, dtype=torch.long), 0
        if not self.draw:
            lengths = {len(tensor) for tensor in self.tensors}
            if len(lengths) != 1:
                raise ValueError(f"data has tensors of lengths {sorted(lengths)}; they must be equal")
            if (length := lengths.pop()) < size:
                raise ValueError(f"batch_size is {size}, but data has only {length} items")

    def next(self) -> Batch:
        """The next batch, on the device."""
        part = slice(self.rank, None, self.processes)
        if self.draw:
            batch = self.draw(self.size, self.generator)
            single = isinstance(batch, Tensor)
            batch = [tensor[part].to(self.device) for tensor in ([batch] if single else batch)]
        else:
            single = self.single
            if self.place + self.size > len(self.order):
                self.order, self.place = torch.randperm(len(self.tensors[0]), generator=self.generator), 0
            index = self.order[self.place : self.place + self.size][part].to(self.device)
            self.place += self.size
            batch = [tensor[index] for tensor in self.tensors]
        return batch[0] if single else tuple(batch)

    def state_dict(self) -> dict:
        return {"order": self.order, "place": self.place, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict) -> None:
        """Raises ValueError when the state is that of data of another length."""
        length = len(self.tensors[0]) if self.tensors else 0
        if len(state["order"]) not in (0, length):
            raise ValueError(f"data has {length} items, but the checkpoint was written with {len(state['order'])}")
        self.order, self.place = state["order"], state["place"]
        self.generator.set_state(state["generator"])
