"""Figures: what is drawn where, alt texts, and the widget."""

import base64

import numpy as np
import pytest
import torch
from ipywidgets import FloatSlider
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from course_lib import viz


def test_tile_puts_images_row_by_row():
    images = torch.linspace(-1, 1, 5)[:, None, None, None].expand(5, 1, 2, 2)
    sheet = viz.tile(images, columns=3, gap=1)
    assert sheet.shape == (5, 8, 1)
    assert np.allclose(sheet[[0, 0, 0, 3, 3], [0, 3, 6, 0, 3], 0], [0, 0.25, 0.5, 0.75, 1])
    assert (sheet[2] == 1).all() and (sheet[3:, 6:] == 1).all()


def test_draw_map_has_x_to_the_right_and_y_up():
    figure, axes = plt.subplots()
    values = viz.draw_map(axes, lambda p: p[:, 0].clamp(min=0) + 10 * (p[:, 1] > 0.9), 1.0, resolution=11).get_array().reshape(11, 11)
    assert values[0, -1] == pytest.approx(1) and values[0, 0] == 0 and values[-1, 0] == pytest.approx(10)
    plt.close(figure)


def test_points_curves_and_scores_look_as_they_should():
    figure, axes = plt.subplots()
    viz.draw_points(axes, torch.zeros(3, 2), torch.ones(2, 2))
    seen = {dots.get_label(): to_hex(dots.get_facecolor()[0]).upper() for dots in axes.collections}
    assert seen == {"real": viz.REAL, "generated": viz.GENERATED} and len(axes.collections[1].get_offsets()) == 2
    scores = viz.draw_map(axes, lambda p: p[:, 0] + 0.5, 1.0, resolution=11, kind="scores")
    assert scores.get_clim() == (-1.5, 1.5) and scores.get_cmap().name == "scores"
    plt.close(figure)
    lines = viz.curves({"loss": [1, 2, 3, 4, 9]}, smooth=3).axes[0].lines
    assert lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert lines[1].get_xdata().tolist() == [2, 3, 4] and lines[1].get_ydata().tolist() == pytest.approx([2, 3, 16 / 3])
    plt.close("all")


def test_show_displays_picture_and_words(monkeypatch):
    plt.close("all")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *bundle, **options: shown.append((bundle, options)))
    viz.show(plt.figure(), alt="an empty figure for the test")
    assert shown[0][1]["metadata"] == {"image/png": {"alt": "an empty figure for the test"}}
    assert shown[1][0][0]["text/html"].endswith("</summary>an empty figure for the test</details>")
    with pytest.raises(ValueError, match="alt is 'plot'"):
        viz.show(plt.figure(), alt="plot")
    assert not plt.get_fignums()


def test_explorer_redraws_and_keeps_a_still_picture():
    seen = []

    def draw(level):
        seen.append(level)
        figure, axes = plt.subplots(figsize=(1, 1))
        axes.axhline(level)
        return figure

    slider = FloatSlider(value=1.0)
    explorer = viz.explore(draw, alt="a line that moves with the slider", level=slider)
    before = explorer.children[-1].png
    slider.value = 3.0
    assert seen == [1.0, 3.0] and explorer.children[-1].png != before and slider.description == "level"
    bundle = explorer._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert base64.b64decode(data["image/png"]) == explorer.children[-1].png
    with pytest.raises(ValueError, match="controls is empty"):
        viz.explore(draw, alt="nothing to move in this one")


def test_colours_have_contrast_on_white():
    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in (viz.REAL, viz.CRITIC):
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5
    assert 1.05 / (luminance(viz.GENERATED) + 0.05) >= 3  # graphics need 3:1
    assert len(set(viz.TEN)) == 10


@pytest.mark.parametrize(
    "call", [lambda: viz.tile(torch.zeros(3, 4)), lambda: viz.tile(torch.zeros(3, 2, 4, 4)), lambda: viz.tile(torch.zeros(0, 1, 4, 4))]
)
def test_bad_images_are_named(call):
    with pytest.raises(ValueError, match="images has shape"):
        call()


def test_labels_move_apart():
    places = viz.draw.apart(torch.tensor([[0.0, 0.0], [0.1, 0.0], [3.0, 3.0]]), 0.5)
    assert viz.draw.apart(torch.zeros(2, 2), 0.5).isfinite().all()
    assert torch.pdist(places).min() > 0.49 and torch.allclose(places[2], torch.tensor([3.0, 3.0]))
