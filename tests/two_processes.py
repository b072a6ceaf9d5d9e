"""Run by torchrun: a WGAN-GP critic step on two processes equals the step of one process on the whole batch; a run resumes exactly."""

import sys

import torch
import torch.distributed as dist
from torch import nn

from course_lib.models import GAN, System
from course_lib.nn import mlp
from course_lib.training import fit


class Critic(System):
    """A critic with a gradient penalty at the data themselves, so that no random number differs between the processes."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.optimiser = torch.optim.SGD(self.parameters(), 0.1)

    def step(self, batch, update):
        points = batch.detach().requires_grad_()
        score = self.net(points)
        (slope,) = torch.autograd.grad(score.sum(), points, create_graph=True)
        loss = score.mean() + (slope.norm(dim=1) - 1).square().mean()
        update(loss, self.optimiser)
        return {"loss": loss}


data = torch.randn(64, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
torch.manual_seed(0)
alone, shared = Critic().double(), Critic().double()
shared.load_state_dict(alone.state_dict())
fit(shared, data, 10, batch_size=64, device="cpu", progress=False)
for _ in range(10):  # one process, whole batches: every batch is all the data
    alone.step(data, (lambda loss, optimiser: (optimiser.zero_grad(), loss.backward(), optimiser.step())))
worst = max((a - b).abs().max().item() for a, b in zip(alone.parameters(), shared.parameters(), strict=True))
assert worst < 1e-12, worst


def resumed(name, *parts):
    """The weights of a GAN, whose processes draw noise of their own, trained in parts; the same in all processes."""
    torch.manual_seed(dist.get_rank())  # fit starts all from the first one's weights
    for steps in parts:
        system = GAN(mlp([2, 8, 2]), mlp([2, 8, 1]), 2)
        fit(system, data.float(), steps, batch_size=8, device="cpu", progress=False, checkpoint=f"{sys.argv[1]}/{name}")
    weights = torch.cat([parameter.detach().flatten() for parameter in system.parameters()])
    first = weights.clone()
    dist.broadcast(first, 0)
    assert torch.equal(first, weights)
    return weights


assert torch.equal(resumed("whole", 6), resumed("parts", 2, 6))
if dist.get_rank() == 0:
    print("equal")
dist.destroy_process_group()
