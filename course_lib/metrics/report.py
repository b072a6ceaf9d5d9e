"""All metrics that apply to two sets, with their spread, in one report that names its network."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.metrics.checks import Spread, pair
from course_lib.metrics.features import Features
from course_lib.metrics.frechet import frechet_distance
from course_lib.metrics.inception import inception_score
from course_lib.metrics.kernel import kernel_distance
from course_lib.metrics.precision_recall import precision_recall
from course_lib.metrics.sliced import sliced_wasserstein

BETTER = {"FID": "lower", "KID": "lower", "sliced W2": "lower"}  # the others: higher


@dataclass(frozen=True)
class Report:
    """values: by name, the value on all samples and the standard deviation that half-samples give it."""

    network: str
    real: int
    generated: int
    k: int
    values: dict[str, Spread]

    def __getitem__(self, name: str) -> float:
        """The value of one metric, without its spread."""
        return self.values[name].mean

    def __str__(self) -> str:
        lines = [f"on {self.network} features, {self.real} real and {self.generated} generated samples, k = {self.k}"]
        for name, value in self.values.items():
            lines.append(f"  {name:<16} {value.mean:>10.4g} ± {value.std:<9.2g} {BETTER.get(name, 'higher')} is better")
        return "\n".join(lines)

    def plot(self, title: str = ""):
        """A figure with one panel a metric."""
        return plot_reports({title or "generated": self})


def plot_reports(reports: Mapping[str, Report]):
    """A figure with one panel a metric and one bar a report, with its spread. Raises ValueError when reports used different networks."""
    from matplotlib import pyplot as plt

    from course_lib.viz import GENERATED

    first = next(iter(reports.values()))
    for report in reports.values():
        if (report.network, report.real, report.generated) != (first.network, first.real, first.generated):
            raise ValueError("reports differ in network or in numbers of samples; only equal ones can be compared")
    names = [name for name in first.values if all(name in report.values for report in reports.values())]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    size = (2.1 * columns + 1.2, rows * (0.9 + 0.26 * len(reports)))
    figure, axes = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes.flat, names, strict=False):
        values = [report.values[name] for report in reports.values()]
        ax.barh(list(reports), [v.mean for v in values], xerr=[v.std for v in values], color=GENERATED, height=0.6, ecolor="#444444")
        ax.set_title(f"{name} {'↓' if name in BETTER else '↑'}")
    axes[0, 0].invert_yaxis()
    figure.supxlabel(f"{first.network} features, N = {first.generated}", fontsize=9)
    return figure


def measure(real: Tensor, generated: Tensor, logits: Tensor | None = None, k: int = 3, seed: int = 0) -> dict[str, float]:
    """Every metric on features (N, D), (M, D) and, where they are given, the generated samples' logits."""
    found = precision_recall(real, generated, k)
    values = {"FID": frechet_distance(real, generated), "KID": kernel_distance(real, generated)}
    values |= {"precision": found.precision, "recall": found.recall, "density": found.density, "coverage": found.coverage}
    values["sliced W2"] = sliced_wasserstein(real, generated, 128, generator=torch.Generator().manual_seed(seed))
    if logits is not None:
        values["Inception score"] = inception_score(logits)
    return values


def evaluate(real: Tensor, generated: Tensor, features: Features | None = None, k: int = 3, halves: int = 10, seed: int = 0) -> Report:
    """Measures generated samples against real ones with all metrics that apply.

    real, generated: images (N, C, H, W) in [-1, 1] with a feature network, or features (N, D) without one. The value is that of all
    samples. Its spread is the standard deviation over `halves` random halves of both sets, which estimates the standard error of the
    whole (the delete-half jackknife, Shao and Wu 1989); a bootstrap would repeat points, and the radius of a repeated point is 0.
    halves = 0 skips it (the spread is then NaN). Raises ValueError as the metrics do; warns when the sets' sizes differ.
    """
    if features is not None:
        real, (generated, logits), network = features(real), features.both(generated), features.name
    else:
        logits, network = None, "given"
    real, generated = pair(real, generated, least=4)
    if len(real) != len(generated):
        warnings.warn(
            f"{len(real)} real and {len(generated)} generated samples: numbers depend on both, compare at equal sizes only", stacklevel=2
        )
    whole = measure(real, generated, logits, k, seed)
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(halves):
        i, j = (torch.randperm(len(x), generator=generator)[: len(x) // 2] for x in (real, generated))
        parts.append(measure(real[i], generated[j], None if logits is None else logits[j], min(k, len(i) - 1, len(j) - 1), seed))
    spread = {name: torch.tensor([part[name] for part in parts]).std().item() if len(parts) > 1 else float("nan") for name in whole}
    return Report(network, len(real), len(generated), k, {name: Spread(value, spread[name]) for name, value in whole.items()})
