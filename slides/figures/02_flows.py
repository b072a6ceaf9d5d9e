"""Figures of the deck on normalizing flows, computed as lessons 02a and 02b do."""

import math

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch.distributions import LogNormal, Normal

from course_lib import data
from course_lib.models import realnvp
from course_lib.models.flow import spline_flow
from course_lib.nn import Squeeze, channel_mask, checkerboard_mask
from course_lib.training import fit
from course_lib.training.memory import StoredBytes
from course_lib.viz import ACCENTS, CRITIC, REAL, TEN, draw_images, draw_map, draw_points
from course_lib.weights import load_pretrained


def seed(number):
    return torch.Generator().manual_seed(number)


def learned(name, steps=400):
    """A spline flow trained on a law of the plane."""
    torch.manual_seed(0)
    flow = spline_flow(2, depth=6, rate=1e-2)
    fit(flow, lambda n, g: data.toy2d(name, n, g), steps, batch_size=256, ema=0.99, progress=False, device="cpu").ema.copy_to(flow)
    return flow


def layers():
    """Two moons, the half-way point and the Gaussian, each with the straight grid of latent space taken there."""
    flow, points = learned("moons"), data.toy2d("moons", 1500, seed(1))
    line = torch.linspace(-3, 3, 121)
    lines = [torch.stack([torch.full_like(line, c), line][:: 1 if i else -1], 1) for i in (0, 1) for c in torch.arange(-3, 3.1, 0.5)]
    steps = list(flow.layers.layers)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for ax, k, title in zip(axes, (0, 9, 18), ("data space", "after nine layers", "latent space"), strict=True):
        x, grid = points, torch.cat(lines)
        with torch.no_grad():
            for layer in steps[:k]:
                x = layer(x)[0]
            for layer in reversed(steps[k:]):
                grid = layer.inverse(grid)
        for path in grid.split(len(line)):
            ax.plot(*path.T, color="0.6", lw=0.6, zorder=0)
        draw_points(ax, x, size=5)
        (left, bottom), (right, top) = (x.mean(0) + sign * 3.2 * x.std(0) for sign in (-1, 1))
        ax.set(xlim=(left, right), ylim=(bottom, top), aspect="auto", xticks=[], yticks=[], title=title)
    return figure


def areas():
    """A skewed density and a normal one, cut into strips of equal areas."""
    edges = torch.tensor([0.15, 0.4, 0.7, 1.1, 1.7, 2.6, 4.5])
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    x, z = torch.linspace(0.01, 5, 800), torch.linspace(-3, 3, 800)
    sides = ((x, LogNormal(0.0, 1.0), edges, "x"), (z, Normal(0.0, 1.0), edges.log(), "z = \\log x"))
    for ax, (values, law, cuts, name) in zip(axes, sides, strict=True):
        density = law.log_prob(values).exp()
        ax.plot(values, density, color=CRITIC, lw=1)
        for k in range(len(edges) - 1):
            inside = (values >= cuts[k]) & (values <= cuts[k + 1])
            ax.fill_between(values[inside], density[inside], color=TEN[k], alpha=0.6, lw=0)
        ax.set(xlabel=f"${name}$", yticks=[], ylim=(0, None))
    return figure


def coupling():
    """The two halves of a coupling as boxes: one stays, the other is scaled and shifted by what a network says of the first."""
    figure, axes = plt.subplots(figsize=(9, 2.9), layout="constrained")
    boxes = {
        "$x_a$": (0, 1.4),
        "$x_b$": (0, 0),
        "network": (3.0, 0.75),
        "$\\times\\, e^{s} + t$": (5.6, 0),
        "$z_a$": (8.6, 1.4),
        "$z_b$": (8.6, 0),
    }
    for name, (x, y) in boxes.items():
        width = 1.7 if len(name) > 6 else 0.9
        colour = ACCENTS[0] if name == "network" else "0.85"
        axes.add_patch(FancyBboxPatch((x - width / 2, y - 0.25), width, 0.5, boxstyle="round,pad=0.05", fc=colour, ec="none"))
        axes.text(x, y, name, ha="center", va="center", fontsize=14)
    arrows = (
        ((0.55, 1.4), (8.05, 1.4)),
        ((0.55, 1.3), (2.05, 0.8)),
        ((3.95, 0.7), (4.7, 0.15)),
        ((0.55, 0), (4.6, 0)),
        ((6.55, 0), (8.05, 0)),
    )
    for start, end in arrows:
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, color=CRITIC, lw=1.3))
    axes.text(4.45, 0.6, "$s, t$", fontsize=13)
    axes.set(xlim=(-0.7, 9.3), ylim=(-0.45, 1.85))
    axes.axis("off")
    return figure


def slope():
    """Maps from noise to two Gaussians that stand further and further apart."""
    sigma, z = 0.5, np.linspace(-2.5, 2.5, 2001)
    where = torch.linspace(-5, 5, 100_001, dtype=torch.float64)
    figure, axes = plt.subplots(figsize=(9, 3.4), layout="constrained")
    for mu, colour in zip((0.5, 1.0, 1.5, 2.0), ACCENTS, strict=True):
        cdf = (Normal(-mu, sigma).cdf(where) + Normal(mu, sigma).cdf(where)) / 2
        transport = np.interp(Normal(0.0, 1.0).cdf(torch.from_numpy(z)).numpy(), cdf.numpy(), where.numpy())
        axes.plot(z, transport, color=colour, label=f"$\\mu={mu}$: slope {sigma * math.exp(mu**2 / 2 / sigma**2):.3g}")
    axes.set(xlabel="latent $z$", ylabel="$T(z)$")
    figure.legend(loc="outside right center")
    return figure


def ring():
    """A flow on a ring of eight blobs: log-density and samples."""
    flow = learned("ring", 600)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
    draw_map(axes[0], lambda p: flow.log_density(p).clamp(min=-8) + 8, 2.8, 200)
    draw_points(axes[1], generated=flow.sample(4000, seed(1)), size=3)
    axes[0].set(xticks=[], yticks=[], title="log-density, from $-8$ up")
    axes[1].set(xticks=[], yticks=[], xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), title="samples")
    return figure


def masks():
    """A digit through a checkerboard, squeezed, and with half of its channels."""
    digit = data.digits("test").images[203:204]
    squeezed = Squeeze()(digit)[0]
    figure, axes = plt.subplots(1, 4, figsize=(11, 2.8), layout="constrained", width_ratios=[1, 1, 2, 1])
    draw_images(axes[0], digit, title="28 x 28")
    draw_images(axes[1], torch.where(checkerboard_mask((1, 28, 28)) == 1, digit[0], torch.tensor(0.0))[None], title="checkerboard")
    draw_images(axes[2], squeezed.transpose(0, 1), columns=4, title="squeezed: 4 x 14 x 14")
    draw_images(axes[3], (channel_mask((4, 14, 14)) * squeezed[0])[:, None], columns=2, title="channel mask")
    return figure


def temperature():
    """The same latents at four temperatures."""
    glow = load_pretrained("digits_glow")
    figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
    for ax, t in zip(axes, (0.0, 0.5, 0.8, 1.0), strict=True):
        draw_images(ax, glow.sample(16, seed(4), t), 4, f"T = {t}")
    return figure


def walk():
    """Between two digits, in latent space and in pixels."""
    glow, test = load_pretrained("digits_glow"), data.digits("test").images
    first, second = test[[230, 340, 450]], test[[880, 990, 110]]
    weights = torch.linspace(0, 1, 9)
    with torch.no_grad():
        ends = glow.encode(first, seed(0)), glow.encode(second, seed(1))
        latent = torch.stack([glow.decode(torch.lerp(*ends, w)) for w in weights], 1).flatten(0, 1)
    faded = torch.stack([torch.lerp(first, second, w) for w in weights], 1).flatten(0, 1)
    figure, axes = plt.subplots(1, 2, figsize=(11, 2.3), layout="constrained")
    draw_images(axes[0], latent, 9, "straight in latent space")
    draw_images(axes[1], faded, 9, "straight in pixels")
    return figure


def likeliest():
    """Bits per dimension of an empty page, test digits upright and upside down, and negatives."""
    glow, test = load_pretrained("digits_glow"), data.digits("test").images[::5]
    sets = {"empty page": -torch.ones(50, 1, 28, 28), "upside down": test.flip(2), "test digits": test, "negatives": -test}
    figure, axes = plt.subplots(figsize=(10, 3.2), layout="constrained")
    for (name, images), colour in zip(sets.items(), (CRITIC, TEN[7], REAL, TEN[6]), strict=True):
        with torch.no_grad():
            values = glow.bits_per_dimension(images, seed(0)).clamp(max=6)
        style = {"histtype": "step", "lw": 1.8, "zorder": 3} if name == "upside down" else {"alpha": 0.7}  # an outline over the digits
        axes.hist(values.numpy(), bins=torch.linspace(0, 6, 61).tolist(), density=True, color=colour, label=name, **style)
    axes.set(xlabel="bits per dimension (6 stands for 6 or more)", yticks=[], ylim=(0, 5))
    figure.legend(loc="outside right center")
    return figure


def memory():
    """Bytes that autograd stores, by depth, for both backward passes."""
    batch, depths = torch.rand(8, 1, 28, 28), (4, 8, 16, 32)
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    for reversible, colour, name in ((False, CRITIC, "plain"), (True, ACCENTS[0], "reversible")):
        peaks = []
        for depth in depths:
            flow = realnvp((1, 28, 28), depth=depth // 4, width=32, reversible=reversible)
            with StoredBytes(flow) as held:
                flow.log_density(batch).mean().backward()
            peaks.append(held.peak / 2**20)
        axes.plot(depths, peaks, "o-", color=colour, label=name)
    axes.set(xlabel="coupling layers", ylabel="stored, MiB", xticks=depths, ylim=(0, None))
    axes.legend()
    return figure


FIGURES = {
    "02_layers": (
        layers,
        "Data points under a grid at three depths of a flow: two moons under a bent grid become a round cloud under a straight one.",
    ),
    "02_areas": (
        areas,
        "A skewed density of x and a normal density of z, cut into coloured strips; strips of one colour have equal areas.",
    ),
    "02_coupling": (coupling, "A coupling: the first half passes and feeds a network, whose s and t scale and shift the second half."),
    "02_slope": (slope, "Maps from noise to two Gaussians at plus and minus mu: the larger mu, the steeper the map at zero."),
    "02_ring": (ring, "A learned ring of eight blobs with thin bridges between neighbours, in the log-density and in samples."),
    "02_masks": (masks, "A digit, the digit through a checkerboard, its four squeezed channels, and two of them blanked."),
    "02_temperature": (temperature, "Sixteen digits at four temperatures: all alike at zero, plain strokes, then varied strokes."),
    "02_walk": (walk, "Rows from one digit to another: strokes bend in latent space, and fade in pixels."),
    "02_likeliest": (
        likeliest,
        "Histograms of bits: the empty page far left of all digits, upside-down digits over upright ones, negatives far right.",
    ),
    "02_memory": (memory, "Stored bytes grow with the number of layers for the plain backward pass and stay flat for the reversible one."),
}
