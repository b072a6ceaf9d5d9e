"""Penalties on critics whose gradients are known."""

import pytest
import torch
from torch import nn

from course_lib.losses import penalties
from course_lib.losses.penalties import (
    clip_weights,
    gradient_norms,
    gradient_penalty,
    lipschitz_estimate,
    penalty,
    r1,
    r2,
    spectrally_normalised,
)
from course_lib.nn import dcgan_critic

A = torch.tensor([[3.0, 4.0], [0.0, 12.0]])  # a linear critic's weights over a 2 x 2 "image": norm 13


def linear(x):
    return (x * A).flatten(1).sum(1, keepdim=True)


def quadratic(x):
    return x.flatten(1).square().sum(1) / 2  # its gradient is x


def clouds(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator), torch.randn(*shape, generator=generator)


def test_linear_critic():
    real, fake = clouds(5, 1, 2, 2)
    assert gradient_penalty(linear, real, fake).item() == pytest.approx(144, rel=1e-5)
    assert gradient_penalty(linear, real, fake, target=20, one_sided=True).item() == 0
    assert gradient_penalty(linear, real, fake, target=10, one_sided=True).item() == pytest.approx(9, rel=1e-5)
    assert r1(linear, real).item() == pytest.approx(169, rel=1e-5)
    assert gradient_norms(linear, real).tolist() == pytest.approx([13] * 5)
    assert lipschitz_estimate(linear, real).item() == pytest.approx(13)


def test_norm_over_all_axes_of_an_image():
    real, fake = clouds(4, 3, 5, 5)
    assert gradient_penalty(lambda x: x.sum((1, 2, 3)), real, fake).item() == pytest.approx((75**0.5 - 1) ** 2, rel=1e-5)


def test_flat_critic_costs_one_and_has_a_finite_gradient():
    real, fake = clouds(4, 2)
    weight = torch.zeros(2, requires_grad=True)
    cost = gradient_penalty(lambda x: x @ weight, real, fake)
    assert cost.item() == 1
    (gradient,) = torch.autograd.grad(cost, weight)
    assert torch.isfinite(gradient).all()


def test_quadratic_critic():
    real, fake = clouds(50, 3)
    assert r1(quadratic, real).item() == pytest.approx(real.square().sum(1).mean().item(), rel=1e-5)
    assert r2(quadratic, fake).item() == pytest.approx(fake.square().sum(1).mean().item(), rel=1e-5)
    torch.manual_seed(1)
    between = torch.lerp(fake, real, torch.rand(50, 1))
    torch.manual_seed(1)
    assert gradient_penalty(quadratic, real, fake).item() == pytest.approx((between.norm(dim=1) - 1).square().mean().item(), rel=1e-5)


def test_one_position_a_pair():
    """With reals at 0 and fakes at 1 in every coordinate, all coordinates of an interpolate are the same number."""
    seen = []
    gradient_penalty(lambda x: (seen.append(x), x.sum(1))[1], torch.zeros(8, 6), torch.ones(8, 6))
    assert (seen[0].std(1) == 0).all() and seen[0][:, 0].std() > 0.1


def test_derivative_of_the_penalty():
    """d/da mean |a|^2 for the critic a.x is 2 a; nothing flows back into the points."""
    weight, real = torch.tensor([1.0, -2.0], requires_grad=True), torch.randn(6, 2, requires_grad=True)
    by_weight, by_points = torch.autograd.grad(r1(lambda x: x @ weight, real), (weight, real), allow_unused=True)
    assert torch.allclose(by_weight, 2 * weight) and by_points is None


def test_float32_inside_autocast():
    critic = nn.Linear(3, 1)
    real, fake = clouds(4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        inside = gradient_penalty(critic, real.bfloat16(), fake.bfloat16(), target=0)
    assert inside.dtype == torch.float32 and inside.item() == pytest.approx(critic.weight.square().sum().item(), rel=1e-6)


def test_double_precision_stays():
    critic, (real, fake) = nn.Linear(3, 1).double(), clouds(4, 3)
    cost = gradient_penalty(critic, real.double(), fake.double(), target=0)
    assert cost.dtype == torch.float64 and cost.item() == pytest.approx(critic.weight.square().sum().item(), rel=1e-12)
    assert r1(critic, real.double()).item() == pytest.approx(cost.item(), rel=1e-12)


def test_clip_weights():
    critic = nn.Linear(50, 2)
    clip_weights(critic, 0.05)
    assert all(p.abs().max() <= 0.05 for p in critic.parameters()) and critic.weight.abs().max() == 0.05


def test_spectral_norm_reaches_one():
    torch.manual_seed(0)
    critic = spectrally_normalised(dcgan_critic(widths=(4, 8)))
    x = torch.randn(2, 1, 28, 28)
    for _ in range(300):
        critic(x)
    critic.eval()
    layers = [layer for layer in critic.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 3
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)
    before = critic(x)
    assert torch.equal(critic(x), before)  # evaluation does not iterate
    turned = spectrally_normalised(nn.ConvTranspose2d(3, 5, 2))
    for _ in range(100):
        turned(torch.zeros(1, 3, 4, 4))
    assert torch.linalg.matrix_norm(turned.weight.transpose(0, 1).flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_names_and_bad_arguments():
    real, fake = clouds(4, 2)
    expected = {"r1": r1(quadratic, real), "r2": r2(quadratic, fake)}
    for name in penalties.PENALTIES:
        torch.manual_seed(0)
        found = penalty(name)(quadratic, real, fake)
        torch.manual_seed(0)
        assert torch.equal(found, expected.get(name, gradient_penalty(quadratic, real, fake, one_sided=name == "one_sided")))
    for call in (lambda: penalty("gp"), lambda: gradient_penalty(linear, real, fake[:2]), lambda: clip_weights(nn.Linear(1, 1), 0)):
        with pytest.raises(ValueError, match="is|has"):
            call()
