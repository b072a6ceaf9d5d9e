"""Figures and widgets in one style. Importing this sets the style."""

from course_lib.viz.draw import curves, draw_classes, draw_images, draw_map, draw_points, image_grid, plane, tile
from course_lib.viz.explore import explore
from course_lib.viz.show import show, to_png
from course_lib.viz.style import ACCENTS, CRITIC, DENSITY, GENERATED, REAL, SCORES, TEN, use_style

use_style()

__all__ = [
    "ACCENTS",
    "CRITIC",
    "DENSITY",
    "GENERATED",
    "REAL",
    "SCORES",
    "TEN",
    "curves",
    "draw_classes",
    "draw_images",
    "draw_map",
    "draw_points",
    "explore",
    "image_grid",
    "plane",
    "show",
    "tile",
    "to_png",
    "use_style",
]
