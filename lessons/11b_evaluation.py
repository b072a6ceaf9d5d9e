# %% [markdown]
# # 11b Evaluation: what goes wrong, and fair comparisons
#
# After this lesson you can
# - tell bad samples from missing ones by precision and recall, and know when to use density and coverage;
# - catch a model that memorises, one that ignores its class, and a pipeline that changes the number;
# - set up a comparison of two generative models that deserves to be believed.
#
# **You need**: lesson 11a.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 1 min 10 s | not measured |
# | peak memory | 1.1 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/11b_evaluation.ipynb) · [Slides](../slides/src/11_evaluation.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import warnings
from math import comb

import numpy as np
import torch
from ipywidgets import Checkbox, Dropdown, IntSlider, Text
from matplotlib import pyplot as plt
from matplotlib.patches import Circle
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from course_lib import data, metrics
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.metrics import spoil
from course_lib.training import profile
from course_lib.viz import GENERATED, REAL, draw_images, draw_points, explore, image_grid, show
from course_lib.weights import load_pretrained
from course_lib.weights.ruler import digit_features

warnings.simplefilter("ignore", ConvergenceWarning)  # a few rounds of EM are enough for the mixtures below

# %% [markdown]
# ## 1. The result first: real or generated?
#
# Human judgement is the metric that all others stand for, so take the test yourself. In each game six of the twelve digits below are real and six
# are blends: a training digit and its nearest neighbour, blurred a little, averaged and sharpened again. Type the numbers of the generated ones, then ask for the solution.

# %%
n = profile(smoke=200, cpu=1000, gpu=1000)
real = data.digits("test")  # sorted by class
train = data.digits("train")
rng = torch.Generator().manual_seed(0)
real = real.where(torch.randperm(1000, generator=rng)[:n])
train = train.where(torch.randperm(4000, generator=rng))
honest = train.where(torch.arange(4000) < n)  # n real images that play the part of a perfect generator
ruler = digit_features()
real_features, honest_features = ruler(real.images), ruler(honest.images)  # (n, 64) each
learned = train.where(torch.arange(4000) >= n)  # what models may see; `honest` is held back from them
learned_features = ruler(learned.images)


# %%
def mixture(components, seed, dims=40, kind="full"):
    """n images from a Gaussian mixture fitted to `dims` principal components of the digits that it may see."""
    flat = learned.images.flatten(1).double().numpy()
    pca = PCA(dims, random_state=0).fit(flat)
    model = GaussianMixture(
        components, covariance_type=kind, random_state=seed, reg_covar=0.01, max_iter=10, tol=1e-1, init_params="random_from_data"
    )
    samples = model.fit(pca.transform(flat)).sample(n)[0]
    images = torch.from_numpy(pca.inverse_transform(samples)).float().clamp(-1, 1).view(-1, 1, 28, 28)
    return images[torch.randperm(n, generator=torch.Generator().manual_seed(seed))]


def blends(count):
    """(count, 1, 28, 28): training digits, each averaged with its nearest neighbour."""
    images = learned.images[:count]
    distance = torch.cdist(images.flatten(1), learned.images.flatten(1))
    partner = learned.images[distance.topk(2, largest=False).indices[:, 1]]  # the first is the digit itself
    both = spoil((images + partner) / 2, None, "blur", 0.35)
    return torch.tanh(4 * (both + 0.15)).clamp(-1, 1)


made, puzzles = mixture(40, seed=0), blends(300)  # (n, 1, 28, 28), (300, 1, 28, 28)


# %%
def draw_quiz(game=1, generated="", solution=False):
    """Twelve digits, those the reader suspects marked; with the solution, who is who and the reader's score."""
    suspects = {int(word) for word in generated.replace(",", " ").split() if word.isdigit()}
    g = torch.Generator().manual_seed(game)
    truth = torch.randperm(12, generator=g) < 6  # True: generated
    picks = torch.randint(min(n, 300), (2, 12), generator=g)
    images = torch.where(truth[:, None, None, None], puzzles[picks[0]], real.images[picks[1]])
    figure, axes = plt.subplots(2, 6, figsize=(6.5, 2.9), layout="constrained")
    for number, (ax, image) in enumerate(zip(axes.flat, images, strict=True), 1):
        verdict = (" generated" if truth[number - 1] else " real") if solution else " ?" * (number in suspects)
        draw_images(ax, image[None], 1, f"{number}{verdict}")
        if solution:
            ax.title.set_color(GENERATED if truth[number - 1] else REAL)
    if solution:
        right = sum((number in suspects) == bool(truth[number - 1]) for number in range(1, 13))
        figure.suptitle(f"{right} of 12 right")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_quiz,
    alt="Twelve numbered digits, some written by hand and some blended by a computer; which are which is the question.",
    game=IntSlider(value=1, min=1, max=20),
    generated=Text(placeholder="for instance 1 4 7"),
    solution=Checkbox(value=False),
)

# %% [markdown]
# Nine right out of twelve is what a coin reaches in one game out of fourteen. This lesson asks what the metrics of a set can say beyond one number,
# as lesson 11a gave it: what failed, whether it was copied, and whether the comparison was fair.

# %% [markdown]
# ## 2. Precision and recall: is it the samples or the coverage?
#
# One number cannot say *how* a model fails. Kynkäänniemi et al. (2019) draw around each sample the ball that reaches to its
# $k$-th nearest neighbour in its own set. The union of the balls stands for the support of the distribution.
#
# - **Precision**: the share of generated samples inside some real ball. Are the samples good?
# - **Recall**: the share of real samples inside some generated ball. Are they all there?


# %%
def draw_balls(failure="a mode is dropped", k=3, real_balls=True):
    """Balls of one set, and which points of the other lie inside."""
    g = torch.Generator().manual_seed(3)
    points = data.toy2d("two_gaussians", 60, g)
    made = data.toy2d("two_gaussians", 60, g)
    if failure == "a mode is dropped":
        made[:, 0] = made[:, 0].abs()
    elif failure == "samples are spread out":
        made = made + 1.3 * torch.randn(60, 2, generator=g)
    inner, outer = (points, made) if real_balls else (made, points)
    radii = torch.cdist(inner, inner).kthvalue(k + 1).values
    inside = (torch.cdist(outer, inner) <= radii).any(1)
    figure, axes = plt.subplots(figsize=(7, 3.1), layout="constrained")
    colours = (REAL, GENERATED) if real_balls else (GENERATED, REAL)
    for centre, radius in zip(inner.tolist(), radii.tolist(), strict=True):
        axes.add_patch(Circle(centre, radius, color=colours[0], alpha=0.08, lw=0))
    axes.scatter(*inner.T, s=8, color=colours[0])
    axes.scatter(*outer[inside].T, s=26, color=colours[1], label="inside a ball")
    axes.scatter(*outer[~inside].T, s=26, marker="x", color=colours[1], label="outside")
    found = metrics.precision_recall(points, made, k)
    axes.set(aspect="equal", xlim=(-5, 5), ylim=(-2.3, 2.3), title=f"precision {found.precision:.2f}   recall {found.recall:.2f}")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_balls,
    alt="Blue balls around two clusters of real points; orange samples lie on the right cluster only, all of them inside balls.",
    failure=Dropdown(options=("a mode is dropped", "samples are spread out", "none"), value="a mode is dropped"),
    k=IntSlider(value=3, min=1, max=10),
    real_balls=Checkbox(value=True, description="balls around real points (else around generated ones)"),
)

# %% [markdown]
# Take the tick away to see recall: the real points of the lost mode are crosses, outside all generated balls. On digits the same two failures,
# classes dropped and noise added, separate cleanly:

# %%
dropped = metrics.precision_recall(real_features, ruler(spoil(honest.images, honest.labels, "drop classes", 0.5)))
noisy = metrics.precision_recall(real_features, ruler(spoil(honest.images, honest.labels, "noise", 0.6)))
clean = metrics.precision_recall(real_features, honest_features)
claim("dropping classes leaves precision as it is", abs(dropped.precision - clean.precision), at_most=0.1)
claim("dropping four or five of ten classes lowers recall by at least 0.3", clean.recall - dropped.recall, at_least=0.3)
claim("noise lowers precision by at least 0.2", clean.precision - noisy.precision, at_least=0.2)
distance = NearestNeighbors(n_neighbors=4).fit(real_features.double()).kneighbors(real_features.double())[0][:, 3]
inside = torch.cdist(honest_features.double(), real_features.double()) <= torch.from_numpy(distance)
claim("precision is that of scikit-learn's neighbours", abs(inside.any(1).double().mean() - clean.precision), at_most=0.002)

# %% [markdown]
# ### Exercise 11.4 Precision from distances
#
# Write the precision: real (N, D), generated (M, D). `torch.cdist` gives all distances; a point is its own nearest neighbour, at distance 0.


# %%
def precision(real, generated, k):
    """The share of generated points inside the ball of some real point, which reaches to its k-th neighbour."""
    ### BEGIN SOLUTION
    radii = torch.cdist(real, real).kthvalue(k + 1).values  # the first is the point itself
    return (torch.cdist(generated, real) <= radii).any(1).double().mean().item()
    ### END SOLUTION


# %%
@exercise("11.4")
def check_precision(attempt):
    a = torch.randn(60, 2, generator=torch.Generator().manual_seed(0)).double()
    b = 1.5 * torch.randn(80, 2, generator=torch.Generator().manual_seed(1)).double()
    want, got = metrics.precision_recall(a, b, 3), float(attempt(a, b, 3))
    if abs(got - want.recall) < 1e-9:
        return "this is the recall: the balls belong to the real points"
    if abs(got - metrics.precision_recall(a, b, 2).precision) < 1e-9:
        return "your balls reach to the neighbour k - 1: a point is its own nearest neighbour, at distance 0"
    if abs(got - want.precision) > 1e-9:
        return f"expected {want.precision:.4f}, got {got:.4f}"


check_precision(precision)

# %% [markdown]
# ### 2.1 One outlier, and what density and coverage do about it
#
# A single real point far away has a huge ball, and every sample that falls into it counts as precise. Naeem et al. (2020) therefore *count*
# balls: **density** is the mean number of real balls around a sample, over $k$; **coverage** is the share of real balls that hold a sample.

# %%
cluster = torch.randn(200, 2, generator=rng)
outlier = torch.cat([cluster, torch.tensor([[9.0, 0.0]])])  # one real point far away
garbage = torch.tensor([6.0, 0.0]) + 0.8 * torch.randn(200, 2, generator=rng)  # samples where almost nothing is real
before, after = metrics.precision_recall(cluster, garbage), metrics.precision_recall(outlier, garbage)
claim("one outlier lifts the precision of garbage from below 0.05", before.precision, at_most=0.05)
claim("... to above 0.9", after.precision, at_least=0.9)
claim("density stays low", after.density, at_most=0.4)
claim("coverage stays low", after.coverage, at_most=0.05)

# %% [markdown]
# ## 3. Slices, scales, and a single image
#
# **Sliced Wasserstein.** In one dimension optimal transport is sorting. Project both sets on random directions, sort, and average: no Gaussian
# assumption and no network are needed. Karras et al. (2018) apply it to patches of a Laplacian pyramid, so that the result says at which *scale* two sets
# of images differ. Blur takes away fine detail; does the table say so?

# %%
scales = {
    how: metrics.patch_sliced_wasserstein(real.images[:300], images[:300], generator=torch.Generator().manual_seed(0))
    for how, images in (
        ("honest", honest.images),
        ("blur", spoil(honest.images, honest.labels, "blur", 0.5)),
        ("noise", spoil(honest.images, honest.labels, "noise", 0.5)),
    )
}

# %% tags=["nbval-ignore-output"]
for how, by_level in scales.items():
    print(f"{how:8}", "  ".join(f"{level} pixels: {value:.3f}" for level, value in by_level.items()))

# %%
claim("both failures show at the finest scale", min(scales["blur"][28], scales["noise"][28]) / scales["honest"][28], at_least=1.5)

# %% [markdown]
# **One image.** SinGAN learns from a single picture, so there is no *set* of real images. Shaham et al. (2019) take the positions of a feature map as
# the samples and call the Fréchet distance between two maps SIFID. Theirs are the first 64 maps of Inception; offline we use 64 maps of fixed
# random filters, which already hold much of what makes a texture (and we say so beside the number).

# %%
brick, grass = data.texture("brick"), data.texture("grass")
piece = brick[:, :192, :192]
others = {
    "elsewhere": brick[:, 256:448, 256:448],
    "turned": piece.rot90(1, (1, 2)),
    "shuffled": piece.flatten(1)[:, torch.randperm(192 * 192, generator=rng)].view_as(piece),
    "grass": grass[:, :192, :192],
}
sifid = {name: metrics.single_image_fid(piece, other) for name, other in others.items()}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 5, figsize=(9, 2.1), layout="constrained")
draw_images(axes[0], piece[None], 1, "brick")
for ax, (name, other) in zip(axes[1:], others.items(), strict=True):
    draw_images(ax, other[None], 1, f"{name}: {sifid[name]:.2g}")
show(
    figure,
    alt="A piece of brick wall; another piece is nearest, the piece turned is farther, grass and shuffled pixels are farthest.",
)

# %%
claim("another piece of the wall is nearer than the wall turned", sifid["elsewhere"] / sifid["turned"], at_most=0.9)
claim("... and than grass or shuffled pixels", sifid["elsewhere"] / min(sifid["grass"], sifid["shuffled"]), at_most=0.5)

# %% [markdown]
# ## 4. The blind spot that they share: memory
#
# Hand out the **training set** as "generated". FID is as good as it gets, precision and recall are those of real data: no metric that
# compares with training or test images in one way can see it. Two checks do.
#
# The first is the eye: beside each sample, its nearest training image. The second is a number. A fresh real image has some distance to its nearest
# training image. If samples are *systematically nearer*, they were copied. The chance that a sample is nearer than a held-out real image should be
# one half (Meehan et al. 2020). Our pupils: a copier, an honest set, and the mixture of Gaussians defined above.

# %%
pupils = {"copier": learned.images[:n], "honest": real.images, "mixture": made}
reports = {name: metrics.evaluate(honest.images, images, ruler, halves=0) for name, images in pupils.items()}
copied = {name: metrics.copying(ruler(images), learned_features, honest_features) for name, images in pupils.items()}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 3, figsize=(9.5, 2.1), layout="constrained")
for ax, (name, images) in zip(axes, pupils.items(), strict=True):
    nearest = metrics.nearest(ruler(images[:10]), learned_features)[1]
    title = f"{name}: FID {reports[name]['FID']:.1f}, copying {copied[name]:.2f}"
    draw_images(ax, torch.cat([images[:10], learned.images[nearest]]), 10, title)
show(figure, alt="Three pairs of rows: ten samples above their nearest training digits. The copier's rows are equal, the others' are not.")

# %%
claim("a copier of the training set has a FID near that of fresh digits", reports["copier"]["FID"] / reports["honest"]["FID"], at_most=2.5)
claim("... and far below the mixture's", reports["mixture"]["FID"] / reports["copier"]["FID"], at_least=profile(smoke=2, cpu=5, gpu=5))
claim("... and an honest recall", reports["copier"]["recall"] - reports["honest"]["recall"], at_least=-0.1)
claim("the copying statistic catches it", copied["copier"], at_least=0.99)
claim("... and is near one half for fresh digits", copied["honest"], 0.4, 0.6)

# %% [markdown]
# ### Exercise 11.5 Catch a memoriser that hides
#
# This one adds a little noise to each copied image, so that no sample *equals* a training image. Decide from distances alone, with
# `metrics.nearest(points, among)`, which returns the distance of each point to its nearest neighbour and where that is.


# %%
def is_memoriser(samples, training, held_out):
    """True when samples (N, D) lie nearer to training (M, D) than held-out real data (L, D) do, by the median distance."""
    ### BEGIN SOLUTION
    return metrics.nearest(samples, training)[0].median() < 0.7 * metrics.nearest(held_out, training)[0].median()
    ### END SOLUTION


# %%
@exercise("11.5")
def check_is_memoriser(attempt):
    flat = learned.images[:1500].flatten(1)
    held, fresh = honest.images.flatten(1), real.images.flatten(1)
    hidden = flat[:200] + 0.1 * torch.randn(200, 784, generator=torch.Generator().manual_seed(0))
    if not attempt(hidden, flat, held):
        return "copies with noise of 0.1 a pixel pass: compare their median distance to the training set with that of held-out data"
    if attempt(fresh, flat, held):
        return "fresh real digits are taken for copies: leave some room, held-out data differ a little from set to set"


check_is_memoriser(is_memoriser)

# %% [markdown]
# ## 5. Conditional models: does it draw what was asked?
#
# A model that is given a class can be perfect by FID and ignore the class. So an independent classifier reads what was asked for. Below, a "model" obeys
# for a share of the requests and hands out any digit otherwise. Its FID cannot tell, its **class accuracy** can.

# %%
classifier = load_pretrained("digits_classifier")
obedience = (1.0, 0.6, 0.2)
accuracy, fid_by = [], []
for share in obedience:
    ignored = (torch.rand(n, generator=rng) > share).nonzero()[:, 0]
    source = torch.arange(n)
    source[ignored] = ignored[torch.randperm(len(ignored), generator=rng)]  # these requests get each other's images
    answers = honest_features[source]
    accuracy.append((classifier.head(answers).argmax(1) == honest.labels).double().mean().item())
    fid_by.append(metrics.frechet_distance(real_features, answers))
claim("class accuracy follows obedience", max(abs(a - s - (1 - s) / 10) for a, s in zip(accuracy, obedience, strict=True)), at_most=0.06)
claim("FID does not notice", max(fid_by) - min(fid_by), at_most=1e-6)

# %% [markdown]
# ## 6. Look at the features
#
# Before trusting any number, draw the features. PCA is linear and keeps distances that are large; t-SNE keeps neighbours and invents the rest: the sizes
# of its clusters and the gaps between them mean nothing. Here are real digits and the mixture of Gaussians defined above. Where do the samples between
# the clusters come from?

# %%
few = min(n, 400)
both = torch.cat([real_features[:few], ruler(pupils["mixture"][:few])])
views = {"PCA": PCA(2).fit_transform(both), "t-SNE": TSNE(init="pca", perplexity=30, max_iter=400, random_state=0).fit_transform(both)}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for ax, (name, view) in zip(axes, views.items(), strict=True):
    view = torch.from_numpy(view)
    draw_points(ax, view[:few], view[few:], size=9)
    ax.set(xticks=[], yticks=[], title=name, aspect="auto")
figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right center")
show(figure, alt="Two views of features: ten blue clusters of real digits with orange samples on them and, many, between them.")

# %% [markdown]
# ## 7. The pipeline is part of the metric
#
# Two groups measure **the same images**. One shrinks them by taking every second pixel, the other by a filter that averages first; both then enlarge them
# for the network. Nothing was generated, and yet:


# %%
def resize(images, antialias):
    """(N, 1, 28, 28) halved and doubled again."""
    small = images[..., ::2, ::2]
    if antialias:
        small = F.interpolate(images, (14, 14), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(small, (28, 28), mode="bilinear", align_corners=False)


resized = {
    "as it is": real.images,
    "anti-aliased": resize(real.images, True),
    "every second pixel": resize(real.images, False),
}
pipeline = {name: metrics.frechet_distance(real_features, ruler(images)) for name, images in resized.items()}

# %% tags=["nbval-ignore-output"]
titles = [f"{name}: FID {value:.1f}" for name, value in pipeline.items()]
show(
    image_grid([images[:18] for images in resized.values()], titles, columns=6),
    alt="Eighteen digits as they are, resized with anti-aliasing, softer and greyer, and by every second pixel, jagged; each with its FID.",
)

# %%
claim("identical images have FID 0", pipeline["as it is"], at_most=1e-6)
factor = pipeline["anti-aliased"] / pipeline["every second pixel"]
claim("the choice of resizing alone changes FID by a factor of 2 or more", max(factor, 1 / factor), at_least=2)

# %% [markdown]
# The filter that image processing calls right is the *farther* one here: averaging turns thin strokes grey, and this network minds that more than jagged
# edges. Which is nearer depends on the network; that the number moves does not.
#
# Parmar et al. (2022) found the same in published code, along with JPEG compression and libraries that differ in "bilinear". Numbers of two papers are comparable
# only when all of these agree: the network and its weights, the resizing, the number format, $N$ on both sides, the reference split, and the seed-to-seed spread.
# Otherwise, run both models through one pipeline yourself.

# %% [markdown]
# ## 8. A fair comparison
#
# Lucic et al. (2018) asked whether GANs are created equal and found that, with an equal budget for tuning and over several seeds, most were. The same model trained
# twice gives two numbers; the best of ten runs of a poor model beats the mean of a good one. Compare two mixtures over seeds, at an equal budget of runs.

# %%
seeds = range(profile(smoke=2, cpu=6, gpu=20))
contenders = {"12 components": 12, "16 components": 16}
fair = {
    name: [metrics.frechet_distance(honest_features, ruler(mixture(components, seed))) for seed in seeds]
    for name, components in contenders.items()
}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(6.5, 2.2), layout="constrained")
for row, values in enumerate(fair.values()):
    axes.scatter(values, np.full(len(values), row), color=GENERATED, s=20, alpha=0.7)
    axes.errorbar(np.mean(values), row + 0.25, xerr=np.std(values, ddof=1), color="#222222", marker="o", capsize=3)
axes.set(yticks=range(len(fair)), yticklabels=list(fair), ylim=(-0.5, 1.6), xlabel="FID over seeds (black: mean and standard deviation)")
show(
    figure,
    alt="Two rows of dots, the FID of two mixtures over six seeds; the rows overlap, so that a single run could rank them either way.",
)

# %%
weak, strong = (torch.tensor(values) for values in fair.values())
claim("the best run of the weaker model beats some run of the stronger one", strong.max() - weak.min(), at_least=0)

# %% [markdown]
# What a comparison needs: one pipeline for all; equal budgets for tuning; several seeds, with mean and spread, never the best; the checkpoint chosen on validation data,
# not on the metric that is reported; samples that were not picked; and more than one metric.

# %% [markdown]
# ### Exercise 11.6 The best of m runs
#
# Papers that report the best run report their budget. Given the FIDs of all runs, compute the *expected* best of $m$ of them, drawn without
# replacement. (Sort; the $i$-th smallest, counted from 0, is the best of the draw in $\binom{R-1-i}{m-1}$ of the $\binom Rm$ draws of $m$ from $R$ runs.)


# %%
def expected_best(values, m):
    """The mean, over all choices of m of the values, of their minimum."""
    ### BEGIN SOLUTION
    runs = len(values)
    return sum(value * comb(runs - 1 - i, m - 1) for i, value in enumerate(sorted(values))) / comb(runs, m)
    ### END SOLUTION


# %%
@exercise("11.6")
def check_expected_best(attempt):
    values = [5.0, 1.0, 3.0, 7.0]
    if abs(attempt(values, 1) - 4) > 1e-9:
        return "the expected best of one run is the mean of all"
    if abs(attempt(values, 4) - 1) > 1e-9:
        return "the best of all runs is the smallest value"
    if abs(attempt(values, 2) - 14 / 6) > 1e-9:  # the minima of the six pairs are 1, 1, 1, 3, 3, 5
        return f"for two of the values 1, 3, 5, 7 the mean of the six minima is wanted, got {attempt(values, 2):.4f}"


check_expected_best(expected_best)

# %% [markdown]
# ## 9. Every metric against every failure
#
# The last picture puts the lesson together. Each failure grows from left to right. A good metric rises or falls all the way; a blind one stays flat.

# %%
amounts = (0.0, 0.25, 0.5, 0.75, 1.0)
table = {
    how: [metrics.evaluate(real.images, spoil(honest.images, honest.labels, how, a), ruler, halves=0) for a in amounts]
    for how in metrics.FAILURES
}

# %% tags=["nbval-ignore-output"]
shown = ("FID", "KID", "Inception score", "precision", "recall", "coverage")
figure, axes = plt.subplots(2, 3, figsize=(9.5, 4.2), layout="constrained", sharex=True)
for ax, name in zip(axes.flat, shown, strict=True):
    for how in metrics.FAILURES:
        ax.plot(amounts, [report[name] for report in table[how]], marker="o", ms=3, label=how)
    ax.set_title(f"{name} {'↓' if name in ('FID', 'KID') else '↑'}")
    if name in ("FID", "KID"):
        ax.set_yscale("symlog", linthresh=1)  # a line up to 1, a logarithm above
figure.supxlabel("amount of the failure", fontsize=10)
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
show(figure, alt="Six panels of curves: each metric against the amount of blur, noise, dropped classes and repetition.")


# %%
def steps(how, name):
    """The changes of a metric from each amount to the next."""
    return np.diff([report[name] for report in table[how]])


for how in ("blur", "noise", "drop classes"):
    claim(f"FID rises with every step of {how}", steps(how, "FID").min(), at_least=0)
    claim(f"KID rises with every step of {how}", steps(how, "KID").min(), at_least=0)
claim("the Inception score falls with every class that is dropped", steps("drop classes", "Inception score").max(), at_most=0)
claim("recall falls with every step of repetition", steps("few images", "recall").max(), at_most=0)
few_images = [report["Inception score"] for report in table["few images"][:4]]
claim("the Inception score hardly sees that three images in four are repeats", max(few_images) - min(few_images), at_most=0.6)
lost = [report["precision"] for report in table["drop classes"]]
claim("precision does not see dropped classes, at any amount", max(lost) - min(lost), at_most=0.15)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Precision asks whether samples lie where data lie, recall whether data lie where samples lie; density and coverage do so when outliers are about.
# - Sliced distances need no Gaussian and tell scales apart; one image is a set too, that of its positions.
# - No distance to real data sees a memoriser: compare nearest-neighbour distances with those of held-out data, and look.
# - A number belongs to its network, resizing, $N$, split and seeds. Compare within one pipeline, over seeds, at equal budget.
# - Try a metric on failures that you make yourself before you trust it with one that you cannot see.
#
# ## References
#
# - Kynkäänniemi et al. 2019, *Improved precision and recall metric for assessing generative models*. [arXiv:1904.06991](https://arxiv.org/abs/1904.06991)
# - Naeem et al. 2020, *Reliable fidelity and diversity metrics for generative models*. [arXiv:2002.09797](https://arxiv.org/abs/2002.09797)
# - Karras et al. 2018, *Progressive growing of GANs for improved quality, stability, and variation*. [arXiv:1710.10196](https://arxiv.org/abs/1710.10196)
# - Shaham, Dekel, Michaeli 2019, *SinGAN: learning a generative model from a single natural image*. [arXiv:1905.01164](https://arxiv.org/abs/1905.01164)
# - Meehan, Chaudhuri, Dasgupta 2020, *A non-parametric test to detect data-copying in generative models*. [arXiv:2004.05675](https://arxiv.org/abs/2004.05675)
# - Parmar, Zhang, Zhu 2022, *On aliased resizing and surprising subtleties in GAN evaluation*. [arXiv:2104.11222](https://arxiv.org/abs/2104.11222)
# - Lucic et al. 2018, *Are GANs created equal? A large-scale study*. [arXiv:1711.10337](https://arxiv.org/abs/1711.10337)
