"""Figures of the deck on generative modelling."""

import torch
from matplotlib import pyplot as plt

from course_lib.data import toy2d
from course_lib.viz import GENERATED, REAL, draw_points


def two_kinds():
    """A classifier cuts the plane; a generative model fills it."""
    generator = torch.Generator().manual_seed(0)
    points = toy2d("moons", 600, generator)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharex=True, sharey=True)
    upper = points[:, 1] > 0.35 * torch.sin(1.3 * points[:, 0])
    for side, colour in ((upper, REAL), (~upper, GENERATED)):
        axes[0].scatter(*points[side].T, s=8, color=colour, lw=0)
    draw_points(axes[1], points, toy2d("moons", 600, generator), size=8)
    axes[0].set_title("which class is this point?")
    axes[1].set_title("give me more such points")
    return figure


FIGURES = {
    "01_two_kinds": (
        two_kinds,
        "Left, points in two classes with a border between them; right, real points and new ones of the same shape.",
    ),
}
