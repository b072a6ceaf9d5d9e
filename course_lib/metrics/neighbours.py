"""Nearest neighbours between sets of features, exact, at the price of single precision.

One float32 matrix product gives every squared distance with an error bound; the few pairs that the bound leaves open are settled in
float64. So results are those of float64, ties included, while the heavy work runs in float32, in blocks of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from course_lib.metrics.checks import matrix, pair, squared_distances

ENTRIES = 2**24  # of a distance matrix that are in memory at a time


class Cloud:
    """Points in float64, and their rounded copy: centred and scaled alike for all clouds made by one call of `clouds`.

    Of two rounded points, `-2 a.b` is known within `gamma (|a|^2 + |b|^2)`, whatever the order of summation (Higham 2002, ch. 3).
    """

    def __init__(self, points: Tensor, centre: Tensor, scale: Tensor):
        self.points, self.scale = points, scale
        self.rounded = ((points - centre) / scale).float()
        self.norms = torch.linalg.vector_norm(self.rounded, dim=1, dtype=torch.float64).square()
        self.gamma = (points.shape[1] + 16) * 2.0**-24

    def low(self) -> Tensor:
        """(1 - gamma) |a|^2: with it, -2 a.b + low(a) + low(b) is at most the squared distance."""
        return (1 - self.gamma) * self.norms

    def __len__(self) -> int:
        return len(self.points)


def clouds(*sets: Tensor) -> list[Cloud]:
    """Rounded alike, so that they can be compared."""
    centre = sets[0].mean(0)
    scale = max((points - centre).abs().max() for points in sets).clamp(min=1e-150)
    return [Cloud(points, centre, scale) for points in sets]


def blocks(rows: int, columns: int, most: int = 2**30) -> Iterator[slice]:
    """Slices of the rows of a (rows, columns) matrix, few enough at a time."""
    size = min(most, max(1, ENTRIES // max(columns, 1)))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def pair_distances(a: Tensor, b: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Exact squared distances of the pairs (a[i], b[j]); i and j are (P,)."""
    parts = [a[i[part]].sub_(b[j[part]]).square_().sum(1) for part in blocks(len(i), a.shape[1], 128)]  # small enough for the cache
    return torch.cat(parts) if parts else a.new_zeros(0)


def neighbour_radii(cloud: Cloud, k: int) -> Tensor:
    """(N,) squared distance of each point to its k-th nearest other point."""
    n, low = len(cloud), cloud.low()
    candidates = min(k + 3, n - 1)
    bound = torch.full((n, candidates), torch.inf, dtype=torch.float32, device=low.device)
    index = torch.zeros(n, candidates, dtype=torch.long, device=low.device)
    low32 = low.float()

    def keep(rows: slice, values: Tensor, dim: int, offset: int) -> None:
        """Takes the smallest of what the rows had and of new lower bounds, whose place along `dim` starts at `offset`."""
        values, places = values.topk(min(candidates, values.shape[dim]), dim, largest=False)
        values, places = (values.T, places.T) if dim == 0 else (values, places)
        values, order = torch.cat([bound[rows], values], 1).topk(candidates, 1, largest=False)
        bound[rows], index[rows] = values, torch.cat([index[rows], places + offset], 1).gather(1, order)

    for rows in blocks(n, n, 1024):  # the matrix is symmetric: only what lies right of the diagonal is computed
        product = (-2 * cloud.rounded[rows]) @ cloud.rounded[rows.start :].T
        product.diagonal().fill_(torch.inf)  # a point is no neighbour of itself
        keep(rows, product + low32[rows.start :], 1, rows.start)
        size = rows.stop - rows.start
        if rows.stop < n:
            keep(slice(rows.stop, n), product[:, size:] + low32[rows][:, None], 0, rows.start)
    here = torch.arange(n, device=low.device)
    exact = torch.stack([pair_distances(cloud.points, cloud.points, here, column) for column in index.unbind(1)], 1)
    radii = exact.sort(1).values[:, k - 1]
    nobody_nearer = bound[:, -1] + low - 2.0**-22 * cloud.norms  # all others are at least that far, in the scaled units
    open_rows = (radii > 0) & (radii > nobody_nearer * cloud.scale**2) & torch.tensor(candidates < n - 1, device=low.device)
    for row in open_rows.nonzero()[:, 0].split(max(1, ENTRIES // n)):  # many points in almost one place: look at all pairs
        distances = torch.cdist(cloud.points[row], cloud.points, compute_mode="donot_use_mm_for_euclid_dist").square()
        distances[torch.arange(len(row), device=row.device), row] = torch.inf
        radii[row] = pair_distances(cloud.points, cloud.points, row, distances.kthvalue(k, 1).indices)
    return radii


def within(a: Cloud, b: Cloud, rows: slice, product: Tensor, radii_a: Tensor | None, radii_b: Tensor | None) -> Tensor:
    """(rows, M) true where the distance is at most the radius of the row's point (`radii_a`) or of the column's (`radii_b`).

    product: -2 a.b of the rounded points, (rows, M). Radii are squared, one of them is None.
    """
    by_row = radii_a is not None
    limit = (radii_a[rows] if by_row else radii_b) / a.scale**2
    own, other = (a.norms[rows], b.norms) if by_row else (b.norms, a.norms[rows])
    slack = 2.0**-22 * (limit + own)
    low, high = 1 - a.gamma, 1 + a.gamma
    shape = (lambda own, other: (own[:, None], other[None])) if by_row else (lambda own, other: (own[None], other[:, None]))
    threshold, rest = shape((limit - low * own + slack).float(), (low * other).float())
    inside = product + rest <= threshold  # whoever can be inside
    i, j = inside.nonzero().unbind(1)
    mine, its = (i, j) if by_row else (j, i)
    surely = product[i, j].double() + high * (own[mine] + other[its]) <= limit[mine] - slack[mine]
    i, j, mine = i[~surely], j[~surely], mine[~surely]
    radii = (radii_a[rows] if by_row else radii_b)[mine]
    inside[i, j] = pair_distances(a.points, b.points, i + rows.start, j) <= radii
    return inside


def nearest(points: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """(distances, indices), (N,) each: the Euclidean distance of each point to its nearest row of `among`, and which row it is.

    points (N, D), among (M, D). Distances are exact to float64; blocks keep the memory bounded.
    """
    points, among = matrix("points", points, 1), matrix("among", among, 1)
    if points.shape[1] != among.shape[1]:
        raise ValueError(f"among has {among.shape[1]} columns; it must have {points.shape[1]}, as points has")
    among = among.to(points.device)
    centre = among.mean(0)
    a, b = points - centre, among - centre
    found = torch.cat([squared_distances(a[rows], b).argmin(1) for rows in blocks(len(a), len(b))])
    return pair_distances(points, among, torch.arange(len(points), device=points.device), found).sqrt(), found


def copying(generated: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Chance that a generated sample lies nearer to the training set than a held-out real one does (Meehan et al. 2020): 0.5 is fair.

    generated (N, D), train (M, D), held_out (L, D): features. Near 1 the samples are copies of training data; near 0 they lie off the
    data. It is the Mann-Whitney statistic of the two sets of nearest-neighbour distances, ties counted half.
    """
    train, generated = pair(train, generated)
    train, held_out = pair(train, held_out)
    made, real = nearest(generated, train)[0], nearest(held_out, train)[0].sort().values
    farther = len(real) - torch.searchsorted(real, made, right=True)  # held-out points strictly farther than each generated one
    equal = torch.searchsorted(real, made, right=True) - torch.searchsorted(real, made)
    return ((farther + equal / 2).sum() / (len(made) * len(real))).item()
