"""Showing a figure with words for those who cannot see it."""

import base64
import io

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def to_png(figure: Figure, dpi: int = 100) -> bytes:
    """The figure as PNG, closed afterwards so that no cell shows it twice."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def show(figure: Figure, alt: str, dpi: int = 100) -> None:
    """Displays a figure with alternative text: a sentence that says what is to be seen.

    The text is stored with the picture, and is what a reader gets where pictures are not shown.
    """
    if len(alt.split()) < 4:
        plt.close(figure)
        raise ValueError(f"alt is {alt!r}; it must say in a few words what the figure shows")
    from IPython.display import display

    picture = base64.b64encode(to_png(figure, dpi)).decode()
    display({"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})
