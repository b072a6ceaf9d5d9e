"""Figures of the deck on evaluation."""

import functools

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.patches import Circle
from sklearn.cluster import KMeans

from course_lib import data, metrics
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, draw_images, draw_points
from course_lib.weights.ruler import digit_features


@functools.cache
def sets():
    """(real, honest, ruler): two image sets of 600 real digits in random order, and the digit features."""
    generator = torch.Generator().manual_seed(0)
    test, train = data.digits("test"), data.digits("train")
    real = test.where(torch.randperm(1000, generator=generator)[:600])
    return real, train.where(torch.randperm(4000, generator=generator)[:600]), digit_features()


def opinions():
    """Fresh real digits, and two ways of spoiling them, with what four metrics say."""
    real, honest, ruler = sets()
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
    for ax, how, name in zip(axes, (None, "blur", "drop classes"), ("as they are", "blurred", "six of ten classes"), strict=True):
        images = metrics.spoil(honest.images, honest.labels, how, 0.5) if how else honest.images
        found = metrics.evaluate(real.images, images, ruler, halves=0)
        draw_images(ax, images[:32], 8, name)
        words = [f"FID {found['FID']:.1f}   Inception score {found['Inception score']:.1f}"]
        ax.set_xlabel("\n".join([*words, f"precision {found['precision']:.2f}   recall {found['recall']:.2f}"]))
    return figure


def parzen_gap():
    """Nats that a Parzen window misses of a Gaussian's true log-density, by dimension."""
    dimensions = (1, 2, 4, 8, 16, 32, 64)
    figure, axes = plt.subplots(figsize=(9, 3.4), layout="constrained")
    for size, colour in ((100, ACCENTS[0]), (1000, CRITIC)):
        gaps = []
        for dims in dimensions:
            points, held_out, samples = (torch.randn(count, dims).double() for count in (500, 500, size))
            width = metrics.parzen_bandwidth(samples, held_out, np.geomspace(0.1, 2, 20).tolist())
            truth = torch.distributions.Normal(0, 1).log_prob(points).sum(1).mean()
            gaps.append((truth - metrics.parzen_log_likelihood(points, samples, width).mean()).item())
        axes.plot(dimensions, gaps, "o-", color=colour, label=f"{size} samples")
    axes.set(xscale="log", xlabel="dimensions", ylabel="nats missing", xticks=dimensions, xticklabels=dimensions)
    axes.minorticks_off()
    axes.legend()
    return figure


def dilution():
    """Samples of a Parzen model of digits, and of the same model diluted with 99 % noise."""
    images = sets()[1].images[:40]
    model = (images + 0.3 * torch.randn(images.shape)).clamp(-1, 1)
    noise = 2 * torch.rand(images.shape) - 1
    noise[13] = model[13]
    figure, axes = plt.subplots(1, 2, figsize=(10, 2.9), layout="constrained")
    draw_images(axes[0], model, 10, "a model: −401 nats a digit")
    draw_images(axes[1], noise, 10, "1 % of it, 99 % noise: −384 nats")
    return figure


def entropy_plane():
    """Sets of images by the two entropies of the Inception score, with lines of equal score."""
    real, honest, ruler = sets()
    spoilt = {
        "real digits": real.images,
        "blurred": metrics.spoil(honest.images, honest.labels, "blur", 0.5),
        "six classes": metrics.spoil(honest.images, honest.labels, "drop classes", 0.5),
        "upside down": real.images.flip(2),
        "mean of two digits": (honest.images + real.images) / 2,
        "sevens only": honest.images[honest.labels == 7],
    }
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    ends = np.array([-0.02, 0.46])
    for level in (1, 2, 4, 6, 8, 10):
        axes.plot(ends, np.log(level) + ends, color="0.8", lw=1)
        axes.text(0.47, np.log(level) + 0.47, f"IS {level}", fontsize=10, color="0.4", va="center")
    for name, images in spoilt.items():
        p = ruler.logits(images).double().softmax(1)
        place = torch.special.entr(p).sum(1).mean().item(), torch.special.entr(p.mean(0)).sum().item()
        axes.plot(*place, "o", ms=9, color=REAL if name == "real digits" else GENERATED)
        offset = (-14, 12) if name == "real digits" else (9, -14)
        axes.annotate(name, place, xytext=offset, textcoords="offset points", fontsize=12)
    axes.set(xlabel="$H(y|x)$: unsure", ylabel="$H(y)$: varied", xlim=(-0.02, 0.52), ylim=(-0.35, 3))
    return figure


def whose_score():
    """The Inception score of the same images, by confidence of the classifier and by number of samples."""
    real, honest, ruler = sets()
    logits = {"real": ruler.logits(real.images), "blurred": ruler.logits(metrics.spoil(honest.images, honest.labels, "blur", 0.5))}
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained", sharey=True)
    times, counts = (0.25, 0.5, 1, 2, 4), (10, 20, 50, 100, 200, 600)
    for (name, values), colour in zip(logits.items(), (REAL, GENERATED), strict=True):
        axes[0].plot(times, [metrics.inception_score(t * values) for t in times], "o-", color=colour, label=name)
    orders = [torch.randperm(600) for _ in range(20)]
    axes[1].plot(counts, [np.mean([metrics.inception_score(logits["real"][o[:c]]) for o in orders]) for c in counts], "o-", color=REAL)
    for ax, ticks, label in zip(axes, (times, counts), ("logits times", "samples"), strict=True):
        ax.set(xscale="log", xticks=ticks, xticklabels=ticks, xlabel=label)
        ax.minorticks_off()
    axes[0].legend()
    axes[0].set_ylabel("Inception score")
    return figure


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
    """Clouds that differ in mean, in covariance, in both; arrows of the cheapest map between their Gaussians."""
    base = torch.randn(300, 2).double() @ torch.diag(torch.tensor([1.2, 0.5])).double()
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", sharey=True)
    for ax, shift, turn, title in zip(axes, (2.5, 0, 2.5), (0, 60, 60), ("means", "covariances", "both"), strict=True):
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        move = torch.tensor([[c, s], [-s, c]])
        cloud = base @ move + torch.tensor([shift, 0.0])
        f, g = (torch.linalg.cholesky(torch.cov(x.T)) for x in (base, cloud))
        u, values, _ = torch.linalg.svd(f.T @ g)
        inverse = torch.linalg.inv(f)
        end = cloud.mean(0) + (base - base.mean(0)) @ (inverse.T @ u @ torch.diag(values) @ u.T @ inverse)
        draw_points(ax, base, cloud, size=9, alpha=0.4)
        arrows = (end - base)[:25]
        ax.quiver(*base[:25].T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.005, color=CRITIC)
        ax.set(xlim=(-3.5, 5.5), ylim=(-3, 3), xticks=[], yticks=[], title=f"{title}: FID {metrics.frechet_distance(base, cloud):.2f}")
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


def unfair():
    """FID of 2000 slightly blurred digits and of 100 perfect ones, as it is and extrapolated."""
    real, _, ruler = sets()
    train = data.digits("train")
    train = train.where(torch.randperm(4000, generator=torch.Generator().manual_seed(1)))
    reference = ruler(data.digits("test").images)
    perfect, blurred = ruler(train.images), ruler(metrics.spoil(train.images[:2000], train.labels[:2000], "blur", 0.35))
    plain = (
        metrics.frechet_distance(reference, blurred),
        np.mean([metrics.frechet_distance(reference, x) for x in perfect[:1000].split(100)]),
    )
    limits = [metrics.frechet_at_infinity(reference, x, generator=torch.Generator().manual_seed(0)).limit for x in (blurred, perfect)]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), width_ratios=[1.6, 1, 1], layout="constrained")
    shown = metrics.spoil(train.images[:18], train.labels[:18], "blur", 0.35)
    draw_images(axes[0], torch.cat([shown, train.images[18:36]]), 9, "two rows blurred a little, two rows not")
    names = ["2000\nblurred", "100\nperfect"]
    for ax, values, title in zip(axes[1:], (plain, limits), ("FID", "FID at infinite N"), strict=True):
        ax.bar(names, values, color=[GENERATED, REAL], width=0.6)
        ax.set(title=title)
    return figure


def standardise(points):
    """Points (N, D) moved and mixed linearly to sample mean 0 and covariance I."""
    centred = points.double() - points.double().mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(centred.T)), centred.T, upper=False).T


def equal_moments():
    """A ring and a Gaussian of equal moments; digits' features and a Gaussian of theirs."""
    real, _, ruler = sets()
    features = ruler(real.images).double()
    covariance = torch.cov(features.T)
    mimic = features.mean(0) + standardise(torch.randn(600, 64)) @ torch.linalg.cholesky(covariance).T
    view = torch.linalg.eigh(covariance).eigenvectors[:, -2:]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    draw_points(axes[0], standardise(data.toy2d("ring", 500)), standardise(torch.randn(500, 2)), size=12)
    draw_points(axes[1], features @ view, mimic @ view, size=12)
    for ax, title in zip(axes, ("in the plane", "64 features of digits, two axes"), strict=True):
        ax.set(xticks=[], yticks=[], title=title, aspect="auto")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", markerscale=2)
    return figure


def small_sets():
    """FID and KID of perfect and of blurred digits against N."""
    real, honest, ruler = sets()
    reference, few = ruler(real.images), (50, 100, 200, 400)
    points = {"perfect": ruler(honest.images), "blurred": ruler(metrics.spoil(honest.images, honest.labels, "blur", 0.5))}
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    for ax, metric, title in zip(axes, (metrics.frechet_distance, metrics.kernel_distance), ("FID", "KID"), strict=True):
        for (name, features), colour in zip(points.items(), (REAL, GENERATED), strict=True):
            values = [[metric(reference[torch.randperm(600)[:m]], features[torch.randperm(600)[:m]]) for _ in range(20)] for m in few]
            ax.errorbar(few, np.mean(values, 1), np.std(values, 1), color=colour, marker="o", capsize=3, label=name)
        ax.axhline(0, color="#999999", lw=1)
        ax.set(xscale="log", xticks=few, xticklabels=few, xlabel="N", title=title)
        ax.minorticks_off()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def circle():
    """The ring of eight modes, and the circle that has its moments up to the seventh."""
    modes, fresh, radius, angle = data.toy2d("ring", 1000), data.toy2d("ring", 1000), data.toy2d("ring", 1000).norm(dim=1), torch.rand(1000)
    turned = radius[:, None] * torch.stack([(2 * np.pi * angle).cos(), (2 * np.pi * angle).sin()], 1)
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.2), layout="constrained")
    for ax, points, name in zip(axes, (fresh, turned), ("ring", "circle"), strict=True):
        draw_points(ax, modes, points, size=8)
        precision = metrics.precision_recall(modes, points).precision
        title = f"{name}: KID {metrics.kernel_distance(modes, points):.2f}, precision {precision:.2f}"
        ax.set(xticks=[], yticks=[], title=title)
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


def outlier():
    """One real point far away, its ball, and garbage inside it."""
    cluster = torch.cat([torch.randn(200, 2), torch.tensor([[9.0, 0.0]])])
    garbage = torch.tensor([6.0, 0.0]) + 0.8 * torch.randn(200, 2)
    radius = (cluster[-1] - cluster[:-1]).norm(dim=1).kthvalue(3).values.item()
    found = metrics.precision_recall(cluster, garbage)
    figure, axes = plt.subplots(figsize=(9, 3.8), layout="constrained")
    axes.add_patch(Circle((9, 0), radius, color=REAL, alpha=0.12, lw=0))
    draw_points(axes, cluster, garbage, size=14)
    axes.plot(9, 0, "o", color=REAL, ms=8)
    title = f"precision {found.precision:.2f}   density {found.density:.2f}   coverage {found.coverage:.3f}"
    axes.set(xlim=(-4, 12), ylim=(-3.5, 3.5), xticks=[], yticks=[], title=title)
    return figure


def resizing():
    """Identical digits halved and doubled again, in two ways."""
    images = data.digits("test").images
    ruler, resize = sets()[2], torch.nn.functional.interpolate
    small = {
        "as they are": None,
        "averaged": resize(images, (14, 14), mode="bilinear", antialias=True, align_corners=False),
        "dropped": images[..., ::2, ::2],
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    for ax, (name, half) in zip(axes, small.items(), strict=True):
        shown = images if half is None else resize(half, (28, 28), mode="bilinear", align_corners=False)
        draw_images(ax, shown[::42][:24], 8, f"{name}: FID {metrics.frechet_distance(ruler(images), ruler(shown)):.1f}")
    return figure


def marked():
    """Digits with a white square in a corner, with what two networks say of it."""
    real, honest, ruler = sets()
    images = honest.images.clone()
    images[:, :, 1:3, 1:3] = 1
    words = []
    for name, network in (("digit classifier", ruler), ("pixels", metrics.pixel_features())):
        fresh, spoilt = (metrics.frechet_distance(network(real.images), network(x)) for x in (honest.images, images))
        words.append(f"FID on {name}: {fresh:.1f} without, {spoilt:.1f} with")
    figure, axes = plt.subplots(figsize=(11, 2.4), layout="constrained")
    draw_images(axes, images[:24], 12, "        ".join(words))
    return figure


def equals():
    """FIDs of 80 equally good sets: ten compete on one half of the test digits, the winner is scored again."""
    images, test = data.digits("train").images, data.digits("test").images
    ruler = sets()[2]
    features, half, other = ruler(images), ruler(test[::2]), ruler(test[1::2])
    picks = [torch.randperm(4000)[:500] for _ in range(20)]
    first, again = ([metrics.frechet_distance(x, features[pick]) for pick in picks] for x in (half, other))
    winner = int(np.argmin(first[:10]))
    figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
    for row, (values, best) in enumerate(((again[10:], None), (again[:10], winner), (first[:10], winner))):
        values = np.array(values)
        axes.plot(values, np.full(10, row), "o", ms=9, color="0.7")
        if best is None:
            axes.plot(values.mean(), row, "D", ms=10, color=GENERATED)
        else:
            axes.plot(values[best], row, "o", ms=13, color=GENERATED)
    names = ["the other half, fresh samples", "the other half", "where the winner was chosen"]
    axes.set(yticks=range(3), yticklabels=names, ylim=(-0.5, 2.5), xlabel="FID of ten equally good sets of 500 digits")
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
    for how, colour in zip(metrics.FAILURES, ACCENTS, strict=True):
        images = [metrics.spoil(honest.images, honest.labels, how, amount) for amount in amounts]
        found = [metrics.evaluate(real.images, i, ruler, halves=0) for i in images]
        for ax, name in zip(axes, ("FID", "Inception score", "precision", "recall"), strict=True):
            ax.plot(amounts, [report[name] for report in found], marker="o", color=colour, label=how)
            ax.set(title=name, xlabel="amount")
    axes[0].set_yscale("symlog", linthresh=1)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


FIGURES = {
    "11_opinions": (
        opinions,
        "Three grids of digits, fresh, blurred and of six classes, each with four metrics; each metric notices something else.",
    ),
    "11_parzen_gap": (parzen_gap, "The error of a Parzen estimate is near zero in few dimensions and climbs past ten nats in 64."),
    "11_dilution": (dilution, "Grainy digits of a model, and a grid of noise with one digit, whose likelihood is better."),
    "11_entropy_plane": (
        entropy_plane,
        "Sets of digits in the plane of two entropies; six classes and upside-down digits lie on one line of equal score.",
    ),
    "11_whose_score": (
        whose_score,
        "The Inception score of the same images rises with the scale of the logits and with the number of samples.",
    ),
    "11_unfair": (unfair, "Bars: 2000 blurred digits have a lower FID than 100 perfect ones; at infinite N the order is right."),
    "11_small_sets": (small_sets, "FID of perfect and blurred digits falls with N; KID stays level, with wide bars for small sets."),
    "11_circle": (circle, "Samples on eight modes, and samples on the whole circle: the same KID, another precision."),
    "11_outlier": (outlier, "One real point far from a cluster has a huge ball, in which a cloud of garbage lies."),
    "11_resizing": (resizing, "The same digits, softened by averaging or jagged by dropping pixels, each with its FID to the originals."),
    "11_marked": (marked, "Digits with a white square in the corner: the classifier's FID stays, that of pixels rises by half or more."),
    "11_equals": (equals, "Three rows of ten dots: the winner leads where it was chosen; its fresh samples are average."),
    "11_averages_win": (averages_win, "Forty sharp real digits and forty smeared averages of digits, which score higher."),
    "11_ten_images": (ten_images, "Three equal rows of the ten digits, each class always the same image."),
    "11_two_terms": (
        two_terms,
        "Three pairs of clouds with arrows from blue to orange: all alike for a shift, in all directions for a turn.",
    ),
    "11_bias": (bias, "FID of a perfect generator falls towards zero as N grows; KID stays around zero."),
    "11_equal_moments": (
        equal_moments,
        "Eight clusters and a round cloud of the same moments; features of digits in arms and a cloud that fills the space between.",
    ),
    "11_balls": (balls, "Balls around real points hold the generated ones; balls around generated points miss one of two real clusters."),
    "11_copies": (copies, "Two histograms: noisy copies lie at small distances from the training set, held-out digits farther off."),
    "11_failures": (failures, "Four panels of curves: how FID, Inception score, precision and recall react to four failures."),
}
