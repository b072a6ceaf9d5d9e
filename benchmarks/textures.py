"""Textures beside the same methods read literally from their papers. First the results are compared, then the times.

`python -m benchmarks.textures` times; `quality` compares 500 iterations of GOTEX with those of the plain scheme; `memory` measures peaks,
each in a process of its own: `memory texto` and `memory gotex`. The plain versions hold the whole matrix of squared distances, look for
its smallest entries with argmin, look at all rows in every dual step and leave the potential's gradient to autograd.
"""

import argparse
import resource
import time

import torch
from torch import Tensor

from benchmarks.timing import compare
from course_lib import data
from course_lib.models import GaussianTexture, Gotex, Texto
from course_lib.models.texture import Canvas, patch_features
from course_lib.ot import SemiDiscrete, patch_w2
from course_lib.training import Update


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def exemplar(size: int) -> Tensor:
    """(3, size, size): the course's largest texture in colour."""
    return data.texture("stars", size)


def plain_fit(targets: Tensor, cloud: Tensor, steps: int, batch_size: int, generator: torch.Generator) -> Tensor:
    """The averaged potential of `SemiDiscrete.fit`, with autograd."""
    scale = SemiDiscrete(targets).scale
    potential = torch.zeros(len(targets), requires_grad=True)
    average = torch.zeros(len(targets))
    for k in range(1, steps + 1):
        x = cloud[torch.randint(len(cloud), (batch_size,), generator=generator)]
        scores = torch.cdist(x, targets).square() - potential
        dual = scores.gather(1, scores.argmin(1, keepdim=True)).mean() + potential.mean()
        slope = torch.autograd.grad(dual, potential)[0]
        with torch.no_grad():
            potential += scale / k**0.5 * slope
            average += (potential - average) / k
    return average - average.mean()


class Plain(Gotex):
    """The alternate scheme read literally: all rows in every dual step, one matrix of costs for each."""

    def distance(self, images: Tensor) -> Tensor:
        total = 0.0
        for transport, rows in zip(self.transports, self.features(images), strict=True):
            potential = transport.potential.clone().requires_grad_()
            for _ in range(self.dual_steps):
                slope = torch.autograd.grad(self.dual(rows.detach(), transport.targets, potential), potential)[0]
                potential = (potential + transport.scale / 10 * slope).detach().requires_grad_()
            transport.potential = potential.detach()
            total = total + self.dual(rows, transport.targets, transport.potential)
        return total

    @staticmethod
    def dual(rows: Tensor, targets: Tensor, potential: Tensor) -> Tensor:
        costs = (rows.square().sum(1, keepdim=True) + targets.square().sum(1) - 2 * rows @ targets.T) - potential
        return costs.gather(1, costs.argmin(1, keepdim=True)).mean() + potential.mean()


def texto(repeats: int) -> None:
    targets, cloud = (torch.randn(n, 27, generator=seeded(n)) for n in (1000, 20_000))
    steps = 200

    def ours() -> Tensor:
        return SemiDiscrete(targets).fit(cloud, steps, 100, generator=seeded()).potential

    def other() -> Tensor:
        return plain_fit(targets, cloud, steps, 100, seeded())

    difference = (ours() - other()).abs().max() / other().std()
    print(f"same  semi_discrete_ascent largest_difference={difference:.1e} of the potential's spread", flush=True)
    if difference > 1e-2:
        raise SystemExit("semi_discrete_ascent: potentials differ")
    compare("semi_discrete_ascent_1000x27_batch_100", ours, other, repeats)
    model = Texto.fit(exemplar(256), generator=seeded())
    jobs = {
        "texto_fit_256_colour_4_scales": lambda: Texto.fit(exemplar(256), generator=seeded()),
        "texto_synthesis_512": lambda: model.synthesize(512, 512, seeded()),
    }
    for name, work in jobs.items():
        print(f"time  {name} seconds={min(clock(work) for _ in range(repeats)):.2f}", flush=True)


def clock(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def contestants(target: Tensor, scales: int, kinds=(Gotex, Plain), **settings) -> list[Gotex]:
    start = GaussianTexture(target).synthesize(*target.shape[1:], seeded())
    return [kind(target, Canvas(start), patch_features(4, scales), **settings) for kind in kinds]


def gotex(size: int, scales: int, repeats: int) -> None:
    ours, other = contestants(exemplar(size), scales)
    for system in (ours, other):
        system.dual_steps = 0
    pair = [system.distance(system.generator([])).item() for system in (ours, other)]
    print(f"same  gotex_{size} ours={pair[0]:.6g} other={pair[1]:.6g} before any dual step", flush=True)
    if abs(pair[0] - pair[1]) > 1e-3 * abs(pair[1]):
        raise SystemExit(f"gotex_{size}: distances differ")
    for system in (ours, other):
        system.dual_steps = 10
    batch, update = exemplar(size)[None], Update()
    compare(f"gotex_iteration_{size}_{scales}_scales", lambda: ours.step(batch, update), lambda: other.step(batch, update), repeats)


def quality(size: int = 64, scales: int = 3, iterations: int = 500) -> None:
    """Patch W2 at each scale after as many iterations of each, from the same start: does it harm to look at 1024 rows a dual step?"""
    target = data.texture("tissue", size)
    for system in contestants(target, scales, sample=1024):
        system.rng = seeded()
        for index in range(iterations):
            report = system.step(target[None], Update())
            if index + 1 in (iterations // 5, iterations):
                values = patch_w2(target, system.sample(1)[0], scales=scales, n=2000, generator=seeded())
                shown = " ".join(f"{value:.5f}" for value in values)
                print(
                    f"quality {type(system).__name__:5} {index + 1:4} iterations: patch W2 {shown} loss {report['distance']:.4f}",
                    flush=True,
                )


def memory(what: str) -> None:
    """Peak of the whole process, in MiB; the packages alone take some 300."""
    if what == "texto":
        Texto.fit(exemplar(256), samples=2000, generator=seeded()).synthesize(4096, 4096, seeded())
    else:
        system = contestants(exemplar(256), 4, (Gotex,))[0]
        for _ in range(2):
            system.step(exemplar(256)[None], Update())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory {what}_{4096 if what == 'texto' else 256} peak_mib={peak:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="all", choices=("all", "texto", "gotex", "quality", "memory"))
    parser.add_argument("which", nargs="?", default="texto", choices=("texto", "gotex"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.what in ("all", "texto"):
        texto(arguments.repeats)
    if arguments.what in ("all", "gotex"):
        gotex(128, 3, arguments.repeats)
        gotex(256, 4, min(arguments.repeats, 2))
    if arguments.what == "quality":
        quality()
    if arguments.what == "memory":
        memory(arguments.which)


if __name__ == "__main__":
    main()
