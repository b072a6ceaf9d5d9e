# %% [markdown]
# # 11a Evaluation: scores and distances
#
# After this lesson you can
# - say why likelihood and the eye disagree, and build a set of ten images with a perfect Inception score;
# - derive the Fréchet distance, see both its terms, and remove its bias in the sample size;
# - choose between FID and KID, and name what two moments cannot see.
#
# **You need**: Gaussians in several dimensions, entropy and the Kullback-Leibler divergence, a classifier's logits.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 30 s | not measured |
# | peak memory | 1.1 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/11a_evaluation.ipynb) · [Slides](../slides/src/11_evaluation.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import numpy as np
import scipy.linalg
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from matplotlib import pyplot as plt
from matplotlib.patches import Ellipse
from sklearn.cluster import KMeans
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.nn import functional as F

from course_lib import data, metrics
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.metrics import spoil
from course_lib.training import profile
from course_lib.viz import ACCENTS, GENERATED, REAL, draw_images, draw_points, explore, show
from course_lib.weights import load_pretrained
from course_lib.weights.ruler import digit_features

# %% [markdown]
# ## 1. The result first: one set of samples, eight opinions
#
# A generative model has no test accuracy. What it makes is judged by **metrics** that compare a set of samples with a set of real
# images, and each metric has a character. Below, the "generator" is honest: it hands out real digits that nobody has seen, 500 of
# them. You then spoil them. Which metrics notice? Which do not mind?
#
# All but one look at the images through a network: here the course's own digit classifier, which reads 99 % of the test digits
# correctly and gives each image 64 features.

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


# %%
BARS = ("FID", "KID", "Inception score", "precision", "recall", "density", "coverage", "sliced W2")


def draw_opinions(how="blur", amount=0.3, size=500):
    """Spoilt images and every metric of them, beside its value for the unspoilt ones."""
    size = min(size, n)
    sets = [honest.images[:size], spoil(honest.images[:size], honest.labels[:size], how, amount)]
    found = [metrics.evaluate(real.images[:size], images, ruler, halves=0) for images in sets]
    figure = plt.figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[2, 5])
    draw_images(left.subplots(), sets[1][:30], 5, f"{how}, {amount:.1f}")
    for ax, name in zip(right.subplots(2, 4).flat, BARS, strict=True):
        ax.bar(["before", "after"], [report[name] for report in found], color=[REAL, GENERATED], width=0.6)
        ax.set_title(f"{name} {'↓' if name in ('FID', 'KID', 'sliced W2') else '↑'}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_opinions,
    alt="Thirty blurred digits and eight small bar charts: blur raises FID and KID and lowers precision, recall and the Inception score.",
    how=Dropdown(options=metrics.FAILURES, value="blur"),
    amount=FloatSlider(value=0.5, min=0, max=1, step=0.1),
    size=IntSlider(value=500, min=50, max=1000, step=50),
)

# %% [markdown]
# An arrow says which way is better. Try "drop classes": precision does not move, since every image left is a perfect digit.
# Try "few images": the Inception score does not move, although the model knows almost nothing. This lesson and the next explain each reaction.

# %% [markdown]
# ## 2. Likelihood and the eye disagree
#
# A generator without a density cannot be scored by likelihood. The first papers on GANs did it all the same, by a **Parzen window**:
# put a Gaussian of width $h$ on each of $M$ samples $y_j$ and ask how likely the real test images are,
#
# $$\hat p(x) = \frac1M\sum_{j=1}^M \mathcal N\big(x;\, y_j,\, h^2 I\big), \qquad \text{score} = \frac1N\sum_{i=1}^N\log\hat p(x_i). \tag{1}$$
#
# The width is chosen on validation images. In logarithms, so that nothing underflows:


# %%
def parzen(points, centres, h):
    """Equation (1), (N,) log-densities of points (N, D) from centres (M, D)."""
    squared = torch.cdist(points, centres).square()  # (N, M)
    constant = 0.5 * points.shape[1] * np.log(2 * np.pi * h**2)
    return torch.logsumexp(-squared / (2 * h**2), 1) - np.log(len(centres)) - constant


# %%
pixels = {name: images.flatten(1).double() for name, images in (("test", real.images), ("train", train.images))}
ours = parzen(pixels["test"][:50], pixels["train"][:200], 1.0)
component = Independent(Normal(pixels["train"][:200], 1.0), 1)
theirs = MixtureSameFamily(Categorical(torch.ones(200)), component).log_prob(pixels["test"][:50])
claim("equation (1) is a mixture of torch.distributions, within 1e-6", (ours - theirs).abs().max(), at_most=1e-6)
library = metrics.parzen_log_likelihood(pixels["test"][:50], pixels["train"][:200], 1.0)
claim("equation (1) is course_lib's, within 1e-6", (ours - library).abs().max(), at_most=1e-6)

# %% [markdown]
# Two "generators" now. One hands out 1000 real training images. The other hands out 300 centroids of k-means: averages of some
# thirteen digits each (the experiment is that of Theis et al. 2016). Which one should win?

# %%
centroids = torch.from_numpy(KMeans(300, n_init=1, max_iter=10, random_state=0).fit(pixels["train"].numpy()).cluster_centers_)
rivals = {"real digits": pixels["train"][1000:2000], "centroids": centroids}
scores = {}
for name, samples in rivals.items():
    h = metrics.parzen_bandwidth(samples, pixels["train"][:500], [0.25, 0.3, 0.35, 0.4, 0.45])
    scores[name] = metrics.parzen_log_likelihood(pixels["test"], samples, h).mean().item()
repeated = centroids[torch.arange(n) % 300].float().view(-1, 1, 28, 28)  # n samples from the 300
fids = [metrics.frechet_distance(real_features, ruler(images)) for images in (train.images[1000 : 1000 + n], repeated)]

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(8, 2.4), layout="constrained")
for ax, (name, samples), fid in zip(axes, rivals.items(), fids, strict=True):
    draw_images(ax, samples[:40].float().view(-1, 1, 28, 28), 10, f"{name}: {scores[name]:.0f} nats a digit, FID {fid:.1f}")
show(figure, alt="Forty sharp real digits, with the lower Parzen score, and forty smeared averages of digits, with the higher one.")

# %% [markdown]
# The smeared averages win by some eighty nats *per image*, against real data. In 784 dimensions a Gaussian ball with its centre in
# the middle of several digits is nearer to a new digit than any one digit is. A likelihood estimated this way says little about
# samples, and the reverse holds too: a model that gives one image in a hundred a sensible density and the rest noise loses only
# $\log 100 = 4.6$ nats, while 99 of its 100 samples are noise.

# %%
claim("averages of digits beat real digits by 40 nats in the Parzen score", scores["centroids"] - scores["real digits"], at_least=40)
claim("the FID prefers the real digits", fids[1] / fids[0], at_least=1.5)

# %% [markdown]
# ## 3. The Inception score
#
# Let a classifier look at the samples. A good sample is recognised at once: $p(y\mid x)$ has low entropy. A varied set shows every
# class: the mean $p(y)=\frac1N\sum_i p(y\mid x_i)$ has high entropy. Salimans et al. (2016) put both in one number,
#
# $$\mathrm{IS} = \exp\Big(\frac1N\sum_{i=1}^N \mathrm{KL}\big(p(y\mid x_i)\,\|\,p(y)\big)\Big) = \exp\big(H(y) - H(y\mid x)\big), \tag{2}$$
#
# the exponential of the mutual information between image and class. It lies between 1 and the number of classes.


# %%
def inception_score(logits):
    """Equation (2) from logits (N, classes)."""
    log_p = logits.double().log_softmax(1)
    p = log_p.exp()
    return (p * (log_p - p.mean(0).log())).sum(1).mean().exp()


# %%
logits = {"real": ruler.logits(real.images), "noise": ruler.logits(torch.rand(n, 1, 28, 28, generator=rng) * 2 - 1)}
score = {name: inception_score(value) for name, value in logits.items()}
claim("equation (2) is course_lib's", score["real"] - metrics.inception_score(logits["real"]), -1e-9, 1e-9)
claim("real digits score near the ceiling of 10", score["real"], 9.4, 10)
claim("noise scores near the floor of 1", score["noise"], 1, 2)

# %% [markdown]
# ### 3.1 Ten images with a perfect score
#
# The formula never mentions real data. So take **one** image of each class, the one of which the classifier is surest, and
# repeat it. Every sample is sharp, every class is there, and the score is the best that exists. The same blindness explains why a model
# that memorises one image a class, or one that makes images that only the classifier takes for digits, scores well.

# %%
sure = ruler.logits(train.images).log_softmax(1)  # (4000, 10)
ten = train.images[sure.argmax(0)]  # (10, 1, 28, 28): for each class its surest image
parrot = ten[torch.arange(n) % 10]
parrot_features, parrot_logits = ruler.both(parrot)
claim("one image a class has a perfect Inception score", inception_score(parrot_logits), at_least=9.99)
claim("it beats real digits", inception_score(parrot_logits) - score["real"], at_least=0.01)
found = metrics.precision_recall(real_features, parrot_features)
claim("recall sees the fraud", found.recall, at_most=0.05)

# %% [markdown]
# ### Exercise 11.1 A perfect Inception score without a digit
#
# The parrot needed ten real images. Do without any: the score looks only at the classifier. Return ten images in $[-1,1]$, made from noise by
# gradient ascent on the classifier's own logits, whose Inception score is above 9.7. (`classifier(images)` gives logits `(B, 10)`.)


# %%
def fool(classifier, steps=120):
    """(10, 1, 28, 28) images in [-1, 1], the i-th of which the classifier surely takes for the digit i."""
    ### BEGIN SOLUTION
    start = 0.5 * torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    raw = start.requires_grad_()
    optimiser = torch.optim.Adam([raw], lr=0.1)
    for _ in range(steps):
        loss = F.cross_entropy(classifier(torch.tanh(raw)), torch.arange(10))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return torch.tanh(raw).detach()
    ### END SOLUTION


# %%
classifier = load_pretrained("digits_classifier")


@exercise("11.1")
def check_fool(attempt):
    images = attempt(classifier)
    if images.shape != (10, 1, 28, 28) or images.abs().max() > 1:
        return f"expected ten images (10, 1, 28, 28) in [-1, 1], got {tuple(images.shape)}"
    with torch.no_grad():
        value = metrics.inception_score(classifier(images))
    if value < 9.7:
        return f"their Inception score is {value:.2f}; take more steps, or larger ones"


check_fool(fool)

# %% [markdown]
# ## 4. The Fréchet distance
#
# Heusel et al. (2017) compare the *distributions of features*, and keep only two moments of each. Fit Gaussians
# $\mathcal N(\mu_1,\Sigma_1)$ and $\mathcal N(\mu_2,\Sigma_2)$ and take the cost of moving one onto the other:
# the squared 2-Wasserstein distance, the least mean squared length of the arrows of a transport $y = T(x)$.
#
# **In one dimension** the best transport keeps the order: $T(x) = \mu_2 + \frac{\sigma_2}{\sigma_1}(x-\mu_1)$, and
# $\mathbb E|T(x)-x|^2 = (\mu_1-\mu_2)^2 + (\sigma_1-\sigma_2)^2$.
#
# **In $D$ dimensions** write any coupling's cost as $|\mu_1-\mu_2|^2 + \mathrm{tr}\,\Sigma_1 + \mathrm{tr}\,\Sigma_2 - 2\,\mathrm{tr}\,C$ with cross-covariance
# $C$. The joint covariance must be non-negative, so $C = \Sigma_1^{1/2} K\,\Sigma_2^{1/2}$ with $\|K\|\le 1$, and $\mathrm{tr}\,C$ is largest when it is the
# sum of the singular values of $\Sigma_1^{1/2}\Sigma_2^{1/2}$, which is $\mathrm{tr}\,(\Sigma_1\Sigma_2)^{1/2}$:
#
# $$\mathrm{FID} = |\mu_1-\mu_2|^2 + \mathrm{tr}\big(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}\big) \qquad\text{(Dowson and Landau 1982).} \tag{3}$$
#
# Any $F$ with $FF^\top=\Sigma_1$ will do in place of the square root, for instance a Cholesky factor.


# %%
def frechet(a, b):
    """Equation (3) from features a (N, D) and b (M, D): its two terms, (mean term, covariance term)."""
    a, b = a.double(), b.double()
    means = (a.mean(0) - b.mean(0)).square().sum()
    covariances = torch.cov(a.T), torch.cov(b.T)  # (D, D), divided by N - 1
    factors = [torch.linalg.cholesky(c + 1e-10 * torch.eye(len(c))) for c in covariances]
    overlap = torch.linalg.svdvals(factors[0].T @ factors[1]).sum()  # tr (C1 C2)^(1/2)
    return means, covariances[0].trace() + covariances[1].trace() - 2 * overlap


# %%
blurred = spoil(honest.images, honest.labels, "blur", 0.5)
blurred_features = ruler(blurred)
fid = metrics.frechet_distance(real_features, blurred_features)
claim("equation (3) is course_lib's, relative to 1e-6", abs(sum(frechet(real_features, blurred_features)) / fid - 1), at_most=1e-6)
moments = [(x.double().mean(0).numpy(), np.cov(x.double().T.numpy())) for x in (real_features, blurred_features)]
root = scipy.linalg.sqrtm(moments[0][1] @ moments[1][1]).real
direct = np.square(moments[0][0] - moments[1][0]).sum() + np.trace(moments[0][1] + moments[1][1] - 2 * root)
claim("... and what scipy's square root of a matrix gives, relative to 1e-6", abs(direct / fid - 1), at_most=1e-6)

# %% [markdown]
# ### 4.1 Both terms, seen in the plane
#
# Move the orange cloud: the first term reacts. Stretch or turn it: the second one does. Which turn costs nothing?


# %%
def ellipse(axes, points, colour):
    """The ellipse of two standard deviations."""
    values, vectors = torch.linalg.eigh(torch.cov(points.T))
    angle = np.degrees(np.arctan2(vectors[1, 1].item(), vectors[0, 1].item()))
    width, height = 4 * values[1].sqrt().item(), 4 * values[0].sqrt().item()
    axes.add_patch(Ellipse(points.mean(0).tolist(), width, height, angle=angle, fill=False, ec=colour, lw=2))


def draw_terms(shift=1.0, stretch=1.0, turn=0):
    """Two Gaussian clouds, and the terms of their distance as bars."""
    g = torch.Generator().manual_seed(0)
    base = torch.randn(2, 400, 2, generator=g) @ torch.diag(torch.tensor([1.2, 0.5]))
    angle = torch.tensor(np.radians(turn))
    rotation = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])]).float()
    cloud = stretch * base[1] @ rotation + torch.tensor([shift, 0.0])
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.9), width_ratios=[3, 1.2], layout="constrained")
    draw_points(axes[0], base[0], cloud, size=6)
    ellipse(axes[0], base[0], REAL), ellipse(axes[0], cloud, GENERATED)
    axes[0].set(xlim=(-5, 6), ylim=(-3.2, 3.2))
    terms = frechet(base[0], cloud)
    axes[1].bar(["means", "covariances"], [t.item() for t in terms], color=ACCENTS[:2], width=0.6)
    axes[1].set(ylim=(0, 6), title=f"FID = {sum(terms).item():.2f}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_terms,
    alt="A blue and an orange elliptical cloud in the plane, and two bars: how much means and covariances add to the distance.",
    shift=FloatSlider(value=1.5, min=0, max=3, step=0.25),
    stretch=FloatSlider(value=1.0, min=0.25, max=2, step=0.25),
    turn=IntSlider(value=60, min=0, max=180, step=15),
)

# %% [markdown]
# ### Exercise 11.2 The distance in one dimension
#
# Derive it from the transport above, for two *samples*: fit a mean and a standard deviation (divide by $N-1$) to each, and
# return the squared 2-Wasserstein distance of the two Gaussians.


# %%
def gaussian_w2_line(a, b):
    """Squared W2 between the Gaussians fitted to a (N,) and b (M,)."""
    ### BEGIN SOLUTION
    return (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
    ### END SOLUTION


# %%
@exercise("11.2")
def check_gaussian_w2_line(attempt):
    a, b = torch.randn(40, generator=torch.Generator().manual_seed(1)), torch.linspace(-1, 4, 30)
    if abs(float(attempt(a, a + 3)) - 9) > 1e-4:
        return "moving a sample by 3 should cost 9"
    if abs(float(attempt(a - a.mean(), 2 * (a - a.mean()))) - a.var().item()) > 1e-4:
        return "stretching a centred sample by 2 should cost its variance: the standard deviations are subtracted, not the variances"
    if abs(float(attempt(a, b)) - metrics.frechet_distance(a[:, None], b[:, None])) > 1e-4:
        return "close, but not what equation (3) gives for D = 1: do you divide by N - 1?"


check_gaussian_w2_line(gaussian_w2_line)

# %% [markdown]
# ### 4.2 The same model, another N, another FID
#
# Estimated moments are noisy, and (3) turns noise of either sign into distance. So FID is biased **upwards**, by about $c/N + c/M$ for $N$ samples and $M$ reference images,
# and even a perfect generator has FID above 0. Watch it: 2500 real digits as reference, and smaller and smaller sets of other real digits as samples.

# %%
everything = torch.cat([ruler(train.images), real_features])
everything = everything[torch.randperm(len(everything), generator=rng)]
reference, pool = metrics.Moments(everything[: len(everything) // 2]), everything[len(everything) // 2 :]
sizes = (100, 150, 200, 300, 500, 800, 1200, 2000)
draws = {size: [pool[torch.randperm(len(pool), generator=rng)[:size]] for _ in range(12)] for size in sizes}
fid_of = {size: [metrics.frechet_distance(reference, features) for features in draws[size]] for size in sizes}
kid_of = {}
for size in sizes[:6]:
    orders = [torch.randperm(len(everything), generator=rng)[: 2 * size] for _ in range(12)]
    kid_of[size] = [metrics.kernel_distance(everything[o[:size]], everything[o[size:]]) for o in orders]
limit = metrics.frechet_at_infinity(everything[: len(everything) // 2], pool, draws=12, generator=rng)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 3, figsize=(9.5, 2.8), layout="constrained")
for ax, values, name in ((axes[0], fid_of, "FID"), (axes[2], kid_of, "KID")):
    mean, spread = np.array([np.mean(v) for v in values.values()]), np.array([np.std(v) for v in values.values()])
    ax.errorbar(list(values), mean, spread, color=GENERATED, marker="o", ms=3, capsize=2)
    ax.axhline(0, color="#999999", lw=0.8)
    ax.set(xscale="log", xlabel="N", title=f"{name} of a perfect generator")
    ax.set_xticks([100, 300, 1000], ["100", "300", "1000"])
    ax.minorticks_off()
axes[1].plot([1 / size for size in limit.sizes], limit.values, "o", color=GENERATED, ms=4)
ends = np.array([0, 1 / min(limit.sizes)])
axes[1].plot(ends, limit.limit + limit.slope * ends, color="#999999")
axes[1].plot(0, limit.limit, "*", color=REAL, ms=11, clip_on=False)
axes[1].set(xlabel="1 / N", title=f"a line, at 0: {limit.limit:.2f}", ylim=(0, None))
show(figure, alt="FID falls from about 4 to 0.4 as N grows; against 1/N it is a line through almost 0; KID stays around 0 at every N.")

# %% [markdown]
# The points of the middle panel lie on a line in $1/N$: its value at 0 estimates the FID of infinitely many samples (Chong and Forsyth 2020).
# What remains there is $c/M$, the bias from the *reference* set, which is finite too. Never compare FIDs at different $N$: published ones
# use 50,000 generated images, with 2048 features a picture.

# %%
claim(
    "FID at N = 100 is at least 5 times that at N = 2000, for the same distribution",
    np.mean(fid_of[100]) / np.mean(fid_of[2000]),
    at_least=5,
)
ratio = np.mean(fid_of[300]) / np.mean(fid_of[1200])
claim("the bias follows 1/N + 1/2500: from N = 300 to 1200 it falls to about a third", ratio, 2.4, 3.9)
claim("extrapolation takes away most of the bias at N = 500", abs(limit.limit) / np.mean(fid_of[500]), at_most=0.4)

# %% [markdown]
# ### Exercise 11.3 FID at infinite N
#
# Fit the line yourself. Given sizes and the FID at each of them, return the value at $1/N = 0$ by least squares.


# %%
def fid_at_infinity(sizes, values):
    """The intercept of the least-squares line through the points (1 / sizes, values); both are lists."""
    ### BEGIN SOLUTION
    slope, intercept = np.polyfit(1 / np.array(sizes), values, 1)
    return intercept
    ### END SOLUTION


# %%
@exercise("11.3")
def check_fid_at_infinity(attempt):
    if abs(attempt([100, 200, 400], [5.0, 4.0, 3.5]) - 3) > 1e-6:
        return "3 + 200 / N has the limit 3"
    if abs(attempt(list(limit.sizes), list(limit.values)) - limit.limit) > 1e-6:
        return "the three points of the first test are right, but not ten noisy ones: use least squares over all points"


check_fid_at_infinity(fid_at_infinity)

# %% [markdown]
# ### 4.3 Two moments are not a distribution
#
# FID sees a mean and a covariance and nothing else. Take the ring of eight Gaussians and one broad Gaussian, and bring both to *exactly* the
# same two moments by a linear map. Every point of the impostor is in the wrong place, and (3) is 0.


# %%
def standardise(points):
    """The points (N, D) moved and mixed linearly to sample mean 0 and sample covariance I."""
    centred = points.double() - points.double().mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(centred.T)), centred.T, upper=False).T


ring, impostor = standardise(data.toy2d("ring", 600, rng)), standardise(torch.randn(600, 2, generator=rng))
found = metrics.precision_recall(ring, impostor)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(3.6, 3), layout="constrained")
draw_points(axes, ring, impostor, size=7)
axes.set(xticks=[], yticks=[], title=f"FID {metrics.frechet_distance(ring, impostor):.0e}, precision {found.precision:.2f}")
show(figure, alt="Eight tight blue clusters on a ring, and one round orange cloud spread over and between them.")

# %%
claim("ring and Gaussian of equal moments have FID 0", metrics.frechet_distance(ring, impostor), at_most=1e-9)
claim("precision sees the difference", found.precision, at_most=0.5)

# %% [markdown]
# ## 5. KID: a distance without the bias
#
# The kernel distance compares all moments up to the third. With the kernel $k(x,y)=(x^\top y/D+1)^3$ it is
#
# $$\mathrm{KID} = \frac{1}{N(N-1)}\sum_{i\ne j}k(x_i,x_j) + \frac{1}{M(M-1)}\sum_{i\ne j}k(y_i,y_j) - \frac{2}{NM}\sum_{i,j}k(x_i,y_j). \tag{4}$$
#
# Leaving out $i=j$ makes each mean an unbiased estimate, so the difference is unbiased too (Bińkowski et al. 2018): it can be negative, and in the
# right panel above it scatters around 0 at every $N$. That makes it the metric for small sets.


# %%
def kid(x, y):
    """Equation (4) for x (N, D), y (M, D)."""
    x, y = x.double(), y.double()
    xx, yy, xy = ((a @ b.T / x.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    off_diagonal = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    return sum(off_diagonal) - 2 * xy.mean()


# %%
library = metrics.kernel_distance(real_features, blurred_features)
claim("equation (4) is course_lib's, relative to 1e-9", abs(kid(real_features, blurred_features) / library - 1), at_most=1e-9)
deviations = [abs(np.mean(v)) / (np.std(v) / np.sqrt(len(v))) for v in kid_of.values()]
claim("KID is unbiased: over six sizes its mean is 0 within 4 standard errors", max(deviations), at_most=4)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Likelihood by Parzen windows prefers averages to digits: it says little about samples, and samples say little about it.
# - The Inception score measures how much a sample tells a classifier about its class. It never looks at data, and ten images can be perfect.
# - FID is the transport cost between two Gaussians fitted to features: a term for the means and one for the covariances.
# - FID is biased upwards by $c/N + c/M$, so compare at equal sizes, or extrapolate in $1/N$; KID has no bias.
# - Two moments are not a distribution: FID can be 0 with every point in the wrong place. Lesson 11b looks at points.
#
# ## References
#
# - Theis, van den Oord, Bethge 2016, *A note on the evaluation of generative models*. [arXiv:1511.01844](https://arxiv.org/abs/1511.01844)
# - Salimans et al. 2016, *Improved techniques for training GANs*. [arXiv:1606.03498](https://arxiv.org/abs/1606.03498)
# - Barratt, Sharma 2018, *A note on the Inception score*. [arXiv:1801.01973](https://arxiv.org/abs/1801.01973)
# - Heusel et al. 2017, *GANs trained by a two time-scale update rule converge to a local Nash equilibrium*. [arXiv:1706.08500](https://arxiv.org/abs/1706.08500)
# - Dowson, Landau 1982, *The Fréchet distance between multivariate normal distributions*. [doi:10.1016/0047-259X(82)90077-X](https://doi.org/10.1016/0047-259X%2882%2990077-X)
# - Chong, Forsyth 2020, *Effectively unbiased FID and Inception score and where to find them*. [arXiv:1911.07023](https://arxiv.org/abs/1911.07023)
# - Bińkowski et al. 2018, *Demystifying MMD GANs*. [arXiv:1801.01401](https://arxiv.org/abs/1801.01401)
