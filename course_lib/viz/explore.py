"""A picture with something to move. It is plain where nothing runs: the picture itself is stored."""

import base64
import html
from collections.abc import Callable

import ipywidgets as widgets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from course_lib.viz.show import to_png


class Picture(widgets.HTML):
    """A picture with alternative text, which `widgets.Image` has no place for. Set `png` to change it."""

    def __init__(self, alt: str):
        super().__init__()
        self.alt = alt

    @property
    def png(self) -> bytes:
        return self._png

    @png.setter
    def png(self, content: bytes) -> None:
        self._png = content
        source = "data:image/png;base64," + base64.b64encode(content).decode()
        self.value = f'<img src="{source}" alt="{html.escape(self.alt)}" style="max-width: 100%; height: auto">'


class Explorer(widgets.VBox):
    """Controls above one picture (the last child); static viewers get the picture."""

    def _repr_mimebundle_(self, *args, **kwargs):
        bundle = super()._repr_mimebundle_(*args, **kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if isinstance(data, dict):
            picture = self.children[-1]
            data["image/png"] = base64.b64encode(picture.png).decode()
            data["text/plain"] = picture.alt
            metadata = {**metadata, "image/png": {"alt": picture.alt}}
        return data, metadata


def explore(draw: Callable[..., Figure], alt: str, **controls: widgets.ValueWidget) -> Explorer:
    """Shows `draw(name=value, ...)` under its controls and draws it anew when one is moved.

    draw: takes the controls' values by name and returns a Figure, quickly (under 0.3 s). alt: what the picture shows, in a sentence.
    controls: ipywidgets; one without a `description` is labelled with its name.
    """
    if not controls:
        raise ValueError("controls is empty; give at least one widget, for instance step=IntSlider()")
    picture = Picture(alt)

    def refresh(_=None) -> None:
        with plt.ioff():
            picture.png = to_png(draw(**{name: control.value for name, control in controls.items()}), dpi=90)

    for name, control in controls.items():
        control.description = control.description or name.replace("_", " ")
    longest = max(len(control.description) for control in controls.values())
    for control in controls.values():
        control.style.description_width = f"{0.6 * longest + 1:.1f}em"  # so that all begin below one another
        control.layout.width = control.layout.width or "26em"
        control.observe(refresh, names="value")
    refresh()
    return Explorer([*controls.values(), picture], layout=widgets.Layout(align_items="flex-start"))
