"""Draws every figure of the slides: slides/figures/NN_name.py -> slides/build/figures/NAME.svg, the same bytes each time.

A module of slides/figures defines FIGURES, a dict from the figure's name to (function that returns a matplotlib Figure, alt text).
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import course_lib.viz  # noqa: F401  (sets the style of the course)

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build" / "figures"
LEGIBLE = {  # a slide is read from further away than a page
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "legend.fontsize": 12,
    "lines.linewidth": 2,
    "svg.fonttype": "path",  # the picture is the same where a font is missing
    "image.interpolation": "none",
}


def figures(deck: str) -> dict[str, tuple[Callable[[], Figure], str]]:
    """The figures of one deck, by name; none for a deck without figures."""
    module = HERE / "figures" / f"{deck}.py"
    return runpy.run_path(str(module))["FIGURES"] if module.exists() else {}


def draw(name: str, function: Callable[[], Figure]) -> Path:
    """Writes one figure as SVG. Seeds torch, so that a figure may draw random numbers without saying so."""
    BUILD.mkdir(parents=True, exist_ok=True)
    target = BUILD / f"{name}.svg"
    with plt.rc_context(LEGIBLE):
        torch.manual_seed(0)
        figure = function()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight", transparent=True)
        plt.close(figure)
    return target


def main(decks: list[str]) -> None:
    """Draws the figures of the decks whose names begin with one of `decks`, or of all."""
    for module in sorted((HERE / "figures").glob("[0-9]*.py")):
        if not decks or any(module.stem.startswith(deck) for deck in decks):
            for name, (function, _) in figures(module.stem).items():
                print(draw(name, function).relative_to(HERE), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
