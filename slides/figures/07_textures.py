"""Figures of the deck on textures by optimal transport."""

import copy
from functools import lru_cache

import numpy as np
import torch
from matplotlib import pyplot as plt
from torch.nn import functional as F

from course_lib import data
from course_lib.models import Gatys, GaussianTexture, Gotex, Texto
from course_lib.models.gatys import random_filters
from course_lib.models.texture import Canvas, patch_features
from course_lib.ot import SemiDiscrete, exact, extract, fold, patch_w2, wasserstein_1d
from course_lib.training import fit
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, SCORES, draw_images, draw_points, plane
from course_lib.weights import load_pretrained

SMALL = 96  # side of the exemplars of GOTEX: half a minute a texture


def _seeded(seed):
    return torch.Generator().manual_seed(seed)


def _row(pictures, height=3.6):
    """{title: image (C, H, W)} side by side."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(height * len(pictures), height + 0.5), layout="constrained")
    for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
        draw_images(ax, picture[None].clamp(-1, 1), 1, title)
    return figure


@lru_cache
def _texto(name="tissue", size=None, scales=4):
    return Texto.fit(data.texture(name, size), scales=scales, samples=200_000, generator=_seeded(0))


def result():
    """An exemplar and a larger synthesis."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), width_ratios=[160, 320], layout="constrained")
    draw_images(axes[0], data.texture("tissue")[None], 1, "photograph")
    draw_images(axes[1], _texto().synthesize(240, 320, _seeded(1))[None], 1, "Texto")
    return figure


def spectrum():
    """Gravel, its Gaussian texture, gravel with only its phases redrawn, and the law of pixel differences in all three."""
    gravel = data.texture("gravel", 128)
    field = GaussianTexture(gravel).synthesize(128, 128, _seeded(0))
    phases = torch.fft.rfft2(torch.randn(128, 128, generator=_seeded(0)))
    redrawn = gravel.mean() + torch.fft.irfft2(torch.fft.rfft2(gravel - gravel.mean()).abs() * phases / phases.abs())
    named = {"exemplar": gravel, "Gaussian texture": field, "only phases redrawn": redrawn}
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.7), layout="constrained")
    for ax, (name, picture), colour in zip(axes, named.items(), (REAL, GENERATED, ACCENTS[1]), strict=False):
        draw_images(ax, picture[None], 1, name)
        steps = picture.diff(dim=2).flatten().numpy()
        axes[3].hist(steps, bins=np.linspace(-1.2, 1.2, 41).tolist(), density=True, histtype="step", lw=2, color=colour, label=name)
    axes[3].set(yscale="log", ylim=(1e-3, 900), xlabel="difference of neighbours")
    axes[3].legend(fontsize=10)
    return figure


def cells():
    """Laguerre cells of 24 targets in a square after 0, 20 and 3000 steps of ascent."""
    crowd, rest = 0.25 * torch.randn(14, 2, generator=_seeded(5)) - 0.4, torch.rand(10, 2, generator=_seeded(2)) * 2 - 1
    targets = torch.cat([crowd, rest]).clamp(-0.95, 0.95)
    xs, ys, points = plane(1.0, 220)
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.9), layout="constrained")
    for ax, steps in zip(axes, (0, 20, 3000), strict=True):
        solver, generator = SemiDiscrete(targets), _seeded(6)
        solver.fit(lambda n, g=generator: torch.rand(n, 2, generator=g) * 2 - 1, steps=steps, batch_size=50)
        index = solver.assign(points)
        share = 24 * torch.bincount(index, minlength=24) / len(points)
        ax.pcolormesh(xs, ys, (1 - share)[index].reshape(220, 220), cmap=SCORES, vmin=-1.5, vmax=1.5, rasterized=True)
        ax.contour(xs, ys, index.reshape(220, 220), levels=np.arange(24) + 0.5, colors=CRITIC, linewidths=0.6)
        draw_points(ax, targets, size=26, alpha=1)
        ax.set(xticks=[], yticks=[], title=f"{steps} steps: masses {share.min():.2f} to {share.max():.2f}")
    return figure


def rate():
    """The dual gap of last iterate and average, 32 runs on the line, with the predicted lines."""
    line = ((torch.arange(8).double() + 0.5) / 8) ** 1.5
    fine = (torch.arange(4096).double() + 0.5) / 4096
    best = wasserstein_1d(fine, line, p=2) ** 2
    flow = 1 / (2 * line.diff())
    hessian = torch.diag(F.pad(flow, (0, 1)) + F.pad(flow, (1, 0))) - torch.diag(flow, 1) - torch.diag(flow, -1)
    sigma, size = torch.eye(8).double() / 8 - 1 / 64, 2 * 8**0.5 * line.var(unbiased=False)
    predicted = size * sigma.trace() / 4, (sigma @ torch.linalg.pinv(hessian)).trace() / 2
    last, mean = torch.zeros(2, 32, 8).double()
    counts, gaps = sorted({round(10 ** (i / 4)) for i in range(4, 17)}), []
    for k in range(1, counts[-1] + 1):
        where = ((torch.rand(32, 1).double() - line).square() - last).argmin(1)
        last += size / k**0.5 * (1 / 8 - F.one_hot(where, 8))
        mean += (last - mean) / k
        if k in counts:
            value = [((fine[:, None, None] - line).square() - v).amin(2).mean() + v.mean() for v in (last, mean)]
            gaps.append([(best - each).item() for each in value])
    figure, axes = plt.subplots(figsize=(8.5, 4), layout="constrained")
    for values, name, colour in zip(zip(*gaps, strict=True), ("last iterate", "average"), (ACCENTS[1], REAL), strict=True):
        axes.loglog(counts, values, "o-", ms=4, color=colour, label=name)
    lines = [(predicted[0] / k**0.5, predicted[1] / k) for k in counts]
    axes.loglog(counts, lines, color="0.8", lw=6, zorder=0, label=("predicted, slopes −1/2 and −1", "_"))
    axes.set(xlabel="step K", ylabel="dual gap")
    axes.legend()
    return figure


def _moved():
    """(field, rows moved by transport, solver, rows): gravel at one scale."""
    gravel = data.texture("gravel", 128)
    field = GaussianTexture(gravel).synthesize(128, 128, _seeded(0))
    rows, pool = extract(field[None], 3, periodic=True)[0], extract(gravel[None], 3)[0]
    solver = SemiDiscrete(pool[torch.randperm(len(pool), generator=_seeded(0))[:500]])
    return field, rows, solver.fit(rows, 4000, 100, generator=_seeded(1))


def use():
    """How often each exemplar patch is chosen, with and without a potential; and the W2 of the resulting laws to the exemplar's."""
    _, rows, solver = _moved()
    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    for ot, name, colour in ((SemiDiscrete(solver.targets), "nearest neighbour", GENERATED), (solver, "transport", REAL)):
        count = torch.bincount(ot.assign(rows), minlength=500).double()
        cost = exact(ot.targets, ot.targets, p=2, a=count / count.sum()).cost
        axes.plot(
            count.sort(descending=True).values / count.mean(), color=colour, label=f"{name}: $W_2^2$ to the exemplar's law {cost:.4f}"
        )
    axes.axhline(1, color=CRITIC, ls=":", lw=1)
    axes.set(xlabel="exemplar patch, most used first", ylabel="use / due")
    axes.legend()
    return figure


def blur():
    """Moved patches side by side and averaged."""
    field, rows, solver = _moved()
    moved = solver.map(rows)
    beside = fold(moved.view(128, 128, 9)[:126:3, :126:3].reshape(1, -1, 9), (1, 1, 126, 126), stride=3)[0]
    averaged = fold(moved[None], (1, 1, 128, 128), periodic=True)[0]
    crop = {"field": field, "moved, side by side": beside, "moved, averaged": averaged}
    return _row({name: picture[:, :48, :48] for name, picture in crop.items()})


def scales():
    """Texto from 24 to 192 pixels: what comes in, after transport, enlarged."""
    figure, axes = plt.subplots(3, 4, figsize=(11, 8.4), layout="constrained")
    for column, layer in enumerate(_texto().layers(192, 192, _seeded(1))):
        for ax, picture, name in zip(axes[:, column], layer, ("comes in", "transported", "enlarged"), strict=True):
            if picture is None:
                ax.axis("off")
                continue
            draw_images(ax, picture[None], 1, f"{name}, {picture.shape[1]} px")
    return figure


def clouds():
    """Patches of the exemplar, before transport, after, and after averaging, in two principal directions."""
    real, last = extract(data.texture("tissue")[None], 3)[0], list(_texto().layers(192, 192, _seeded(1)))[-1]
    arriving = extract(last.before[None], 3, periodic=True)[0]
    named = {
        "exemplar": real,
        "arriving": arriving,
        "moved": _texto().transports[-1].map(arriving),
        "averaged": extract(last.after[None], 3)[0],
    }
    directions = torch.linalg.svd(real[::7] - real.mean(0), full_matrices=False)[2][[1, 2]]
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharex=True, sharey=True, layout="constrained")
    for ax, (name, rows) in zip(axes, named.items(), strict=True):
        flat = (rows[torch.randperm(len(rows), generator=_seeded(0))[:2500]] - real.mean(0)) @ directions.T
        ax.scatter(*flat.T, s=3, lw=0, alpha=0.6, color=REAL if name == "exemplar" else GENERATED, rasterized=True)
        ax.set(title=name, xlim=(-1.4, 1.4), ylim=(-1.1, 1.1), xticks=[], yticks=[])
    return figure


def _reach():
    """(|change| of a gravel synthesis when one number of the noise changes (512, 512), first and last pixel that it may reach)."""
    model = _texto("gravel", 128, 3)
    changed, field = [], model.field
    noise = torch.randn(128, 128, generator=_seeded(2), dtype=torch.float64)
    for nudge in (0, 4):
        noise[48, 48] += nudge
        image = field.mean + torch.fft.irfft2(torch.fft.rfft2(field.spot.double(), s=noise.shape) * torch.fft.rfft2(noise), s=noise.shape)
        image = image.float()
        for scale, ot in enumerate(model.transports):
            index = ot.assign(extract(image[None], 3, periodic=True)[0])
            last = scale == len(model.doubles)
            rows = ot.targets[index] if last else model.doubles[scale][index].flatten(1)
            image = fold(rows[None], (1, 1 if last else 4, *image.shape[1:]), periodic=True)
            image = (image if last else F.pixel_shuffle(image, 2))[0]
        changed.append(image[0])
    return (changed[1] - changed[0]).abs(), 178, 333


def reach():
    """What one number of the noise changes, inside the predicted square."""
    change, first, last = _reach()
    figure, axes = plt.subplots(figsize=(4.2, 4.2), layout="constrained")
    axes.imshow(change, cmap="Greys", vmin=0, vmax=0.5, interpolation="nearest")
    axes.add_patch(plt.Rectangle((first, first), last - first + 1, last - first + 1, fill=False, color=REAL, lw=2))
    axes.set(xticks=[], yticks=[], xlim=(first - 50, last + 50), ylim=(last + 50, first - 50), title="|change|")
    return figure


def failures():
    """Texto without its potentials and with one scale."""
    tissue, flat = data.texture("tissue"), copy.deepcopy(_texto())
    for ot in flat.transports:
        ot.potential.zero_()
    several = {"Texto": _texto(), "no potential": flat, "one scale": _texto(scales=1)}
    return _row({"exemplar": tissue} | {name: model.synthesize(160, 160, _seeded(1)) for name, model in several.items()}, 3.0)


@lru_cache
def _gotex(name):
    """({title: image}, {title: image along the way}) for an exemplar of SMALL pixels."""
    real = data.texture(name, SMALL)
    start = GaussianTexture(real).synthesize(SMALL, SMALL, _seeded(0))
    model, way, done = Gotex(real, Canvas(start), patch_features(4, 3), targets=1000, sample=1000), {"start": start}, 0
    for steps in (10, 40, 100):  # 10, 50 and 150 in all
        fit(model, real[None], steps, batch_size=1, seed=done, progress=False)
        done += steps
        way[f"{done} steps"] = model.sample(1)[0].detach().clone()
    gatys = Gatys(real, Canvas(start), random_filters(len(real), (3, 5, 7, 11), 16, 3), learning_rate=0.02)
    fit(gatys, real[None], 150, batch_size=1, seed=0, progress=False)
    texto = _texto(name, SMALL, 3).synthesize(SMALL, SMALL, _seeded(1))
    return {"exemplar": real, "Gaussian": start, "Texto": texto, "Gram, random filters": gatys.sample(1)[0], "GOTEX": way["150 steps"]}, way


def gotex_way():
    """GOTEX: an image being optimised."""
    return _row({"exemplar": data.texture("gravel", SMALL)} | _gotex("gravel")[1], 2.6)


def network():
    """The shipped network: its exemplar and a larger sample."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), width_ratios=[128, 448], layout="constrained")
    draw_images(axes[0], data.texture("tissue", 128)[None], 1, "photograph")
    draw_images(axes[1], load_pretrained("texture_tissue").sample(1, _seeded(0), size=(128, 448)), 1, "the network, one pass")
    return figure


def gallery():
    """Five pictures a texture with the patch W2 at the finest scale."""
    figure, axes = plt.subplots(2, 5, figsize=(12.5, 5.6), layout="constrained")
    for line, name in zip(axes, ("gravel", "tissue"), strict=True):
        pictures, _ = _gotex(name)
        for ax, (title, picture) in zip(line, pictures.items(), strict=True):
            off = patch_w2(pictures["exemplar"], picture, size=4, scales=1, n=800, generator=_seeded(3)).item()
            draw_images(ax, picture[None].clamp(-1, 1), 1, f"{title}\n{1000 * off:.1f}")
    return figure


FIGURES = {
    "07_result": (result, "A photograph of stained tissue and a wider synthesis with the same colours and fibres in new places."),
    "07_spectrum": (
        spectrum,
        "Gravel, its Gaussian texture, and gravel with its phases redrawn: two clouds without edges, with lighter tails.",
    ),
    "07_cells": (cells, "A square cut into cells around 24 targets after 0, 20 and 3000 steps: at last all cells have the same mass."),
    "07_rate": (
        rate,
        "Log-log curves of the dual gap: last iterate and average come to lie on predicted lines, slopes minus one half and one.",
    ),
    "07_use": (use, "Use of 500 exemplar patches: level under transport, from five times too often to never under nearest neighbours."),
    "07_blur": (blur, "A field, moved patches side by side with seams, and their smooth average, enlarged."),
    "07_scales": (
        scales,
        "Tissue grows from 24 to 192 pixels in four columns: what comes in, after transport, enlarged for the next scale.",
    ),
    "07_clouds": (
        clouds,
        "Four clouds of patches: exemplar wide, arriving narrower, moved as wide as the exemplar, averaged narrower again.",
    ),
    "07_reach": (reach, "Changed pixels in grey, all of them inside a blue square of 156 pixels; white outside."),
    "07_failures": (failures, "Exemplar, Texto, a flat brown picture without potentials, and grain without cells with one scale."),
    "07_gotex_way": (gotex_way, "Gravel exemplar and an image under optimisation: from a cloudy field to stones in 150 steps."),
    "07_network": (
        network,
        "Tissue, 128 pixels wide, and a band three times as wide that the shipped network drew: like strands and colours.",
    ),
    "07_gallery": (
        gallery,
        "Gravel and tissue: exemplar, Gaussian, Texto, Gram matrices and GOTEX with their patch distances, smallest for GOTEX.",
    ),
}
