"""One look for the whole course. The colours are nearly Okabe and Ito's, which colour-blind readers can tell apart."""

from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap

REAL = "#0072B2"  # data, everywhere in the course
GENERATED = "#C44F00"  # whatever a model made; darker than theirs, to be legible as text
CRITIC = "#222222"  # critics, discriminators, potentials
ACCENTS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # anything else
TEN = (REAL, GENERATED, *ACCENTS, "#8C6D31", "#7B4FA3", "#6E6E6E", "#111111")  # ten classes

# A critic's score: white in the middle, real blue where it bets on data, generated orange where it bets on the generator.
SCORES = LinearSegmentedColormap.from_list("scores", [GENERATED, "#F7C7A8", "#FFFFFF", "#A8D0E8", REAL])
DENSITY = "viridis"

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[REAL, GENERATED, *ACCENTS]),
    "legend.frameon": False,
    "image.cmap": "gray",
    "svg.hashsalt": "gan-course",
}


def use_style() -> None:
    """Sets the course's look; importing `course_lib.viz` does it."""
    plt.rcParams.update(STYLE)
