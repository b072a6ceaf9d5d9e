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
# | time | 1 min 50 s | not measured |
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
from scipy.stats import ttest_ind
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch.nn import functional as F

from course_lib import data, metrics
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.metrics import spoil
from course_lib.training import profile
from course_lib.viz import ACCENTS, GENERATED, REAL, draw_images, draw_points, explore, image_grid, show
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
# Nine right out of twelve is what a coin reaches in one game out of fourteen. A human study is this quiz with many people, equal shares, random order, a fixed time to look, and an
# interval beside the result ([HYPE](https://arxiv.org/abs/1904.01121), Zhou et al. 2019). It notices what no network was trained to see. It does not notice what is *missing*, nor what was copied: a model that hands out
# its training images passes every such test. This lesson asks what the metrics of a set can say beyond one number,
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
    axes.set(aspect="equal", xlim=(-4.5, 4.5), ylim=(-2.7, 2.3), title=f"precision {found.precision:.2f}   recall {found.recall:.2f}")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_balls,
    alt="Blue balls around two clusters of real points; orange samples lie on the right cluster only, nearly all of them inside balls.",
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
claim("dropping four of the ten classes lowers recall by at least 0.3", clean.recall - dropped.recall, at_least=0.3)
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
    own = torch.cdist(b, a) <= torch.cdist(b, b).kthvalue(4).values[:, None]
    if abs(got - own.any(1).double().mean()) < 1e-9:
        return "your balls lie around the generated points; they belong to the real ones, with radii among the real ones"
    if not abs(got - want.precision) <= 1e-9:
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
# The mirror image happens to recall: *generated* samples that lie far apart have huge balls, which swallow the real points. In lesson 11a a Gaussian cloud had a precision below 0.1, a recall near 0.9, and a coverage of 0.02.
# Coverage uses real balls only, and a model cannot blow those up.
#
# **What is a perfect score?** Not 1. Precision and recall of two sets of one distribution depend on the data and on $k$: read them beside those of real digits. The other two have a value that can be computed. Take one real point,
# its $N-1$ fellows and $M$ generated points. If all come from one distribution, each order of their distances is equally likely. A given generated point is among the $k$ nearest of itself and the fellows with chance $k/N$, so the
# density is 1 on average; the ball stays empty when the $k$ nearest of all $N-1+M$ are fellows (Naeem et al. 2020):
#
# $$\mathbb E[\text{density}] = 1,\qquad \mathbb E[\text{coverage}] = 1-\prod_{i=0}^{k-1}\frac{N-1-i}{N-1+M-i}\ \approx\ 1-2^{-k}\ \text{ for } M = N. \tag{1}$$
#
# With $k=3$ a coverage of 0.875 is perfect. That is why Naeem et al. take $k=5$.

# %%
expected = {k: 1 - np.prod([(n - 1 - i) / (2 * n - 1 - i) for i in range(k)]) for k in (1, 3, 5)}
fresh = {k: metrics.precision_recall(real_features, honest_features, k) for k in expected}
missed = max(abs(fresh[k].coverage - expected[k]) for k in expected)
claim("equation (1) predicts the coverage of real digits, k = 1, 3, 5", missed, at_most=profile(smoke=0.15, cpu=0.05, gpu=0.05))
claim("... and their density is 1", fresh[5].density, 0.85, 1.15)

# %% [markdown]
# ### 2.2 A curve instead of two numbers
#
# The first precision and recall of this kind (Sajjadi et al. 2018, [arXiv:1806.00035](https://arxiv.org/abs/1806.00035)) were a *curve*, PRD. Sort the features of both sets into cells by k-means; let $p$ be the histogram of the real ones and $q$ that of the
# generated ones. For each exchange rate $\lambda > 0$ of the one against the other,
#
# $$\text{precision}(\lambda) = \sum_\omega \min\big(\lambda\,p_\omega, q_\omega\big),\qquad \text{recall}(\lambda) = \sum_\omega \min\big(p_\omega, q_\omega/\lambda\big). \tag{2}$$
#
# For large $\lambda$ the precision becomes the mass of $q$ in cells where there is real data, for small $\lambda$ the recall that of $p$ in cells that the model reaches. Equal histograms give the corner (1, 1). A histogram also
# sees *weights*: a model that reaches all classes, but some too rarely, loses here and keeps its balls. Its price are the cells, of which nobody knows how many to take.


# %% tags=["nbval-ignore-output"]
def prd(real_set, generated_set, cells=20):
    """Equation (2): (recall, precision), (201,) each, over k-means cells of both sets together."""
    together = torch.cat([real_set, generated_set]).numpy()
    labels = KMeans(cells, n_init=1, random_state=0).fit_predict(together)
    p, q = (np.bincount(part, minlength=cells) / len(part) for part in np.split(labels, [len(real_set)]))
    rate = np.tan(np.linspace(0.001, np.pi / 2 - 0.001, 201))[:, None]  # lambda, evenly by angle
    return np.minimum(p, q / rate).sum(1), np.minimum(rate * p, q).sum(1)


rare = torch.cat([(learned.labels == c).nonzero()[:, 0][: n // (6 if c < 5 else 30)] for c in range(10)])  # 5 to 9 too rarely
models = {"fresh digits": honest_features, "six classes": ruler(spoil(honest.images, honest.labels, "drop classes", 0.5))}
models |= {"five classes rare": learned_features[rare], "noise": ruler(spoil(honest.images, honest.labels, "noise", 0.3))}
curves = {name: prd(real_features, features) for name, features in models.items()}
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for (name, curve), colour in zip(curves.items(), (REAL, *ACCENTS), strict=False):
    axes.plot(*curve, color=colour, label=name)
axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
figure.legend(loc="outside right center")
show(figure, alt="Precision against recall: fresh digits reach the corner, six classes end at 0.6, rare classes bend in, noise is low.")

# %% [markdown]
# The model of six classes runs along the top, at full precision, and stops at the recall of what is left. The one that has all classes, but five of them too rarely, reaches both ends and cuts the corner; the recall of section 2 cannot tell it from fresh digits.

# %%
reach = {name: (recall.max(), precision.max()) for name, (recall, precision) in curves.items()}
balance = {name: (2 * recall * precision / (recall + precision)).max() for name, (recall, precision) in curves.items()}
claim("PRD: with six of ten classes the recall ends near 0.6", reach["six classes"][0], 0.5, 0.75)
claim("... at full precision", reach["six classes"][1], at_least=0.95)
claim("classes that are rare, not missing: the curve reaches both ends", min(reach["five classes rare"]), at_least=0.97)
claim("... but not the corner (F-scores' ratio)", balance["five classes rare"] / balance["fresh digits"], at_most=0.95)
balls = metrics.precision_recall(real_features, models["five classes rare"])
claim("the balls do not mind: recall of the rare classes' model", abs(balls.recall - clean.recall), at_most=0.1)

# %% [markdown]
# ### 2.3 Can anybody tell them apart?
#
# The broadest question of all is that of the quiz, put to a machine. Train a classifier to tell real from generated on one half of each set and count how often it is right on the other half. For two sets of one distribution it is right half of the
# time, however clever it is: of $m$ test points a binomial number, so that the accuracy has the standard error $1/(2\sqrt m)$, here 0.016 (a **classifier two-sample test**, Lopez-Paz and Oquab 2017,
# [arXiv:1610.06545](https://arxiv.org/abs/1610.06545)). A GAN's critic is such a judge during training. But *which* differences are found depends on the judge. Lesson 11a made a Gaussian cloud with the two moments of the digits' features; draw one again.


# %%
def two_sample(real_set, generated_set, judge):
    """Accuracy of a judge, trained on a half of both sets, on the other half: 0.5 for equal distributions."""
    x = torch.cat([real_set, generated_set]).double().numpy()
    y = np.repeat([0, 1], [len(real_set), len(generated_set)])
    order = np.random.default_rng(0).permutation(len(x))
    seen, unseen = np.split(order, 2)
    return judge.fit(x[seen], y[seen]).score(x[unseen], y[unseen])


factor = torch.linalg.cholesky(torch.cov(real_features.double().T))
white = torch.randn(n, 64, generator=torch.Generator().manual_seed(1)).double()
gaussian = real_features.double().mean(0) + white @ factor.T
judged = {"fresh digits": honest_features, "copies": learned_features[:n], "Gaussian cloud": gaussian}
linear = {name: two_sample(real_features, features, LogisticRegression(max_iter=300)) for name, features in judged.items()}
nearby = {name: two_sample(real_features, features, KNeighborsClassifier(5)) for name, features in judged.items()}

# %% tags=["nbval-ignore-output"]
for name in judged:
    print(f"{name:14} linear judge {linear[name]:.2f}   five nearest neighbours {nearby[name]:.2f}")

# %% [markdown]
# The linear judge compares little more than means and is taken in by the cloud; the neighbours are not. Neither convicts the copies: they *are* real digits. An accuracy near one half therefore says "this judge found nothing", never "nothing is there".

# %%
claim("fresh digits pass both judges", max(linear["fresh digits"], nearby["fresh digits"]), at_most=0.58)
claim("the Gaussian cloud of the digits' moments passes the linear judge", linear["Gaussian cloud"], at_most=0.6)
claim("... and is unmasked by its neighbours", nearby["Gaussian cloud"], at_least=0.75)
claim("copies of training digits pass", nearby["copies"], at_most=0.58)

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

# %% [markdown]
# It does: blur multiplies the honest distance by five at the finest scale, by two at the next. Noise is farther still at the finest and invisible at the next, because the pyramid averages it away. FID said neither.

# %%
claim("both failures show at the finest scale", min(scales["blur"][28], scales["noise"][28]) / scales["honest"][28], at_least=1.5)
claim("at the coarser one blur still shows", scales["blur"][14] / scales["honest"][14], at_least=1.4)
claim("... and noise does not", scales["noise"][14] / scales["honest"][14], at_most=1.4)

# %% [markdown]
# **One image.** SinGAN learns from a single picture, so there is no *set* of real images. Shaham et al. (2019) take the positions of a feature map as
# the samples and call the Fréchet distance between two maps SIFID. Theirs are the maps just before Inception's second pooling; offline we use 64 maps of fixed
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
# Hand out the **training set** as "generated". FID is as good as it gets, precision and recall are those of real data: no distance between the *sets* can object, since the samples are real data. Two checks do.
#
# The first is the eye: beside each sample, its nearest training image. The second is a number. A fresh real image has some distance to its nearest
# training image. If samples are *systematically nearer*, they were copied. The chance that a sample is nearer than a held-out real image should be
# one half (Meehan et al. 2020). Our pupils: a copier, an honest set, and the mixture of Gaussians defined above, which is far from copying: its samples lie off the data, and the chance is near 0.

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
# **One number for all samples can be fooled again.** Let half of the samples be copies, chance 1, and the other half poor, chance near 0: on average that is one half, like honesty. Meehan et al. therefore compare region by region. Simpler still: look at the
# small distances alone. Nearer than 99 % of the held-out images should be 1 % of the samples.

# %%
disguised = torch.cat([ruler(pupils["copier"][: n // 2]), ruler(made[: n // 2])])  # half copies, half mixture
nearer = metrics.nearest(honest_features, learned_features)[0].quantile(0.01)
too_near = {
    name: (metrics.nearest(features, learned_features)[0] < nearer).double().mean().item()
    for name, features in (("disguised", disguised), ("honest", real_features))
}
average = metrics.copying(disguised, learned_features, honest_features)
claim("half copies, half poor samples: the copying statistic looks honest", average, 0.4, 0.65)
claim("... but half of the samples are nearer than 99 % of held-out digits", too_near["disguised"], at_least=0.45)
claim("... of fresh digits hardly any", too_near["honest"], at_most=0.05)

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
# From the mixture: a class of digits is no ellipsoid in the space of pixels, and a Gaussian that covers several shapes also draws what lies between them. The classifier agrees: it hesitates over such samples far more often than over real digits.

# %%
unsure = {
    name: (classifier.head(ruler(images)).softmax(1).amax(1) < 0.9).double().mean().item()
    for name, images in (("real", real.images), ("mixture", made))
}
claim("the classifier is less than 90 % sure more often (difference of shares)", unsure["mixture"] - unsure["real"], at_least=0.1)

# %% [markdown]
# ## 7. The pipeline is part of the metric
#
# The Inception network of published FIDs takes images of 299 by 299 pixels, so that every other size is resized first. Does it matter how? Two groups measure **the same images**. One shrinks them by taking every second pixel, the other by a filter that averages first; both then enlarge them
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
# edges. Which of the two is nearer is not the point; that the number moves is.
#
# Parmar et al. (2022) found the same in published code, along with JPEG compression and libraries that differ in "bilinear". Numbers of two papers are comparable
# only when all of these agree: the network and its weights, the resizing, the number format, $N$ on both sides, the reference split, and the seed-to-seed spread.
# Otherwise, run both models through one pipeline yourself.
#
# ### 7.1 So is the network
#
# A network does not see what it was trained to ignore. Ours tells digits apart, and no digit ever reached a corner of its image. Put a white square of two by two pixels into one corner of *every* image: what does its FID say, and what does that of the plain pixels?

# %%
networks = {"digit classifier": ruler, "pixels": metrics.pixel_features()}
marked = honest.images.clone()
marked[:, :, 1:3, 1:3] = 1
changed = {"fresh": honest.images, "marked": marked}
by_network = {
    name: {how: metrics.frechet_distance(network(real.images), network(images)) for how, images in changed.items()}
    for name, network in networks.items()
}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(7, 1.1), layout="constrained")
draw_images(axes, marked[:12], 12, "   ".join(f"{name}: FID {v['fresh']:.1f} to {v['marked']:.1f}" for name, v in by_network.items()))
show(
    figure,
    alt="Twelve digits, each with a small white square in its upper left corner; the classifier's FID hardly moves, that of pixels more than doubles.",
)

# %%
rises = {name: found["marked"] - found["fresh"] for name, found in by_network.items()}
claim("a mark on every image costs less than 1 on the classifier's FID, a tenth of what blur costs", rises["digit classifier"], -1, 1)
claim("... and 4 pixels x 2 squared = 16 on that of pixels", rises["pixels"], 15, 17)

# %% [markdown]
# Everybody sees the mark at once; the classifier does not look there. Pixels do, but they punish a shift by two pixels, down and to the right, more than a blur by one (FID 117 against 46; for the classifier 14 and 11). Each network measures what *it* looks at. The published FID looks for what tells the 1000 classes of ImageNet apart, whatever the images show. Kynkäänniemi et al. (2023,
# [arXiv:2203.06026](https://arxiv.org/abs/2203.06026)) lowered the FID of a model of faces without making one better face, by picking samples in which Inception finds the ImageNet classes of the data. Stein et al. (2023,
# [arXiv:2306.04675](https://arxiv.org/abs/2306.04675)) asked people, and found that features of a self-supervised network, DINOv2, agree with them better. Say which network; where much depends on it, use two.

# %% [markdown]
# ## 8. A fair comparison
#
# A number without an error bar cannot be compared. There are two spreads. The first is that of **sampling**: the same model, other samples. Half-samples estimate it without a second draw: the spread of a metric over random halves of both sets is about its
# standard error on the whole sets (the value itself is biased at half the size, its spread is not). `metrics.evaluate` prints both.

# %% tags=["nbval-ignore-output"]
print(metrics.evaluate(real.images, honest.images, ruler, halves=10))

# %% [markdown]
# The second is that of **training**. Lucic et al. (2018) asked whether GANs are created equal and found that, with an equal budget for tuning and over several seeds, most were. The same model trained
# twice gives two numbers; the best of ten runs of a poor model can beat the mean of a good one. Compare two mixtures over seeds, at an equal budget of runs.

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
# Do the *means* differ, then? Welch's interval for the difference of two means, from $R$ runs each with standard deviations $s_1$ and $s_2$, is $\bar x_1-\bar x_2 \pm t\,\sqrt{(s_1^2+s_2^2)/R}$, with $t$ about 2. To see a difference $\delta$ with a
# common $s$ one needs $R\approx 8\,s^2/\delta^2$ runs of each.

# %%
six = ttest_ind(weak[:6].numpy(), strong[:6].numpy(), equal_var=False).confidence_interval(0.95)
claim("six runs of each do not separate the two: the 95 % interval of the difference holds 0", six.low, at_most=0)

# %% tags=["nbval-ignore-output"]
needed = 4 * (weak.var() + strong.var()) / (weak.mean() - strong.mean()) ** 2
print(f"95 % interval of the difference, six runs of each: {six.low:.1f} to {six.high:.1f}; runs needed of each: about {needed:.0f}")

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
    if not abs(attempt(values, 1) - 4) <= 1e-9:
        return "the expected best of one run is the mean of all"
    if not abs(attempt(values, 4) - 1) <= 1e-9:
        return "the best of all runs, none of them drawn twice, is the smallest value"
    if not abs(attempt(values, 2) - 14 / 6) <= 1e-9:  # the minima of the six pairs are 1, 1, 1, 3, 3, 5
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
    for how, colour in zip(metrics.FAILURES, ACCENTS, strict=True):
        ax.plot(amounts, [report[name] for report in table[how]], "o-", ms=3, color=colour, label=how)
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
# - Precision asks whether samples lie where data lie, recall whether data lie where samples lie; density and coverage do so when outliers are about, and their perfect values are known.
# - Sliced distances need no Gaussian and tell scales apart; one image is a set too, that of its positions.
# - No distance between sets, and no judge of real against generated, sees a memoriser: compare nearest-neighbour distances with those of held-out data, and look.
# - A number belongs to its network, resizing, $N$, split and seeds. Compare within one pipeline, over seeds, at equal budget, with intervals.
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
# - Sajjadi et al. 2018, *Assessing generative models via precision and recall*. [arXiv:1806.00035](https://arxiv.org/abs/1806.00035)
# - Lopez-Paz and Oquab 2017, *Revisiting classifier two-sample tests*. [arXiv:1610.06545](https://arxiv.org/abs/1610.06545)
# - Zhou et al. 2019, *HYPE: a benchmark for human eye perceptual evaluation of generative models*. [arXiv:1904.01121](https://arxiv.org/abs/1904.01121)
# - Kynkäänniemi et al. 2023, *The role of ImageNet classes in Fréchet inception distance*. [arXiv:2203.06026](https://arxiv.org/abs/2203.06026)
# - Stein et al. 2023, *Exposing flaws of generative model evaluation metrics and their unfair treatment of diffusion models*. [arXiv:2306.04675](https://arxiv.org/abs/2306.04675)
