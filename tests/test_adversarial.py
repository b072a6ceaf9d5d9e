"""Objectives by hand values, f-divergence bounds against closed forms between two Gaussians."""

import math

import pytest
import torch
from torch.distributions import Normal
from torch.nn import functional as F

from course_lib.losses.adversarial import names, objective, pull_away
from course_lib.losses.f_divergence import F_DIVERGENCES, bend, f_divergence

LOG2 = math.log(2)
# critic and generator loss at real scores (1, 3), fake scores (-2, 0.5): by hand, with sp(s) = log(1 + e^s)
sp = lambda s: math.log1p(math.exp(s))  # noqa: E731
HAND = {
    "minimax": ((sp(-1) + sp(-3) + sp(-2) + sp(0.5)) / 2, -(sp(-2) + sp(0.5)) / 2),
    "non_saturating": ((sp(-1) + sp(-3) + sp(-2) + sp(0.5)) / 2, (sp(2) + sp(-0.5)) / 2),
    "least_squares": ((0 + 4) / 4 + (4 + 0.25) / 4, (9 + 0.25) / 4),
    "hinge": (0 + (0 + 1.5) / 2, 0.75),
    "wasserstein": (-0.75 - 2, 0.75),
    "energy": (2 + (3 + 0.5) / 2, -0.75),
    "f:kl": (-2 + (math.exp(-3) + math.exp(-0.5)) / 2, -(math.exp(-3) + math.exp(-0.5)) / 2),
    "f:reverse_kl": ((math.exp(-1) + math.exp(-3)) / 2 + (-3 - 0.5) / 2, -(-3 - 0.5) / 2),
    "f:js": ((sp(-1) + sp(-3) + sp(-2) + sp(0.5)) / 4 - LOG2, LOG2 / 2 - (sp(-2) + sp(0.5)) / 4),
    "f:pearson": (-2 + (-1 + (1 / 16 + 0.5)) / 2, -(-1 + (1 / 16 + 0.5)) / 2),
    "f:squared_hellinger": (
        -(2 - math.exp(-1) - math.exp(-3)) / 2 + (math.exp(-2) + math.exp(0.5) - 2) / 2,
        -(math.exp(-2) + math.exp(0.5) - 2) / 2,
    ),
    "f:total_variation": (
        -(math.tanh(1) + math.tanh(3)) / 4 + (math.tanh(-2) + math.tanh(0.5)) / 4,
        -(math.tanh(-2) + math.tanh(0.5)) / 4,
    ),
}


@pytest.mark.parametrize("name", HAND)
def test_hand_values(name):
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[-2.0], [0.5]])
    chosen = objective(name)
    assert chosen.name == name and not chosen.paired
    assert chosen.critic(real, fake).item() == pytest.approx(HAND[name][0], abs=1e-6)
    assert chosen.generator(fake).item() == pytest.approx(HAND[name][1], abs=1e-6)


def test_every_objective_has_hand_values():
    assert set(names()) == {*HAND, "relativistic"}


def test_relativistic_compares_pairs():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5])
    chosen = objective("relativistic")
    assert chosen.critic(real, fake).item() == pytest.approx((sp(-3) + sp(-2.5)) / 2, abs=1e-6)
    assert chosen.generator(fake, real).item() == pytest.approx((sp(3) + sp(2.5)) / 2, abs=1e-6)
    with pytest.raises(ValueError, match="real is None"):
        chosen.generator(fake)


def test_an_ignorant_critic():
    zero = torch.zeros(5, 1)
    assert objective("minimax").critic(zero, zero).item() == pytest.approx(2 * LOG2)
    assert objective("hinge").critic(zero, zero).item() == 2
    assert objective("least_squares", a=-1, b=1, c=0).critic(zero, zero).item() == 1


def test_saturation():
    """Gradient with respect to a fake's score: -sigma(s) for minimax, -(1 - sigma(s)) for non-saturating."""
    s = torch.tensor([-8.0, 0.0, 3.0], requires_grad=True)
    for name, slope in (("minimax", -torch.sigmoid(s)), ("non_saturating", torch.sigmoid(s) - 1)):
        (gradient,) = torch.autograd.grad(objective(name).generator(s), s)
        assert torch.allclose(gradient, slope / 3, atol=1e-7)


@pytest.mark.parametrize("name", names())
def test_safe_at_huge_scores(name):
    chosen = objective(name)
    for real in (-1e4, 1e4):
        for fake in (-1e4, 1e4):
            r, f = torch.full((4, 1), real, requires_grad=True), torch.full((4, 1), fake, requires_grad=True)
            losses = chosen.critic(r, f), chosen.generator(f, r) if chosen.paired else chosen.generator(f)
            gradients = torch.autograd.grad(sum(losses), (r, f), allow_unused=True)
            assert all(torch.isfinite(value).all() for value in (*losses, *gradients)), (real, fake)


def test_bend_is_smooth():
    s = torch.linspace(-12, 12, 4801, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(bend(s).sum(), s)
    assert (bend(s).diff() > 0).all() and slope.diff().abs().max() < 6e-3 and torch.equal(bend(s[1000:-1000]), s[1000:-1000])


def closed_forms(p: Normal, q: Normal) -> dict[str, float]:
    """Divergences between two Gaussians; JS and TV by quadrature, the others by formula."""
    a, s, b, t = (float(v) for v in (p.loc, p.scale, q.loc, q.scale))
    kl = lambda m, u, n, v: math.log(v / u) + (u**2 + (m - n) ** 2) / (2 * v**2) - 0.5  # noqa: E731
    spread = 2 * t**2 - s**2  # finite Pearson needs it positive
    x = torch.linspace(-40, 40, 400_001, dtype=torch.float64)
    lp, lq = p.log_prob(x), q.log_prob(x)
    mix = torch.logaddexp(lp, lq) - LOG2
    integral = lambda values: torch.trapezoid(values, x).item()  # noqa: E731
    return {
        "kl": kl(a, s, b, t),
        "reverse_kl": kl(b, t, a, s),
        "js": integral(lp.exp() * (lp - mix) + lq.exp() * (lq - mix)) / 2,
        "pearson": t**2 / (s * math.sqrt(spread)) * math.exp((a - b) ** 2 / spread) - 1,
        "squared_hellinger": 2 - 2 * math.sqrt(2 * s * t / (s**2 + t**2)) * math.exp(-((a - b) ** 2) / (4 * (s**2 + t**2))),
        "total_variation": integral((lp.exp() - lq.exp()).abs()) / 2,
    }


GAUSSIANS = Normal(torch.tensor(0.5).double(), torch.tensor(0.8).double()), Normal(torch.tensor(0.0).double(), torch.tensor(1.0).double())


@pytest.mark.parametrize("name", F_DIVERGENCES)
def test_bounds_between_gaussians(name):
    """By quadrature: the bound equals the closed form at the best critic, and lies below it at any other."""
    p, q = GAUSSIANS
    divergence, x = f_divergence(name), torch.linspace(-9, 9, 200_001, dtype=torch.float64)
    log_ratio = p.log_prob(x) - q.log_prob(x)
    truth = closed_forms(p, q)[name]

    def bound(scores):
        return torch.trapezoid(
            p.log_prob(x).exp() * divergence.activation(scores) - q.log_prob(x).exp() * divergence.paid(scores), x
        ).item()

    assert bound(divergence.best_score(log_ratio)) == pytest.approx(truth, rel=1e-4)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        a, b, c = torch.randn(3, generator=generator, dtype=torch.float64)
        assert bound(divergence.best_score(log_ratio) + a * torch.sin(b * x + c)) <= truth + 1e-9
    u = torch.linspace(0.1, 5, 9, dtype=torch.float64)  # f itself: f(1) = 0 and D = E_q f(p / q)
    assert divergence.f(torch.ones(())).item() == pytest.approx(0)
    assert torch.trapezoid(q.log_prob(x).exp() * divergence.f(log_ratio.exp()), x).item() == pytest.approx(truth, rel=1e-4)
    assert (divergence.f(u[1:-1]) <= (divergence.f(u[:-2]) + divergence.f(u[2:])) / 2 + 1e-12).all()  # convex


@pytest.mark.parametrize("name", F_DIVERGENCES)
def test_conjugate(name):
    """f*(T) by a search over u, by its formula, and in the stable form that the loss uses."""
    divergence = f_divergence(name)
    s = torch.linspace(-2.5, 1.5, 9, dtype=torch.float64)
    t, u = divergence.activation(s), torch.logspace(-12, 4, 400_001, dtype=torch.float64)
    searched = (u * t[:, None] - divergence.f(u)).max(1).values
    assert torch.allclose(divergence.conjugate(t), searched, atol=1e-6) or name == "total_variation"
    assert torch.allclose(divergence.conjugate(t), divergence.paid(s), atol=1e-9)
    if name == "total_variation":  # its conjugate is t on [-1/2, 1/2], reached at u = 1
        assert torch.allclose(searched, t, atol=1e-3)


def test_f_gan_non_saturating_and_js_is_the_minimax_game():
    real, fake = torch.randn(64, generator=torch.Generator().manual_seed(0)), torch.randn(64)
    assert torch.allclose(2 * objective("f:js").critic(real, fake), objective("minimax").critic(real, fake) - 2 * LOG2, atol=1e-6)
    assert torch.allclose(objective("f:js", non_saturating=True).generator(fake), (F.softplus(-fake).mean() - LOG2) / 2, atol=1e-6)


def test_pull_away():
    assert pull_away(torch.ones(6, 3)).item() == pytest.approx(1)
    assert pull_away(torch.eye(4)).item() == pytest.approx(0)
    codes = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    assert pull_away(codes).item() == pytest.approx((0 + 0.5 + 0.5) * 2 / 6)


@pytest.mark.parametrize(
    "call",
    [lambda: objective("gan"), lambda: objective("hinge", a=1), lambda: objective("energy", margin=0), lambda: f_divergence("chi"),
     lambda: pull_away(torch.ones(1, 3)), lambda: objective("relativistic").critic(torch.ones(4, 1), torch.ones(4))],
)  # fmt: skip
def test_bad_arguments(call):
    with pytest.raises(ValueError, match="is|has|have"):
        call()
