"""The metrics beside torch-fidelity's, on the same features. First the results are compared, then the times.

`python -m benchmarks.metrics` prints a line a metric; with `memory` it measures what precision and recall need at 50 000 samples.
Set OMP_NUM_THREADS to the number of threads as well: those of NumPy follow it. Features are float64
unless the name says otherwise: that is what both compute in then.
"""

import argparse
import resource

import torch
from torch import Tensor

from benchmarks.timing import compare
from course_lib import metrics


def feature_sets(n: int, d: int) -> tuple[Tensor, Tensor]:
    """Two clouds (n, d) like a network's features: non-negative, correlated, not the same distribution; float64."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(d, d, generator=generator) / d**0.5 + 0.5 * torch.eye(d)
    clouds = [torch.randn(n, d, generator=generator) @ mixing for _ in range(2)]
    return clouds[0].relu().double(), (1.05 * clouds[1] + 0.02).relu().double()


def same(name: str, ours: float, other: float, tolerance: float = 1e-6) -> None:
    """Stops the run when the two results differ."""
    difference = abs(ours - other) / max(abs(other), 1e-12)
    print(f"same  {name} ours={ours:.9g} other={other:.9g} relative_difference={difference:.1e}", flush=True)
    if difference > tolerance:
        raise SystemExit(f"{name}: results differ by {difference:.1e}, more than {tolerance:.0e}")


def frechet(n: int, d: int, repeats: int) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    real, generated = feature_sets(n, d)

    def other() -> float:
        statistics = [fid_features_to_statistics(x) for x in (real, generated)]
        return fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]

    def ours() -> float:
        return metrics.frechet_distance(real, generated)

    name = f"fid_{n}x{d}"
    same(name, ours(), other())
    compare(name, ours, other, repeats)


def kernel(n: int, d: int, repeats: int) -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    real, generated = feature_sets(n, d)

    def other() -> float:
        return kid_features_to_metric(real, generated, kid_subsets=100, kid_subset_size=1000, verbose=False)[
            "kernel_inception_distance_mean"
        ]

    def ours() -> float:
        return metrics.kernel_distance_subsets(real, generated).mean

    name = f"kid_{n}x{d}_100_subsets_of_1000"
    same(name, ours(), other())
    compare(name, ours, other, repeats)


def neighbours(n: int, d: int, repeats: int, dtype: torch.dtype = torch.float64) -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, generated = (x.to(dtype) for x in feature_sets(n, d))

    def other() -> dict:
        return prc_features_to_metric(generated, real, verbose=False)

    def ours() -> metrics.PrecisionRecall:
        return metrics.precision_recall(real, generated)

    name = f"precision_recall_{n}x{d}" + ("_float32_input" if dtype == torch.float32 else "")
    tolerance = 1e-6 if dtype == torch.float64 else 2e-3  # theirs then decides in float32
    found, expected = ours(), other()
    same(f"{name}_precision", found.precision, expected["precision"], tolerance)
    same(f"{name}_recall", found.recall, expected["recall"], tolerance)
    compare(name, ours, other, repeats)


def memory(n: int = 50_000, d: int = 64) -> None:
    """Peak memory of precision and recall, beyond what the features and the packages take."""
    real, generated = feature_sets(n, d)
    metrics.precision_recall(real[:500], generated[:500])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = metrics.precision_recall(real, generated)
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"memory precision_recall_{n}x{d} extra_mib={extra:.0f} full_matrix_mib={n * n * 4 / 2**20:.0f} {found}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="all", choices=("all", "fid", "kid", "neighbours", "quick", "memory"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    what, repeats = arguments.what, arguments.repeats
    if what == "memory":
        memory()
    if what == "quick":  # small sizes, to see that it runs
        frechet(500, 64, 1), kernel(1000, 64, 1), neighbours(500, 64, 1)
    if what in ("all", "fid"):
        frechet(1000, 2048, repeats)
        frechet(5000, 2048, repeats)
    if what in ("all", "kid"):
        kernel(5000, 2048, repeats)
    if what in ("all", "neighbours"):
        neighbours(5000, 64, repeats)
        neighbours(5000, 2048, repeats)
        neighbours(5000, 2048, repeats, torch.float32)


if __name__ == "__main__":
    main()
