"""Figures of the deck on Wasserstein GANs."""

import math

import numpy as np
import torch
from matplotlib import pyplot as plt

from course_lib import data, ot
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, draw_images, draw_map, draw_points, plane
from course_lib.weights import load_pretrained


def parallel_lines():
    """Two segments a distance theta apart, and JS and W1 as functions of theta."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=[1, 1.6], layout="constrained")
    height = torch.linspace(0, 1, 40)
    draw_points(axes[0], torch.stack([0 * height, height], 1), torch.stack([0 * height + 0.6, height], 1), size=14, alpha=1)
    axes[0].set(xlim=(-1.1, 1.1), ylim=(-0.1, 1.1), title="data and generator")
    theta = torch.linspace(-1, 1, 201)
    axes[1].plot(theta, theta.abs(), color=CRITIC, label="$W_1$")
    for part in (theta[:98], theta[103:]):
        axes[1].plot(part, torch.full_like(part, math.log(2)), color=ACCENTS[1], label="JS" if part[0] < 0 else None)
    axes[1].plot([0, 0], [0, math.log(2)], "o", color=ACCENTS[1], ms=6, markevery=[0])
    axes[1].set(xlabel="θ", ylabel="from data to generator")
    axes[1].legend(loc="upper center")
    return figure


def sorting():
    """Two distribution functions; the area between them is W1."""
    x = torch.linspace(-4, 5, 600)
    normal = torch.distributions.Normal
    data_cdf = 0.4 * normal(-1.5, 0.5).cdf(x) + 0.6 * normal(2.0, 0.7).cdf(x)
    model_cdf = normal(0.0, 1.0).cdf(x)
    figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
    axes.plot(x, data_cdf, color=REAL, label="$F_p$")
    axes.plot(x, model_cdf, color=GENERATED, label="$F_G$")
    axes.fill_between(x, data_cdf, model_cdf, color="0.85", lw=0, label="area: $W_1$")
    axes.set(xlabel="$x$", ylabel="distribution function")
    axes.legend()
    return figure


def potential():
    """The exact Kantorovich potential over two clouds, with the best plan."""
    generator = torch.Generator().manual_seed(1)
    real = data.toy2d("moons", 40, generator)
    fake = 0.5 * torch.randn(40, 2, generator=generator) + torch.tensor([0.5, -1.0])
    solved = ot.exact(real, fake)
    prices = solved.target_potential - solved.target_potential.mean()
    function = lambda points: (torch.cdist(points.double(), fake.double()) - prices).min(1).values  # noqa: E731
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    figure.colorbar(draw_map(axes, function, 3.0, kind="scores"), label="$f(x)$")
    xs, ys, points = plane(3.0, 120)
    axes.contour(xs, ys, function(points).reshape(120, 120), levels=np.arange(-5, 5, 0.25), colors=CRITIC, linewidths=0.3)
    for i, j in (solved.plan > 1e-9).nonzero().tolist():
        axes.plot(*torch.stack([real[i], fake[j]]).T, color=CRITIC, lw=0.8)
    draw_points(axes, real, fake, size=18, alpha=1)
    axes.set(xticks=[], yticks=[], xlim=(-3, 3), ylim=(-3, 3))
    return figure


def penalties():
    """The price of a slope g in one dimension: two-sided has a hill at 0, one-sided is flat there."""
    g = torch.linspace(-2, 2, 401)
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    axes.plot(g, (g.abs() - 1) ** 2, color=ACCENTS[1], label="two-sided, $(|g|-1)^2$")
    axes.plot(g, (g.abs() - 1).relu() ** 2, color=CRITIC, label="one-sided, $\\max(0,|g|-1)^2$")
    axes.set(xlabel="slope $g$ of the critic", ylabel="price")
    figure.legend(loc="outside right center")
    return figure


def depth():
    """A score's gradient through ten clipped layers."""
    signal = torch.randn(256, 64)
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for c, colour in zip((0.05, 0.18, 0.4), ACCENTS, strict=False):
        hidden = [signal.clone().requires_grad_()]
        for _ in range(10):
            hidden.append(torch.relu(hidden[-1] @ (c * torch.randn(64, 64).sign())))
        gradients = torch.autograd.grad((hidden[-1] @ torch.randn(64, 1)).sum(), hidden[1:])
        axes.semilogy(range(1, 11), [g.norm(dim=1).mean() for g in gradients], "o-", color=colour, label=f"c = {c}")
    axes.set(xlabel="layer", ylabel="|gradient|")
    figure.legend(loc="outside right center")
    return figure


def bias():
    """How much a penalised critic overestimates the distance of two points."""
    weight = np.geomspace(0.3, 300)
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for distance, colour in zip((0.1, 1, 20), ACCENTS, strict=False):
        axes.loglog(weight, distance / (2 * weight), color=colour, label=f"d = {distance}")
    axes.axhline(0.05, color="0.5", lw=1, ls=":")
    axes.text(0.32, 0.056, "5 %", fontsize=11)
    axes.axvline(10, color="0.5", lw=1, ls=":")
    axes.set(xlabel="weight λ", ylabel="relative error, $d\\,/\\,2\\lambda$")
    figure.legend(loc="outside right center")
    return figure


def sorted_by_critic():
    """Generated digits at the bottom and at the top of the critic's scores."""
    system = load_pretrained("digits_wgan_gp")
    with torch.no_grad():
        made = system.sample(1000, torch.Generator().manual_seed(0))
        made = made[system.critic(made)[:, 0].argsort()]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    draw_images(axes[0], made[:24], 8, "lowest scores")
    draw_images(axes[1], made[-24:], 8, "highest scores")
    return figure


def _averages(images, k):
    points, middle = images.flatten(1), images[-k:].flatten(1).clone()
    for _ in range(12):
        nearest = torch.cdist(points, middle).argmin(1)
        counts = torch.bincount(nearest, minlength=k)[:, None]
        middle = torch.where(counts > 0, torch.zeros_like(middle).index_add(0, nearest, points) / counts.clamp(min=1), middle)
    return middle.reshape(k, 1, 28, 28)


def _shuffled(split):
    images = data.digits(split).images
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]


def riddle():
    """Real digits beside k-means averages, each with the exact W1 to as many test digits."""
    train, test = _shuffled("train"), _shuffled("test")
    averaged = _averages(train, 100)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    for ax, images, name in zip(axes, (train[:100], averaged), ("written", "averages"), strict=True):
        draw_images(ax, images[:32], 8, f"{name}: $W_1$ = {ot.matching(images, test[:100])[0]:.2f}")
    return figure


def slow():
    """Exact W1 between two sets of real digits against the size of the sets."""
    train, test = _shuffled("train"), _shuffled("test")
    counts = (16, 32, 64, 128, 256, 512)
    values = [ot.matching(train[:n], test[:n])[0].item() for n in counts]
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    axes.semilogx(counts, values, "o-", color=REAL, label="real to real")
    axes.set(xlabel="digits in each set", ylabel="exact $W_1$", ylim=(0, None), xticks=counts, xticklabels=[str(n) for n in counts])
    axes.minorticks_off()
    axes.legend(loc="lower left")
    return figure


def cells():
    """Laguerre cells at v = 0 and at the optimum."""
    targets = data.ring_centres(12)
    source = torch.tensor([0.8, 0.4]) + 0.8 * torch.randn(4000, 2, generator=torch.Generator().manual_seed(3))
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
    xs, ys, points = plane(3.0, 200)
    for ax, steps in zip(axes, (0, 3000), strict=True):
        solver = ot.SemiDiscrete(targets)
        if steps:
            solver.fit(source, steps=steps, generator=torch.Generator().manual_seed(4))
        mass = torch.bincount(solver.assign(source), minlength=12) / len(source)
        ax.pcolormesh(xs, ys, (solver.assign(points) * 7 % 20).reshape(200, 200), cmap="tab20", alpha=0.45, rasterized=True)
        draw_points(ax, None, source[:800], size=6)
        draw_points(ax, targets, size=50, alpha=1)
        title = "nearest neighbour" if not steps else "after the ascent"
        ax.set(xticks=[], yticks=[], xlim=(-3, 3), ylim=(-3, 3), title=f"{title}: masses {mass.min():.3f} to {mass.max():.3f}")
    return figure


FIGURES = {
    "04_parallel_lines": (parallel_lines, "Two parallel segments; W1 is a V in theta, JS is flat at log 2 but for one point."),
    "04_sorting": (sorting, "Two distribution functions with the area between them shaded: that area is W1."),
    "04_potential": (potential, "A potential in colour over two clouds; segments of the plan cross its level lines at right angles."),
    "04_penalties": (penalties, "The two-sided price of a slope has a hill at zero, the one-sided price is flat between -1 and 1."),
    "04_depth": (depth, "Gradient norms through ten clipped layers: vanishing, level, exploding for three clipping limits."),
    "04_bias": (
        bias,
        "Relative error of the penalised estimate against the penalty's weight, for distances 0.1, 1 and 20: straight lines.",
    ),
    "04_sorted_by_critic": (sorted_by_critic, "Generated digits with the lowest and the highest scores of the critic."),
    "04_riddle": (riddle, "Written digits and blurry averages of digits; the averages have the smaller W1."),
    "04_slow": (slow, "Exact W1 between two sets of real digits falls very slowly with the sets' size."),
    "04_cells": (cells, "Laguerre cells of 12 targets before and after ascent on the semi-dual; afterwards all have the same mass."),
}
