"""What the lessons draw again and again: grids of images, clouds of points, maps of a function in the plane, curves of a run."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.viz.style import DENSITY, GENERATED, REAL, SCORES, TEN


def tile(images: Tensor, columns: int = 10, gap: int = 2) -> np.ndarray:
    """Images (N, C, H, W) in [-1, 1] as one picture (rows, columns, C) in [0, 1] on white, filled row by row."""
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ValueError(f"images has shape {tuple(images.shape)}; it must be (N, 1 or 3, H, W) with N >= 1")
    images = (images.detach().float().cpu().clamp(-1, 1) + 1) / 2
    n, c, h, w = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = torch.ones(rows * columns, c, h + gap, w + gap)
    sheet[:n, :, :h, :w] = images
    sheet = sheet.reshape(rows, columns, c, h + gap, w + gap).permute(2, 0, 3, 1, 4).reshape(c, rows * (h + gap), columns * (w + gap))
    return sheet[:, : -gap or None, : -gap or None].permute(1, 2, 0).numpy()


def draw_images(axes: Axes, images: Tensor, columns: int = 10, title: str = "") -> None:
    """A grid of images (N, C, H, W) in [-1, 1] on given axes, pixels kept sharp."""
    picture = tile(images, columns)
    axes.imshow(picture.squeeze(-1) if picture.shape[-1] == 1 else picture, vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[], title=title)
    axes.spines[:].set_visible(False)


def image_grid(images: Tensor | Sequence[Tensor], titles: str | Sequence[str] = "", columns: int = 10, scale: float = 1.0) -> Figure:
    """One grid, or several side by side with a title each. An image of 28 pixels is drawn about 0.45 inch wide times `scale`."""
    several = [images] if isinstance(images, Tensor) else list(images)
    titles = [titles] if isinstance(titles, str) else list(titles)
    if len(titles) != len(several):
        raise ValueError(f"titles has {len(titles)} entries; it must have {len(several)}, one a grid")
    cells = [(min(columns, len(grid)), -(-len(grid) // columns)) for grid in several]
    width = 0.45 * scale * sum(c for c, _ in cells) + 0.2 * (len(cells) - 1)
    height = 0.45 * scale * max(r for _, r in cells) * several[0].shape[2] / several[0].shape[3] + 0.3
    figure, axes = plt.subplots(
        1, len(several), figsize=(width, height), squeeze=False, layout="constrained", width_ratios=[c for c, _ in cells]
    )
    for ax, grid, title in zip(axes[0], several, titles, strict=True):
        draw_images(ax, grid, columns, title)
    return figure


def draw_points(axes: Axes, real: Tensor | None = None, generated: Tensor | None = None, size: float = 4, alpha: float = 0.6) -> None:
    """Clouds in the plane, (N, 2) each, in the colours of the course."""
    for points, colour, label in ((real, REAL, "real"), (generated, GENERATED, "generated")):
        if points is not None:
            axes.scatter(*points.detach().cpu().T.numpy(), s=size, color=colour, alpha=alpha, lw=0, label=label, rasterized=True)
    axes.set_aspect("equal")


def apart(places: Tensor, least: float) -> Tensor:
    """Points (N, 2) pushed away from one another until hardly any are closer than `least`, so that labels do not cover each other."""
    for _ in range(200):
        between = places[:, None] - places
        distance = (between.norm(dim=2) + torch.eye(len(places)) * least).clamp(min=1e-9)  # two in one place stay there
        places = places + 0.5 * (between / distance[..., None] * (least - distance).clamp(min=0)[..., None]).sum(1)
    return places


def draw_classes(axes: Axes, points: Tensor, labels: Tensor, size: float = 5, fontsize: float = 15, least: float = 0.5) -> None:
    """A cloud (N, 2) coloured by its classes (N,), each named where its median lies; names keep the distance `least`."""
    classes = labels.unique().tolist()
    places = apart(torch.stack([points[labels == label].median(0).values for label in classes]), least)
    for label, place in zip(classes, places.tolist(), strict=True):
        colour = TEN[label % len(TEN)]
        axes.scatter(*points[labels == label].T.numpy(), s=size, color=colour, alpha=0.5, lw=0, rasterized=True)
        frame = {"fc": "white", "alpha": 0.75, "lw": 0, "pad": 1}
        axes.text(*place, str(label), color=colour, fontsize=fontsize, weight="bold", ha="center", va="center", bbox=frame)


def plane(extent: float | Sequence[float] = 3.0, resolution: int = 120) -> tuple[Tensor, Tensor, Tensor]:
    """(xs, ys, points): the axes (R,) and the points (R * R, 2) of a grid over [-extent, extent]^2 or (x0, x1, y0, y1)."""
    x0, x1, y0, y1 = (-extent, extent, -extent, extent) if isinstance(extent, int | float) else extent
    xs, ys = torch.linspace(x0, x1, resolution), torch.linspace(y0, y1, resolution)
    return xs, ys, torch.cartesian_prod(ys, xs).flip(1)


@torch.no_grad()
def draw_map(
    axes: Axes, function: Callable[[Tensor], Tensor], extent: float | Sequence[float] = 3.0, resolution: int = 120, kind: str = "density"
):
    """A function of the plane, points (N, 2) -> (N,) or (N, 1), as colours behind whatever is drawn later.

    kind: "density" (from 0 up) or "scores" (symmetric about 0: blue for real, orange for generated). Returns the mesh, for a colour bar.
    """
    if kind not in ("density", "scores"):
        raise ValueError(f"kind is {kind!r}; it must be 'density' or 'scores'")
    xs, ys, points = plane(extent, resolution)
    values = function(points).reshape(resolution, resolution).cpu().numpy()
    top = np.abs(values).max() or 1.0
    limits = {"vmin": -top, "vmax": top, "cmap": SCORES} if kind == "scores" else {"vmin": 0, "cmap": DENSITY}
    mesh = axes.pcolormesh(xs.numpy(), ys.numpy(), values, shading="auto", rasterized=True, **limits)
    axes.set_aspect("equal")
    return mesh


def curves(series: dict[str, Sequence[float]], xlabel: str = "step", ylabel: str = "", smooth: int = 1, axes: Axes | None = None) -> Figure:
    """Named curves on one pair of axes; `smooth` draws the mean of that many neighbours over the pale raw curve."""
    if axes is None:
        _, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
    for name, values in series.items():
        values = np.asarray(values, dtype=float)
        smoothed = smooth > 1 and len(values) >= smooth
        (line,) = axes.plot(np.arange(1, len(values) + 1), values, alpha=0.25 if smoothed else 1, label=None if smoothed else name)
        if smoothed:
            mean = np.convolve(values, np.ones(smooth) / smooth, mode="valid")
            axes.plot(np.arange(len(mean)) + (smooth + 1) / 2, mean, color=line.get_color(), label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()
    return axes.figure
