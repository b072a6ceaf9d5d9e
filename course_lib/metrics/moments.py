"""Mean and covariance of a stream of features, in the memory of one covariance matrix."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from course_lib.metrics.checks import matrix


def _scatter(centred: Tensor) -> Tensor:
    """x^T x. On the CPU through NumPy, which sees the symmetry and computes one half."""
    if centred.device.type != "cpu":
        return centred.T @ centred
    array = centred.numpy()
    return torch.from_numpy(array.T @ array)


class Moments:
    """Accumulates mean and covariance over batches, in float64: `Moments(features)`, or `Moments()` and `add(batch)` again and again.

    Batches are merged by the update of Chan, Golub and LeVeque (1979), which subtracts no large numbers from each other.
    """

    def __init__(self, features: Tensor | None = None):
        self.n = 0
        self.mean: Tensor | None = None  # (D,)
        self.scatter: Tensor | None = None  # (D, D), sum over samples of (x - mean)(x - mean)^T
        if features is not None:
            self.add(features)

    def add(self, features: Tensor) -> Moments:
        """Takes in a batch (N, D) with N >= 1. Raises ValueError for another width than before, another rank, NaN or infinity."""
        features = matrix("features", features, least=1)
        mean = features.mean(0)
        return self._merge(len(features), mean, _scatter(features - mean))

    def merge(self, other: Moments) -> Moments:
        """Takes in what another one has seen."""
        return self if other.n == 0 else self._merge(other.n, other.mean, other.scatter)

    def _merge(self, n: int, mean: Tensor, scatter: Tensor) -> Moments:
        if self.n == 0:
            self.n, self.mean, self.scatter = n, mean.clone(), scatter.clone()
            return self
        if mean.shape != self.mean.shape:
            raise ValueError(f"features has {len(mean)} columns; it must have {len(self.mean)}, as the batches before had")
        total = self.n + n
        gap = mean.to(self.mean.device) - self.mean
        self.scatter += scatter.to(self.scatter.device)
        self.scatter.addr_(gap, gap, alpha=self.n * n / total)
        self.mean += gap * (n / total)
        self.n = total
        return self

    @property
    def covariance(self) -> Tensor:
        """(D, D), unbiased: divided by n - 1. Raises ValueError when fewer than two samples were seen."""
        if self.n < 2:
            raise ValueError(f"n is {self.n}; a covariance needs at least 2 samples")
        return self.scatter / (self.n - 1)

    def reduce(self) -> Moments:
        """Merges the moments of all processes of a torchrun; each of them then holds the whole. Alone it changes nothing."""
        if not (dist.is_available() and dist.is_initialized()):
            return self
        if self.n == 0:
            raise ValueError("n is 0; each process must have seen at least one sample")
        count = torch.tensor(float(self.n), dtype=torch.float64, device=self.mean.device)
        dist.all_reduce(count)
        mean = self.mean * (self.n / count)
        dist.all_reduce(mean)
        gap = self.mean - mean
        self.scatter.addr_(gap, gap, alpha=self.n)
        dist.all_reduce(self.scatter)
        self.n, self.mean = round(count.item()), mean
        return self

    def state_dict(self) -> dict:
        return {"n": self.n, "mean": self.mean, "scatter": self.scatter}

    def load_state_dict(self, state: dict) -> None:
        mean, scatter = state["mean"], state["scatter"]  # copied, since `add` changes its own in place
        self.n, self.mean, self.scatter = state["n"], None if mean is None else mean.clone(), None if scatter is None else scatter.clone()
