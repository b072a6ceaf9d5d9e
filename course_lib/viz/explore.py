"""A picture with something to move. It is plain where nothing runs: the picture itself is stored."""

import base64
from collections.abc import Callable

import ipywidgets as widgets
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from course_lib.viz.show import to_png


class Explorer(widgets.VBox):
    """Controls above one picture (the last child); static viewers get the picture."""

    def _repr_mimebundle_(self, *args, **kwargs):
        bundle = super()._repr_mimebundle_(*args, **kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if isinstance(data, dict):
            alt = self.children[-1].alt_text
            data["image/png"] = base64.b64encode(self.children[-1].value).decode()
            data["text/plain"] = alt
            metadata = {**metadata, "image/png": {"alt": alt}}
        return data, metadata


def explore(draw: Callable[..., Figure], alt: str, **controls: widgets.ValueWidget) -> Explorer:
    """Shows `draw(name=value, ...)` under its controls and draws it anew when one is moved.

    draw: takes the controls' values by name and returns a Figure, quickly (under 0.3 s). alt: what the picture shows, in a sentence.
    controls: ipywidgets; one without a `description` is labelled with its name.
    """
    if not controls:
        raise ValueError("controls is empty; give at least one widget, for instance step=IntSlider()")
    picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
    picture.alt_text = alt

    def refresh(_=None) -> None:
        with plt.ioff():
            picture.value = to_png(draw(**{name: control.value for name, control in controls.items()}), dpi=90)

    for name, control in controls.items():
        control.description = control.description or name.replace("_", " ")
        control.style.description_width = "initial"
        control.layout.width = control.layout.width or "26em"
        control.observe(refresh, names="value")
    refresh()
    return Explorer([*controls.values(), picture], layout=widgets.Layout(align_items="flex-start"))
