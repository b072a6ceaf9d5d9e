"""Figures of the deck on evaluation."""

import functools

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.patches import Circle, Ellipse
from sklearn.cluster import KMeans

from course_lib import data, metrics
from course_lib.viz import ACCENTS, GENERATED, REAL, draw_images, draw_points
from course_lib.weights.ruler import digit_features


@functools.cache
def sets():
    """(real, honest): two image sets of 600 real digits in random order, and the digit features."""
    generator = torch.Generator().manual_seed(0)
    test, train = data.digits("test"), data.digits("train")
    real = test.where(torch.randperm(1000, generator=generator)[:600])
    return real, train.where(torch.randperm(4000, generator=generator)[:600]), digit_features()


def averages_win():
    """Real digits and k-means centroids."""
    flat = data.digits("train").images.flatten(1).numpy()
    centroids = torch.from_numpy(KMeans(300, n_init=1, max_iter=10, random_state=0).fit(flat).cluster_centers_)
    figure, axes = plt.subplots(1, 2, figsize=(10, 2.9), layout="constrained")
    draw_images(axes[0], sets()[1].images[:40], 10, "real digits: the lower Parzen score")
    draw_images(axes[1], centroids[:40].view(-1, 1, 28, 28), 10, "averages of digits: the higher one")
    return figure


def ten_images():
    """For each class the training image of which the classifier is surest."""
    _, honest, ruler = sets()
    ten = honest.images[ruler.logits(honest.images).log_softmax(1).argmax(0)]
    figure, axes = plt.subplots(figsize=(9, 2.4), layout="constrained")
    draw_images(axes, ten.repeat(3, 1, 1, 1), 10)
    return figure


def two_terms():
    """Ellipses that differ in mean, in covariance, in both."""
    figure, axes = plt.subplots(1, 3, figsize=(10, 2.7), layout="constrained", sharey=True)
    for ax, shift, angle, title in zip(axes, (2, 0, 2), (0, 60, 60), ("means", "covariances", "both"), strict=True):
        ax.add_patch(Ellipse((0, 0), 4, 1.6, fc=REAL, alpha=0.45))
        ax.add_patch(Ellipse((shift, 0), 4, 1.6, angle=angle, fc=GENERATED, alpha=0.45))
        ax.set(xlim=(-2.5, 4.5), ylim=(-2.2, 2.2), aspect="equal", xticks=[], yticks=[], title=title)
    return figure


def bias():
    """FID and KID of real digits against real digits, by N."""
    real, honest, ruler = sets()
    generator = torch.Generator().manual_seed(0)
    features = torch.cat([ruler(real.images), ruler(honest.images)])
    sizes = (70, 100, 150, 200, 300, 450, 600)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
    for ax, metric, name in ((axes[0], metrics.frechet_distance, "FID"), (axes[1], metrics.kernel_distance, "KID")):
        values = []
        for size in sizes:
            orders = [torch.randperm(len(features), generator=generator) for _ in range(10)]
            values.append([metric(features[o[:size]], features[o[size : 2 * size]]) for o in orders])
        ax.errorbar(sizes, np.mean(values, 1), np.std(values, 1), color=GENERATED, marker="o", capsize=3)
        ax.axhline(0, color="#999999", lw=1)
        ax.set(xlabel="N", title=f"{name} of a perfect generator")
    return figure


def equal_moments():
    """A ring and a Gaussian with the same mean and covariance."""
    generator = torch.Generator().manual_seed(0)
    clouds = []
    for points in (data.toy2d("ring", 500, generator), torch.randn(500, 2, generator=generator)):
        centred = points - points.mean(0)
        clouds.append(torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(centred.T)), centred.T, upper=False).T)
    figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
    draw_points(axes, *clouds, size=12)
    axes.set(xticks=[], yticks=[])
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def balls():
    """Precision on the left, recall on the right, for a model that dropped a mode."""
    generator = torch.Generator().manual_seed(3)
    real, made = data.toy2d("two_gaussians", 60, generator), data.toy2d("two_gaussians", 60, generator)
    made[:, 0] = made[:, 0].abs()
    found = metrics.precision_recall(real, made)
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained", sharey=True)
    cases = ((real, made, REAL, GENERATED, f"precision {found.precision:.2f}"), (made, real, GENERATED, REAL, f"recall {found.recall:.2f}"))
    for ax, (inner, outer, colour, other, title) in zip(axes, cases, strict=True):
        radii = torch.cdist(inner, inner).kthvalue(4).values
        inside = (torch.cdist(outer, inner) <= radii).any(1)
        for centre, radius in zip(inner.tolist(), radii.tolist(), strict=True):
            ax.add_patch(Circle(centre, radius, color=colour, alpha=0.09, lw=0))
        ax.scatter(*inner.T, s=10, color=colour)
        ax.scatter(*outer[inside].T, s=40, color=other)
        ax.scatter(*outer[~inside].T, s=40, color=other, marker="x")
        ax.set(aspect="equal", xlim=(-4, 4), ylim=(-2.3, 2.3), xticks=[], yticks=[], title=title)
    return figure


def copies():
    """Distances to the nearest training digit, for held-out digits and for noisy copies."""
    real, honest, _ = sets()
    train = honest.images.flatten(1)
    copied = train[:300] + 0.1 * torch.randn(300, 784, generator=torch.Generator().manual_seed(0))
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    bins = np.linspace(0, 16, 50)
    for points, colour, label in ((real.images.flatten(1), REAL, "held-out digits"), (copied, GENERATED, "noisy copies")):
        axes.hist(metrics.nearest(points, train)[0].numpy(), bins, color=colour, alpha=0.7, density=True, label=label)
    axes.set(xlabel="distance to the nearest training digit", yticks=[])
    axes.legend()
    return figure


def failures():
    """Four metrics against four failures."""
    real, honest, ruler = sets()
    amounts = (0.0, 0.25, 0.5, 0.75)
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
    for how, colour in zip(metrics.FAILURES, (REAL, GENERATED, *ACCENTS[:2]), strict=True):
        images = [metrics.spoil(honest.images, honest.labels, how, amount) for amount in amounts]
        found = [metrics.evaluate(real.images, i, ruler, halves=0) for i in images]
        for ax, name in zip(axes, ("FID", "Inception score", "precision", "recall"), strict=True):
            ax.plot(amounts, [report[name] for report in found], marker="o", color=colour, label=how)
            ax.set(title=name, xlabel="amount")
    axes[0].set_yscale("symlog", linthresh=1)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


FIGURES = {
    "11_averages_win": (averages_win, "Forty sharp real digits and forty smeared averages of digits, which score higher."),
    "11_ten_images": (ten_images, "Three equal rows of the ten digits, each class always the same image."),
    "11_two_terms": (two_terms, "Pairs of ellipses: one shifted, one turned, one shifted and turned."),
    "11_bias": (bias, "FID of a perfect generator falls towards zero as N grows; KID stays around zero."),
    "11_equal_moments": (equal_moments, "Eight tight clusters on a ring and a round cloud of the same mean and covariance."),
    "11_balls": (balls, "Balls around real points hold the generated ones; balls around generated points miss one of two real clusters."),
    "11_copies": (copies, "Two histograms: noisy copies lie at small distances from the training set, held-out digits farther off."),
    "11_failures": (failures, "Four panels of curves: how FID, Inception score, precision and recall react to four failures."),
}
