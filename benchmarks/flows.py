"""A chain of 16 couplings with the reversible backward pass beside the plain one: gradients, stored activations, time.

`python -m benchmarks.flows`. Memory is counted, not sampled: the bytes of every tensor that autograd keeps, parameters left out, at
their highest during a forward and a backward pass. The count is the same on every machine.
"""

import copy

import torch
from torch import Tensor

from benchmarks.timing import compare
from course_lib.models import glow, realnvp
from course_lib.models.flow import Flow
from course_lib.training.memory import StoredBytes

THREADS = 2
TIME, MEMORY = 1.6, 0.5  # at most this much time for at most this share of the stored bytes


def backward(flow: Flow, x: Tensor) -> None:
    """Gradients of the mean log-density at x, in `.grad`."""
    flow.zero_grad()
    (-flow.log_density(x).mean()).backward()


def contest(name: str, plain: Flow, x: Tensor, repeats: int) -> tuple[float, float]:
    """Checks the gradients, then returns (time, stored bytes) of the reversible chain over those of the plain one."""
    with torch.no_grad():
        plain.layers.initialise(x)
        for parameter in plain.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    reversible = copy.deepcopy(plain)
    reversible.layers.reversible = True
    peaks = []
    for flow in (plain, reversible):
        with StoredBytes(flow) as stored:
            backward(flow, x)
        peaks.append(stored.peak)
    expected, found = (torch.cat([parameter.grad.flatten() for parameter in flow.parameters()]) for flow in (plain, reversible))
    difference = ((found - expected).norm() / expected.norm()).item()
    print(f"same  {name} relative difference of the gradients: {difference:.1e}", flush=True)
    if difference > 1e-4:
        raise SystemExit(f"{name}: gradients differ by {difference:.1e}")
    print(
        f"memory {name} plain_mib={peaks[0] / 2**20:.1f} reversible_mib={peaks[1] / 2**20:.1f} share={peaks[1] / peaks[0]:.2f}", flush=True
    )
    time = 1 / compare(name, lambda: backward(reversible, x), lambda: backward(plain, x), repeats)
    return time, peaks[1] / peaks[0]


def main(repeats: int = 7) -> None:
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    images, points = torch.rand(32, 1, 28, 28), torch.randn(4096, 2)
    fast_enough = []
    for name, flow, x in (
        ("realnvp_16_layers_28", realnvp((1, 28, 28), depth=4, width=32), images),
        ("glow_16_layers_28", glow((1, 28, 28), depth=8, width=64), images),
        ("realnvp_16_layers_points", realnvp((2,), depth=16), points),
    ):
        time, share = contest(name, flow, x, repeats)
        verdict = "ok  " if time <= TIME and share <= MEMORY else "FAIL"
        print(f"{verdict}  {name}: {time:.2f} times the time (at most {TIME}), {share:.2f} of the bytes (at most {MEMORY})", flush=True)
        fast_enough.append(verdict == "ok  ")
    if not all(fast_enough):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
