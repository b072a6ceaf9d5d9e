"""Figures of the deck on adversarial networks, computed as lessons 03a to 03c do."""

import copy
import functools
import math

import torch
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch.distributions import Categorical, MixtureSameFamily, Normal
from torch.nn import functional as F

from course_lib import data
from course_lib.losses import objective
from course_lib.losses.f_divergence import F_DIVERGENCES
from course_lib.models import GAN
from course_lib.nn import mlp
from course_lib.ot import matching
from course_lib.training import fit
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, TEN, draw_images, draw_map, draw_points
from course_lib.weights import load_pretrained

P = MixtureSameFamily(Categorical(torch.tensor([0.4, 0.6])), Normal(torch.tensor([-2.0, 1.5]), torch.tensor([0.5, 0.8])))
X = torch.linspace(-12, 12, 2401)


def seed(number):
    return torch.Generator().manual_seed(number)


def canvas(columns=1, width=9.0, height=3.6, **options):
    return plt.subplots(1, columns, figsize=(width, height), layout="constrained", **options)


def players():
    figure, axes = canvas(height=3.0)
    boxes = {
        "noise $z$": (0, 0, "0.85"),
        "generator $G$": (2.2, 0, GENERATED),
        "data $p$": (2.2, 1.5, REAL),
        "critic $s$": (5.2, 0.75, CRITIC),
        "real or\ngenerated?": (7.6, 0.75, "0.85"),
    }
    for label, (x, y, colour) in boxes.items():
        axes.add_patch(FancyBboxPatch((x, y), 1.6, 0.7, boxstyle="round,pad=0.05", fc=colour, ec="none", alpha=0.25))
        axes.text(x + 0.8, y + 0.35, label, ha="center", va="center")
    for start, end, label in (
        ((1.7, 0.35), (2.1, 0.35), ""),
        ((3.9, 0.35), (5.1, 0.95), "fakes"),
        ((3.9, 1.85), (5.1, 1.25), "reals"),
        ((6.9, 1.1), (7.5, 1.1), ""),
    ):
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, color=CRITIC))
        axes.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.22, label, ha="center")
    back = FancyArrowPatch((5.9, 0.6), (3.1, -0.15), connectionstyle="arc3,rad=-0.35", arrowstyle="-|>", color=GENERATED, ls="--")
    back.set_mutation_scale(16)
    axes.add_patch(back)
    axes.text(4.7, -0.62, "gradient: how to look more real", color=GENERATED, ha="center")
    axes.set(xlim=(-0.2, 9.4), ylim=(-0.9, 2.4))
    axes.set_axis_off()
    return figure


def shipped():
    network = load_pretrained("digits_gan")
    figure, axes = canvas(2, 10, 3.4)
    draw_images(axes[0], data.digits().images[::80][:50], 10, "real")
    draw_images(axes[1], network.sample(50, seed(0)), 10, "generated")
    return figure


def ratio():
    frozen = Normal(0.0, 1.5)
    critic = mlp([1, 64, 64, 1])
    optimiser = torch.optim.Adam(critic.parameters(), 3e-3)
    for _ in range(500):
        loss = objective("minimax").critic(critic(P.sample((512, 1))), critic(frozen.sample((512, 1))))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    figure, axes = canvas()
    axes.fill_between(X, P.log_prob(X).exp(), color=REAL, alpha=0.3, lw=0, label="data $p$")
    axes.fill_between(X, frozen.log_prob(X).exp(), color=GENERATED, alpha=0.3, lw=0, label="generator $p_G$")
    axes.plot(X, torch.sigmoid(P.log_prob(X) - frozen.log_prob(X)), color=CRITIC, lw=7, alpha=0.2, label="$p/(p+p_G)$")
    axes.plot(X, torch.sigmoid(critic(X[:, None]).detach()[:, 0]), color=CRITIC, lw=1.5, label="learned")
    axes.set(xlim=(-6, 6), ylim=(0, 1), xlabel="$x$")
    figure.legend(loc="outside right center")
    return figure


def js_value():
    means = torch.linspace(-8, 8, 65)
    log_p = P.log_prob(X)
    values = []
    for mean in means:
        log_q = Normal(mean, 1.5).log_prob(X)
        log_m = torch.logaddexp(log_p, log_q) - math.log(2)
        values.append(torch.trapezoid(log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m), X) - 2 * math.log(2))
    figure, axes = canvas(height=3.2)
    axes.plot(means, torch.stack(values), color=CRITIC)
    axes.axhline(0, color=GENERATED, ls="--", lw=1)
    axes.axhline(-2 * math.log(2), color=REAL, ls="--", lw=1)
    axes.text(-8, 0.03, "no overlap", color=GENERATED)
    axes.text(-8, -2 * math.log(2) + 0.03, "$p_G=p$: $-2\\log 2$", color=REAL)
    axes.set(xlabel="mean of the generator", ylabel=r"$\max_D V$", ylim=(-1.5, 0.2))
    return figure


def plane():
    gan = GAN(mlp([2, 64, 64, 2]), mlp([2, 64, 64, 1]), 2, learning_rate=(1e-3, 2e-3), betas=(0.5, 0.99))
    frames, noise = [], torch.randn(400, 2)
    for part in range(13):
        frames.append((100 * part, copy.deepcopy(gan)))
        fit(gan, lambda n, g: data.toy2d("moons", n, g), 100, batch_size=256, seed=part, progress=False)
    figure, axes = canvas(4, 12, 3.2)
    for ax, chosen in zip(axes, (0, 2, 5, 12), strict=True):
        step, system = frames[chosen]
        draw_map(ax, system.critic, 2.6, 60, kind="scores")
        draw_points(ax, data.toy2d("moons", 300, seed(0)), system.generator(noise), size=6)
        ax.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), xticks=[], yticks=[], title=f"step {step}")
    return figure


def saturation():
    s = torch.linspace(-8, 4, 200)
    figure, axes = canvas(2, 10, 3.2)
    for name, colour, label in (("minimax", ACCENTS[1], r"$\log(1-\sigma(s))$"), ("non_saturating", ACCENTS[0], r"$-\log\sigma(s)$")):
        axes[0].plot(s, [objective(name).generator(v[None]) for v in s], color=colour, label=label)
        slope = torch.sigmoid(s) if name == "minimax" else torch.sigmoid(-s)
        axes[1].plot(s, slope, color=colour, label=label)
    axes[0].set(xlabel="raw score of a fake", ylabel="generator's loss", ylim=(-4, 8))
    axes[1].set(xlabel="raw score of a fake", ylabel="length of its gradient")
    axes[0].legend()
    return figure


def two_kl():
    grid = Normal(torch.linspace(-4, 4, 65)[:, None, None], torch.linspace(0.4, 4, 49)[:, None])
    x = torch.linspace(-12, 12, 301)
    target = MixtureSameFamily(Categorical(torch.tensor([0.4, 0.6])), Normal(torch.tensor([-2.0, 2.0]), torch.tensor(0.6)))
    log_p, log_q = target.log_prob(x), grid.log_prob(x)
    figure, axes = canvas()
    axes.fill_between(x, log_p.exp(), color=REAL, alpha=0.3, lw=0, label="data")
    forward, reverse = (log_p.exp() * (log_p - log_q)).sum(-1), (log_q.exp() * (log_q - log_p)).sum(-1)
    for loss, colour, label in ((forward, ACCENTS[0], "KL(data ‖ model)"), (reverse, ACCENTS[1], "KL(model ‖ data)")):
        row, column = divmod(loss.argmin().item(), 49)
        axes.plot(x, log_q[row, column].exp(), color=colour, label=label)
    axes.set(xlim=(-6, 6), xlabel="$x$", ylabel="density")
    figure.legend(loc="outside right center")
    return figure


def divergences():
    u = torch.linspace(0.02, 4, 300)
    figure, axes = canvas(height=3.6)
    for (name, divergence), colour in zip(F_DIVERGENCES.items(), TEN, strict=False):
        axes.plot(u, divergence.f(u), color=colour, label=name.replace("_", " "))
    axes.axvline(1, color=CRITIC, lw=0.8, ls=":")
    axes.set(xlabel="$u = p/p_G$", ylabel="$f(u)$", ylim=(-0.6, 3))
    figure.legend(loc="outside right center")
    return figure


def velocity(name, weight, theta, psi, penalty="r1"):
    theta, psi = theta.detach().requires_grad_(), psi.detach().requires_grad_()
    game = objective(name)
    critic = game.critic(0 * psi, psi * theta) * len(psi)
    critic = critic + weight * (psi.square() if penalty == "r1" else (psi.abs() - 1).square()).sum()
    generator = game.generator(psi * theta) * len(psi)
    return -torch.autograd.grad(generator, theta, retain_graph=True)[0], -torch.autograd.grad(critic, psi)[0]


def dirac():
    side = torch.linspace(-2, 2, 13)
    theta, psi = torch.cartesian_prod(side, side).T
    cases = (
        ("wasserstein", 0.0, "r1", 0.02, False, "flow: circles"),
        ("wasserstein", 0.0, "r1", 0.1, False, "finite steps: outwards"),
        ("wasserstein", 0.5, "gp", 0.02, True, "gradient penalty: no rest"),
        ("non_saturating", 0.3, "r1", 0.02, True, "R1: arrives"),
    )
    figure, axes = canvas(4, 13, 3.6, sharey=True)
    for ax, (name, weight, penalty, step, long, title) in zip(axes, cases, strict=True):
        u, v = velocity(name, weight, theta, psi, penalty)
        length = (u**2 + v**2).sqrt().clamp(min=1e-9)
        ax.quiver(theta, psi, u / length, v / length, color="0.6", width=0.006, scale=22)
        t, c, path = torch.tensor([1.0]), torch.tensor([0.0]), []
        for _ in range(1500 if long else int(12 / step)):
            path.append((t.item(), c.item()))
            du, dv = velocity(name, weight, t, c, penalty)
            if title.startswith("flow"):  # the midpoint rule stays on the circle
                du, dv = velocity(name, weight, t + step / 2 * du, c + step / 2 * dv, penalty)
            t, c = t + step * du, c + step * dv
        ax.plot(*zip(*path, strict=True), color=GENERATED)
        ax.plot(0, 0, "*", color=REAL, ms=15)
        ax.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xlabel=r"$\theta$", title=title)
    axes[0].set_ylabel(r"$\psi$")
    return figure


@functools.cache
def ring_run(pack=1, r1=0.0):
    """One GAN on the ring as in lesson 03b: samples (1000, 2), and frame by frame (15, 3) distance to the data and both losses."""
    torch.manual_seed(0)
    critic = mlp([2 * pack, 128, 128, 1], torch.nn.ReLU)
    penalty = {"penalty": "r1", "penalty_weight": r1} if r1 else {}
    gan = GAN(mlp([16, 128, 128, 2], torch.nn.ReLU), critic, 16, learning_rate=5e-4, pack=pack, **penalty)
    reference, record = data.toy2d("ring", 500, seed(9)), []
    for part in range(15):
        run = fit(gan, lambda n, g: data.toy2d("ring", n, g), 100, batch_size=128, seed=part, progress=False)
        distance = matching(gan.sample(500, seed(part)), reference)[0].item()
        record.append([distance, *(torch.tensor(run[player]).mean().item() for player in ("critic", "generator"))])
    return gan.sample(1000, seed(0)), torch.tensor(record)


def ring():
    figure, axes = canvas(3, 10, 3.5)
    for ax, (title, settings) in zip(axes, {"plain": {}, "packing": {"pack": 2}, "R1": {"r1": 0.1}}.items(), strict=True):
        draw_points(ax, data.ring_centres(), None, size=90, alpha=0.9)
        draw_points(ax, None, ring_run(**settings)[0], size=4, alpha=0.5)
        ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=title)
    return figure


def three_losses():
    figure, axes = canvas(3, 12, 3.2)
    runs = {"failed: plain": {}, "worked: R1, 0.1": {"r1": 0.1}, "hardly moves: R1, 300": {"r1": 300.0}}
    for (label, settings), colour in zip(runs.items(), (GENERATED, ACCENTS[0], ACCENTS[1]), strict=True):
        for ax, column in zip(axes, ring_run(**settings)[1].T, strict=True):
            ax.plot(100 * torch.arange(1, 16), column, color=colour, label=label)
    titles = "distance to the data", "critic's loss", "generator's loss"
    for ax, title, ideal in zip(axes, titles, (0, 2 * math.log(2), math.log(2)), strict=True):
        ax.set(title=title, xlabel="step")
        ax.axhline(ideal, color=CRITIC, lw=1, ls=":")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def losses():
    s = torch.linspace(-4, 4, 161)
    figure, axes = canvas(height=3.6)
    for name, colour in zip(("minimax", "non_saturating", "least_squares", "hinge", "wasserstein"), TEN, strict=False):
        values = torch.stack([objective(name).generator(v[None]) for v in s])
        axes.plot(s, values - values[80], color=colour, label=name.replace("_", " "), ls="--" if name == "hinge" else "-")
    axes.set(xlabel="raw score of a fake", ylabel="generator's loss, 0 at $s=0$", ylim=(-4, 6))
    figure.legend(loc="outside right center")
    return figure


def clipped_softplus():
    s = torch.linspace(-60, 130, 400)
    naive = -torch.log(1 - torch.sigmoid(s))
    figure, axes = canvas(height=3.0)
    axes.plot(s, F.softplus(s), color=ACCENTS[0], lw=5, alpha=0.4, label="softplus(s)")
    axes.plot(s, naive, color=GENERATED, label="−log(1 − sigmoid(s))")
    axes.set(xlabel="raw score $s$", ylabel="loss of a fake", ylim=(-3, 60))
    axes.axvspan(17, 130, color=GENERATED, alpha=0.08, lw=0)
    axes.text(60, 5, "infinite in single precision", color=GENERATED)
    axes.legend(loc="upper left")
    return figure


FIGURES = {
    "03_players": (
        players,
        "Noise enters the generator, fakes and reals enter the critic, and a dashed arrow brings its gradient back to the generator.",
    ),
    "03_shipped": (shipped, "Two grids of fifty digits, real and generated, hard to tell apart."),
    "03_ratio": (ratio, "The learned critic lies on the curve p over p plus p_G wherever the two densities are."),
    "03_softplus": (
        clipped_softplus,
        "Softplus follows its line for every score; the logarithm of a sigmoid breaks off at a score of seventeen.",
    ),
    "03_js": (js_value, "The value of the game is lowest where the generator lies on the data and flattens towards zero on both sides."),
    "03_plane": (
        plane,
        "Four stages of a game in the plane: a blob spreads and settles on two crescents, before the critic's coloured map.",
    ),
    "03_saturation": (saturation, "Two losses and the lengths of their gradients: minimax dies for recognised fakes, the other does not."),
    "03_two_kl": (two_kl, "One Gaussian covers both humps of the data, the other sits on the higher hump."),
    "03_divergences": (divergences, "Six convex functions f of the density ratio u, all zero at u = 1."),
    "03_losses": (losses, "Generator's loss against the raw score for five objectives; minimax is flat for negative scores."),
    "03_dirac": (dirac, "Four phase portraits: a circle, an outward spiral, a loop that never rests, and a spiral into the centre."),
    "03_ring": (ring, "Eight blue centres: the plain run sits in one place, packing and R1 cover the whole ring."),
    "03_three_losses": (
        three_losses,
        "One of three runs comes near the data, and its critic's loss rises; another has the ideal losses all along, far from the data.",
    ),
}
