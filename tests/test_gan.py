"""The GAN system: its step against the textbook's, its packing, its laziness, its networks."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.losses.adversarial import names
from course_lib.losses.penalties import r1, spectrally_normalised
from course_lib.models.gan import GAN, EnergyCritic, pack
from course_lib.nn import Choice, dcgan_critic, dcgan_generator, mlp, mlp_critic, mlp_generator, random_shift
from course_lib.training import Update, fit


class Still(Update):
    """Backward without the optimiser's step: fused optimisers refuse the meta device."""

    def __call__(self, loss, *optimisers, retain_graph=False):
        loss.backward(inputs=[p for o in optimisers for group in o.param_groups for p in group["params"]], retain_graph=retain_graph)


def small(objective="non_saturating", **settings):
    torch.manual_seed(0)
    return GAN(mlp([2, 16, 2]), mlp([2 * settings.get("pack", 1), 16, 1]), latent=2, objective=objective, learning_rate=1e-2, **settings)


def test_one_step_is_the_textbooks():
    """One step against a plain loop: two forwards a side, the same noise."""
    sgd = torch.optim.SGD
    ours, batch = small(penalty="r1", penalty_weight=0.3, optimiser=sgd), torch.randn(8, 2, generator=torch.Generator().manual_seed(1))
    generator, critic = copy.deepcopy(ours.generator), copy.deepcopy(ours.critic)
    ours.rng = torch.Generator().manual_seed(2)
    z = torch.randn(8, 2, generator=torch.Generator().manual_seed(2))
    report = ours.step(batch, Update())
    g_sgd, d_sgd = (sgd(net.parameters(), 1e-2) for net in (generator, critic))
    critic_loss = F.softplus(-critic(batch)).mean() + F.softplus(critic(generator(z))).mean() + 0.3 * r1(critic, batch)
    d_sgd.zero_grad(), critic_loss.backward(), d_sgd.step()
    generator_loss = -torch.sigmoid(critic(generator(z))).log().mean()
    g_sgd.zero_grad(), generator_loss.backward(), g_sgd.step()
    assert report["critic"].item() == pytest.approx(critic_loss.item(), rel=1e-5)
    assert report["generator"].item() == pytest.approx(generator_loss.item(), rel=1e-5)
    for mine, theirs in ((ours.generator, generator), (ours.critic, critic)):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("name", names())
def test_every_objective_steps(name):
    critic = EnergyCritic(mlp([2, 8, 2]), mlp([2, 8, 2])) if name == "energy" else mlp([2, 16, 1])
    system = GAN(mlp([2, 16, 2]), critic, latent=2, objective=name)
    report = system.step(torch.randn(8, 2), Update())
    assert all(torch.isfinite(value) for value in report.values())


def test_a_batch_with_labels_and_several_critic_steps():
    system, calls = small(critic_steps=3), []

    class Counting(Update):
        def __call__(self, loss, optimiser, **settings):
            calls.append(optimiser)
            super().__call__(loss, optimiser, **settings)

    system.step((torch.randn(12, 2), torch.zeros(12)), Counting())
    assert [o is system.critic_optimiser for o in calls] == [True, True, True, False]


def test_what_a_step_reports():
    """Players that do not learn, so that everything can be computed again: augmentation on both sides, the extra term, the gap."""
    for name in ("wasserstein", "relativistic"):
        system = small(name, augment=lambda x: x + 1, extra=lambda critic, fake: 3 * fake.mean())
        for optimiser in system.optimisers().values():
            optimiser.param_groups[0]["lr"] = 0.0
        system.rng = torch.Generator().manual_seed(1)
        real = torch.randn(6, 2)
        report = system.step(real, Update())
        fake = system.generator(torch.randn(6, 2, generator=torch.Generator().manual_seed(1))) + 1
        scores, other = system.critic(real + 1), system.critic(fake)
        assert report["gap"].item() == pytest.approx((scores.mean() - other.mean()).item(), abs=1e-6)
        assert report["critic"].item() == pytest.approx(system.objective.critic(scores, other).item(), abs=1e-6)
        loss = system.objective.generator(other, scores) if system.objective.paired else system.objective.generator(other)
        assert report["generator"].item() == pytest.approx((loss + 3 * fake.mean()).item(), abs=1e-6)


def test_each_player_has_its_own_learning_rate():
    system = GAN(mlp([2, 2]), mlp([2, 1]), 2, learning_rate=(0.1, 0.2), betas=(0.3, 0.4))
    rates = [optimiser.param_groups[0]["lr"] for optimiser in (system.generator_optimiser, system.critic_optimiser)]
    assert rates == [0.1, 0.2] and system.critic_optimiser.param_groups[0]["betas"] == (0.3, 0.4)
    owned = [optimiser.param_groups[0]["params"][0] for optimiser in (system.generator_optimiser, system.critic_optimiser)]
    assert owned[0] is next(system.generator.parameters()) and owned[1] is next(system.critic.parameters())


def test_each_update_of_the_critic_meets_fresh_fakes():
    seen, system = [], small(critic_steps=3, penalty=lambda critic, real, fake: (seen.append((real, fake)), critic(real).mean())[1])
    batch = torch.randn(12, 2)
    system.step(batch, Update())
    assert torch.equal(torch.cat([real for real, _ in seen]), batch)
    assert len(torch.cat([fake for _, fake in seen]).unique(dim=0)) == 12


def test_lazy_penalty_keeps_its_mean_weight():
    seen = []
    system = small(
        penalty=lambda critic, real, fake: (seen.append(1), critic(real).mean() * 0 + 1.0)[1], penalty_weight=2.0, penalty_every=4
    )
    update, losses = Update(), []
    for update.step in range(8):
        report = system.step(torch.zeros(4, 2), update)
        losses.append("penalty" in report)
    assert len(seen) == 2 and losses == [True, False, False, False] * 2
    update.step, plain = 0, small()
    lazy = small(penalty=lambda critic, real, fake: torch.ones(()), penalty_weight=2.0, penalty_every=4)
    reports = []
    for system in (plain, lazy):
        system.rng = torch.Generator().manual_seed(0)
        reports.append(system.step(torch.zeros(4, 2), update)["critic"].item())
    assert reports[1] - reports[0] == pytest.approx(8, rel=1e-5)


def test_pack():
    x = torch.arange(4.0)[:, None].expand(4, 3)
    assert pack(x, 2).tolist() == [[0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3]]
    images = torch.randn(4, 2, 5, 5)
    assert torch.equal(pack(images, 2)[1], torch.cat([images[2], images[3]]))
    with pytest.raises(ValueError, match="multiple of m = 3"):
        pack(x, 3)


def test_batch_norm_in_the_critic_sees_the_sides_apart():
    system = GAN(dcgan_generator(8, widths=(4, 8)), dcgan_critic(widths=(4, 8), norm=True), latent=8)
    seen = []
    system.critic.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    system.step(torch.zeros(6, 1, 28, 28), Update())
    assert not system.joint and seen == [6, 6, 6]
    assert small().joint


def test_clip_and_spectral_norm_in_training():
    clipped = small("wasserstein", clip=0.05, optimiser=lambda parameters, rate: torch.optim.RMSprop(parameters, rate))
    clipped.step(torch.randn(8, 2), Update())
    assert max(p.abs().max().item() for p in clipped.critic.parameters()) <= 0.05 + 1e-8
    system = GAN(mlp([2, 8, 2]), spectrally_normalised(mlp([2, 8, 1])), latent=2, objective="hinge")
    fit(system, torch.randn(64, 2), 3, batch_size=16)


def test_learns_a_gaussian_and_samples_are_repeatable():
    torch.manual_seed(0)
    system = GAN(mlp([1, 32, 1]), mlp([1, 32, 1]), latent=1, penalty="r1", penalty_weight=0.1, learning_rate=5e-3)
    history = fit(system, lambda n, g: 3 + 0.5 * torch.randn(n, 1, generator=g), 800, batch_size=128, ema=0.99)
    history.ema.copy_to(system)
    x = system.sample(4000, torch.Generator().manual_seed(0))
    assert x.mean().item() == pytest.approx(3, abs=0.3) and 0.3 < x.std().item() < 0.7
    assert torch.equal(x, system.sample(4000, torch.Generator().manual_seed(0))) and not x.requires_grad


def test_meta_device():
    with torch.device("meta"):
        system, batch = GAN.example()
    report = system.step(batch, Still())
    assert all(value.device.type == "meta" for value in report.values())
    assert system.sample(3).shape == (3, 2)
    with torch.device("meta"):
        system = GAN(dcgan_generator(8, widths=(4, 8)), dcgan_critic(widths=(4, 8)), 8, penalty="r1", augment=random_shift)
    assert system.step(torch.zeros(4, 1, 28, 28, device="meta"), Still())["critic"].device.type == "meta"


@pytest.mark.parametrize(("size", "widths"), [(28, (8, 16)), (32, (4, 8, 16)), (64, (4, 4, 8, 8))])
def test_dcgan_networks(size, widths):
    torch.manual_seed(0)
    generator, critic = dcgan_generator(16, size, 3, widths), dcgan_critic(size, 3, widths)
    images = generator(torch.randn(2, 16))
    assert images.shape == (2, 3, size, size) and images.abs().max() <= 1 and critic(images).shape == (2, 1)
    assert isinstance(generator[-1], nn.Tanh) and isinstance(generator[-2], nn.ConvTranspose2d)  # no BatchNorm at the end
    normed = dcgan_critic(size, 3, widths, norm=True)
    weights = torch.cat([m.weight.flatten() for m in normed.modules() if isinstance(m, nn.Conv2d | nn.Linear)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.1) and abs(weights.mean().item()) < 2e-3
    gains = torch.cat([m.weight for m in dcgan_generator(16, 64, 3, (256, 256)).modules() if isinstance(m, nn.BatchNorm2d)])
    assert gains.mean().item() == pytest.approx(1, abs=5e-3) and gains.std().item() == pytest.approx(0.02, rel=0.15)
    assert not isinstance(normed[1], nn.BatchNorm2d) and sum(isinstance(m, nn.BatchNorm2d) for m in normed) == len(widths) - 1
    assert mlp_critic((3, size, size), (8,))(mlp_generator(4, (3, size, size), (8,))(torch.randn(2, 4))).shape == (2, 1)


def test_hidden_layers():
    generator, critic = dcgan_generator(16, 28, 1, (4, 8), hidden=32), dcgan_critic(28, 1, (4, 8), hidden=32)
    assert critic(generator(torch.randn(3, 16))).shape == (3, 1) and critic[-1].in_features == 32 and generator[0].out_features == 32


def test_choice():
    z = torch.tensor([[0.1, 0.9, -1.0, 5.0], [3.0, 2.0, 1.0, -1.0]])
    assert Choice(3, scale=2.0)(z).tolist() == [[0, 2, 0, 5], [2, 0, 0, -1]]
    share = Choice(5, 1.0)(torch.randn(20_000, 6, generator=torch.Generator().manual_seed(0)))[:, :5].mean(0)
    assert share.tolist() == pytest.approx([0.2] * 5, abs=0.01)
    with pytest.raises(ValueError, match="at least 5 columns"):
        Choice(5)(z)


def test_random_shift():
    torch.manual_seed(0)
    images = torch.full((500, 1, 9, 9), -1.0)
    images[:, :, 4, 4] = 1
    moved = random_shift(images, 2)
    places = moved.flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert (moved.flatten(1).sum(1) == images.flatten(1).sum(1)).all()
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6} and len(places.unique()) == 25
    assert torch.equal(random_shift(images, 0), images)
    x = torch.randn(3, 1, 6, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(random_shift(x, 1).sum(), x)
    assert set(gradient.unique().tolist()) <= {0.0, 1.0} and gradient[:, :, 1:-1, 1:-1].min() == 1


def test_bad_arguments():
    for call in (
        lambda: small(critic_steps=0),
        lambda: small(clip=0),
        lambda: small("wgan"),
        lambda: small(penalty="gp"),
        lambda: small(critic_steps=3).step(torch.zeros(8, 2), Update()),
        lambda: dcgan_generator(size=30),
        lambda: Choice(1),
        lambda: random_shift(torch.zeros(1, 1, 4, 4), -1),
    ):
        with pytest.raises(ValueError, match="is|has"):
            call()
