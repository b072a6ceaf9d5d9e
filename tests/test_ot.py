"""Optimal transport against SciPy, POT and closed forms."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from course_lib.ot import SemiDiscrete, exact, gaussian_w2, matching, wasserstein_1d


def cloud(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("m", [40, 27, 100])
def test_wasserstein_1d(m):
    x, y = cloud(40), cloud(m, seed=1) * 2 + 1
    assert wasserstein_1d(x, y).item() == pytest.approx(scipy.stats.wasserstein_distance(x.numpy(), y.numpy()), rel=1e-9)
    assert wasserstein_1d(x, y, p=2).item() == pytest.approx(exact(x[:, None], y[:, None], p=2).distance.item(), rel=1e-9)
    assert wasserstein_1d(x.float(), y).item() == pytest.approx(wasserstein_1d(x, y).item(), rel=1e-6)
    columns = wasserstein_1d(torch.stack([x, 2 * x], 1), torch.stack([y, 2 * y], 1))
    assert columns[1].item() == pytest.approx(2 * columns[0].item())


def test_wasserstein_1d_of_a_shift_and_its_gradient():
    x = cloud(30).requires_grad_()
    for p in (1, 2, 3):
        assert wasserstein_1d(x, x.detach() + 0.7, p).item() == pytest.approx(0.7)
    (gradient,) = torch.autograd.grad(wasserstein_1d(x, x.detach() + 0.7), x)
    assert torch.allclose(gradient, torch.full_like(x, -1 / 30))


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_exact_duality(p):
    x, y = cloud(30, 2), cloud(45, 2, seed=1) + 1
    b = torch.rand(45, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    solved = exact(x, y, p, b=b / b.sum())
    cost = torch.cdist(x, y).pow(p)
    slack = cost - solved.source_potential[:, None] - solved.target_potential
    assert torch.allclose(solved.plan.sum(1), torch.full((30,), 1 / 30, dtype=torch.float64)) and torch.allclose(
        solved.plan.sum(0), b / b.sum()
    )
    assert slack.min() > -1e-9 and (slack * solved.plan).sum() < 1e-9
    assert (solved.source_potential.mean() + (b / b.sum()) @ solved.target_potential).item() == pytest.approx(solved.cost.item())
    assert solved.distance.item() == pytest.approx(solved.cost.item() ** (1 / p))


def test_matching_is_exact():
    x, y = cloud(60, 3), cloud(60, 3, seed=1)
    distance, index = matching(x, y, p=2)
    assert distance.item() == pytest.approx(exact(x, y, p=2).distance.item()) and sorted(index.tolist()) == list(range(60))


def test_commuting_gaussians_one_singular():
    scales, others = torch.tensor([0.5, 1.0, 3.0, 0.0]), torch.tensor([2.0, 1.0, 0.1, 0.4])
    shift = torch.tensor([1.0, -2.0, 0.0, 0.5])
    squared = gaussian_w2(torch.zeros(4), torch.diag(scales**2), shift, torch.diag(others**2)) ** 2
    assert squared.item() == pytest.approx((shift.square().sum() + (scales - others).square().sum()).item(), rel=1e-6)


def test_gaussian_w2():
    a, b = cloud(4, 4), cloud(4, 4, seed=1)
    a, b, m, n = a @ a.T, b @ b.T, cloud(4), cloud(4, seed=1)
    root = scipy.linalg.sqrtm(a.numpy())
    squared = (m - n).square().sum().item() + np.trace((a + b).numpy() - 2 * scipy.linalg.sqrtm(root @ b.numpy() @ root).real)
    assert gaussian_w2(m, a, n, b).item() == pytest.approx(squared**0.5, rel=1e-6)
    assert gaussian_w2(m, a, m, a).item() < 1e-6
    one = torch.ones(1)
    assert gaussian_w2(0 * one, one[None] * 4, one, one[None]).item() == pytest.approx((1 + 1) ** 0.5)  # (0 - 1)^2 + (2 - 1)^2


def test_semi_discrete_against_exact():
    x, y = cloud(400, 2), 0.7 * cloud(20, 2, seed=1) + 0.5
    solver = SemiDiscrete(y).fit(x, steps=4000, generator=torch.Generator().manual_seed(0))
    solved = exact(x, y, p=2)
    assert solver.dual(x).item() <= solved.cost.item() + 1e-9
    assert solver.dual(x).item() == pytest.approx(solved.cost.item(), rel=2e-3)
    v = solved.target_potential - solved.target_potential.mean()
    assert (solver.potential - v).abs().max() < 0.05 * v.std()
    histogram = torch.bincount(solver.assign(x), minlength=20) / 400
    assert (histogram - 1 / 20).abs().max() < 0.02
    assert torch.equal(solver.map(x), y[solver.assign(x)])


def test_semi_discrete_two_targets_by_hand():
    """Uniform on [0, 1] to the points 0 and 1 with weights 1/4 and 3/4: the border is at 1/4, so v_1 - v_0 = 1/2."""
    targets, weights = torch.tensor([[0.0], [1.0]]), torch.tensor([0.25, 0.75])
    generator = torch.Generator().manual_seed(0)
    solver = SemiDiscrete(targets, weights).fit(lambda n: torch.rand(n, 1, generator=generator), steps=3000)
    assert (solver.potential[1] - solver.potential[0]).item() == pytest.approx(0.5, abs=0.02)


def test_bad_arguments():
    for call in (
        lambda: wasserstein_1d(torch.ones(3), torch.ones(3, 2)),
        lambda: wasserstein_1d(torch.ones(3), torch.ones(3), p=0.5),
        lambda: exact(torch.ones(3, 2), torch.ones(3, 3)),
        lambda: exact(torch.ones(3, 2), torch.ones(0, 2)),
        lambda: exact(torch.ones(3, 2), torch.full((3, 2), torch.nan)),
        lambda: exact(torch.ones(3, 2), torch.ones(3, 2), p=0),
        lambda: exact(torch.ones(3, 2), torch.ones(3, 2), a=torch.ones(3)),
        lambda: exact(torch.ones(3, 2), torch.ones(3, 2), b=torch.tensor([2.0, -0.5, -0.5])),
        lambda: matching(torch.ones(3, 2), torch.ones(3, 2), p=0),
        lambda: gaussian_w2(torch.ones(2), torch.full((2, 2), torch.nan), torch.ones(2), torch.eye(2)),
        lambda: gaussian_w2(torch.ones(2), torch.tensor([[1.0, 0.9], [0.0, 1.0]]), torch.ones(2), torch.eye(2)),
        lambda: matching(torch.ones(3, 2), torch.ones(4, 2)),
        lambda: gaussian_w2(torch.ones(2), torch.eye(2), torch.ones(3), torch.eye(3)),
        lambda: SemiDiscrete(torch.ones(3)),
        lambda: SemiDiscrete(torch.ones(3, 2), torch.ones(3)),
    ):
        with pytest.raises(ValueError, match="is|has|have|must"):
            call()
