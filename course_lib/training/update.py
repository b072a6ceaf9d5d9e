"""The seam between a system and the training loop: one loss becomes one step of an optimiser."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Optimizer

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def world() -> tuple[int, int]:
    """(rank, number of processes): (0, 1) outside torchrun."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


def average_over_processes(tensors: list[Tensor]) -> None:
    """Replaces each tensor by its mean over the processes, in one flattened all-reduce."""
    size = world()[1]
    if size == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    for tensor, mean in zip(tensors, (flat / size).split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


class Update:
    """Called as `update(loss, optimiser)`: backward, loss scaling, averaging over processes, and the optimiser's step.

    Only the parameters of the given optimisers get gradients, so a generator's step costs nothing on the critic's weights,
    and the other player's `.grad` stays as it was. Penalties with double backward are right in every case.

    step: number of updates of the system done before this one (int); for what happens every so often.
    progress: share of the run that is done, in [0, 1); for schedules.
    """

    def __init__(self, device_type: str = "cpu", precision: str = "fp32"):
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}; it must be one of {', '.join(PRECISIONS)}")
        self.dtype = PRECISIONS[precision]
        self.device_type = device_type
        self.scaler = torch.amp.GradScaler(device_type, enabled=precision == "fp16")
        self.step, self.progress = 0, 0.0

    def autocast(self) -> torch.autocast:
        """The mixed precision under which a system's step runs; backward leaves it."""
        return torch.autocast(self.device_type, self.dtype, enabled=self.dtype is not None)

    def __call__(self, loss: Tensor, *optimisers: Optimizer, retain_graph: bool = False) -> None:
        parameters = [p for optimiser in optimisers for group in optimiser.param_groups for p in group["params"] if p.requires_grad]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device_type, enabled=False):
            self.scaler.scale(loss).backward(inputs=parameters, retain_graph=retain_graph)
        average_over_processes([p.grad for p in parameters if p.grad is not None])
        for optimiser in optimisers:
            self.scaler.step(optimiser)
        self.scaler.update()
