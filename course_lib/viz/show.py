"""Showing a figure with words for those who cannot see it."""

import base64
import html
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

    The text is stored with the picture as its `alt`, which GitHub and the site use. JupyterLab (4.6) gives a picture no `alt`, so the
    same words also stand folded under it, where a screen reader finds them.
    """
    if len(alt.split()) < 4:
        plt.close(figure)
        raise ValueError(f"alt is {alt!r}; it must say in a few words what the figure shows")
    from IPython.display import display

    picture = base64.b64encode(to_png(figure, dpi)).decode()
    display({"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})
    display({"text/html": in_words(alt), "text/plain": "the figure in words: see above"}, raw=True)


def in_words(alt: str) -> str:
    """The folded description under a figure."""
    return f'<details class="figure-in-words"><summary><small>The figure in words</small></summary>{html.escape(alt)}</details>'
