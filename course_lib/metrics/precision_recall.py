"""Precision, recall, density and coverage: which samples lie inside the balls of the other set."""

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.metrics.checks import pair
from course_lib.metrics.neighbours import blocks, clouds, neighbour_radii, within


class PrecisionRecall(NamedTuple):
    """All in [0, 1] but density, which can exceed 1."""

    precision: float  # share of generated samples inside some real ball
    recall: float  # share of real samples inside some generated ball
    density: float  # mean number of real balls around a generated sample, over k
    coverage: float  # share of real balls that hold a generated sample


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> PrecisionRecall:
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020); larger is better.

    real (N, D), generated (M, D): features, in this order. The ball of a sample reaches to its k-th nearest neighbour in its own set,
    itself not counted; its surface belongs to it. Distances are decided as in float64 and memory stays bounded for any N.
    Raises ValueError for fewer than two samples, different D, NaN, and k outside 1 .. N - 1.
    """
    real, generated = pair(real, generated)
    for name, features in (("real", real), ("generated", generated)):
        if not 1 <= k < len(features):
            raise ValueError(f"k is {k}; it must be at least 1 and less than the number of {name} samples, {len(features)}")
    a, b = clouds(real, generated)
    radii_real, radii_generated = neighbour_radii(a, k), neighbour_radii(b, k)
    in_real = torch.zeros(len(b), dtype=torch.bool, device=real.device)  # by generated sample
    recalled, covered, balls = 0, 0, 0
    for rows in blocks(len(a), len(b)):
        product = (-2 * a.rounded[rows]) @ b.rounded.T
        in_real_ball = within(a, b, rows, product, radii_real, None)
        in_real |= in_real_ball.any(0)
        covered += in_real_ball.any(1).sum()
        balls += in_real_ball.sum()
        recalled += within(a, b, rows, product, None, radii_generated).any(1).sum()
    precision = in_real.double().mean().item()
    return PrecisionRecall(precision, int(recalled) / len(a), int(balls) / (k * len(b)), int(covered) / len(a))
