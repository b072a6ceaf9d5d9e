# %% [markdown]
# # 11a Evaluation: scores and distances
#
# After this lesson you can
# - say why likelihood and the eye disagree, and build a set of ten images with a perfect Inception score;
# - derive the Fréchet distance, see both its terms, predict its bias in the sample size and remove it;
# - choose between FID and KID, and name what two moments, or three, cannot see.
#
# **You need**: Gaussians in several dimensions, entropy and the Kullback-Leibler divergence, a classifier's logits.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 30 s | not measured |
# | peak memory | 1.2 GB | not measured |
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
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.nn import functional as F

from course_lib import data, metrics
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.metrics import spoil
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, draw_images, draw_points, explore, show
from course_lib.weights import load_pretrained
from course_lib.weights.ruler import digit_features

# %% [markdown]
# ## 1. The result first: one set of samples, eight opinions
#
# A generative model has no test accuracy. What it makes is judged by **metrics** that compare a set of samples with a set of real
# images, and each metric has a character. Below, the "generator" is honest: it hands out real digits, 500 of them, none of which is
# in the set that it is compared with. You then spoil them. Which metrics notice? Which do not mind?
#
# All but one look at the images through a network: here the course's own digit classifier, which reads 99 % of the test digits
# correctly and gives each image 64 features. (It learned from the training digits, which the honest generator hands out: so does the
# network of the published FIDs, which learned from ImageNet and judges models of ImageNet.)

# %%
rng, ruler, n = torch.Generator().manual_seed(0), digit_features(), 1000
real, train = (digits.where(torch.randperm(len(digits), generator=rng)) for digits in (data.digits("test"), data.digits("train")))
honest = train.where(torch.arange(4000) < n)  # n real images that play the part of a perfect generator
real_features, train_features = ruler(real.images), ruler(train.images)  # (1000, 64), (4000, 64)
honest_features = train_features[:n]
BARS = ("FID", "KID", "Inception score", "precision", "recall", "density", "coverage", "sliced W2")


def draw_opinions(how="blur", amount=0.3, size=500):
    """Spoilt images and every metric of them, beside its value for the unspoilt ones."""
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
# ### 2.1 A likelihood for samples without a density
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
# ### 2.2 Averages win
#
# Two "generators" now. One hands out 1000 real training images. The other hands out 300 centroids of k-means: averages of a dozen
# digits each (the experiment is that of Theis et al. 2016). 500 training digits stay apart, to choose the widths. Which one should win?

# %%
centroids = torch.from_numpy(KMeans(300, n_init=1, max_iter=10, random_state=0).fit(pixels["train"][500:].numpy()).cluster_centers_)
rivals = {"real digits": pixels["train"][1000:2000], "centroids": centroids}
candidates = [0.25, 0.3, 0.35, 0.4, 0.45]
widths = {name: metrics.parzen_bandwidth(samples, pixels["train"][:500], candidates) for name, samples in rivals.items()}
scores = {name: parzen(pixels["test"], samples, widths[name]).mean().item() for name, samples in rivals.items()}
repeated = centroids[torch.arange(n) % 300].float().view(-1, 1, 28, 28)  # n samples from the 300
fids = [metrics.frechet_distance(real_features, ruler(images)) for images in (train.images[1000 : 1000 + n], repeated)]

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(8, 2.4), layout="constrained")
for ax, (name, samples), fid in zip(axes, rivals.items(), fids, strict=True):
    draw_images(ax, samples[:40].float().view(-1, 1, 28, 28), 10, f"{name}: {scores[name]:.0f} nats a digit, FID {fid:.1f}")
show(figure, alt="Forty sharp real digits, with the lower Parzen score, and forty smeared averages of digits, with the higher one.")

# %% [markdown]
# The smeared averages win by some seventy nats *per image*, against real data. In 784 dimensions a Gaussian ball with its centre in
# the middle of several digits is nearer to a new digit than any one digit is.

# %%
claim("averages of digits beat real digits by 40 nats in the Parzen score", scores["centroids"] - scores["real digits"], at_least=40)
claim("the FID prefers the real digits", fids[1] / fids[0], at_least=1.5)

# %% [markdown]
# ### 2.3 Is it at least a likelihood?
#
# Perhaps (1) is a poor judge of pictures but an honest estimate of $\mathbb E\log p$. That can be checked where the truth is known: let both samples and test
# points come from a standard Gaussian in $D$ dimensions. How many nats are missing, with the best width there is?


# %% tags=["nbval-ignore-output"]
def parzen_gap(dims, size):
    """Nats by which equation (1), from `size` samples, falls short of the true mean log-density of a Gaussian in `dims` dimensions."""
    points, held_out, samples = (torch.randn(count, dims, generator=rng).double() for count in (500, 500, size))
    h = metrics.parzen_bandwidth(samples, held_out, np.geomspace(0.1, 2, 20).tolist())
    return (Normal(0, 1).log_prob(points).sum(1).mean() - parzen(points, samples, h).mean()).item()


dimensions = (1, 2, 4, 8, 16, 32, 64)
gaps = {size: [parzen_gap(dims, size) for dims in dimensions] for size in (100, 1000)}
figure, axes = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
for (size, values), colour in zip(gaps.items(), ACCENTS, strict=False):
    axes.plot(dimensions, values, "o-", ms=4, color=colour, label=f"{size} samples")
axes.set(xscale="log", xlabel="dimensions", ylabel="nats missing", xticks=dimensions, xticklabels=dimensions)
axes.minorticks_off()
figure.legend(loc="outside right center")
show(
    figure, alt="The gap to the true log-density is near zero up to four dimensions and then climbs steeply; more samples hardly lower it."
)

# %% [markdown]
# On the line the estimate is right. In 64 dimensions it is off by ten nats, and ten times as many samples bring back only three: to fill a ball
# of $D$ dimensions twice as finely takes $2^D$ times the samples. Digits have 784 pixels. Among their scores one compares errors of the estimate, not models.

# %%
claim("in one dimension 1000 samples miss at most 0.1 nats", abs(gaps[1000][0]), at_most=0.1)
claim("in 64 dimensions 1000 samples miss more than 5 nats", gaps[1000][-1], at_least=5)
claim("in 64 dimensions ten times as many samples give back less than half", gaps[1000][-1] / gaps[100][-1], 0.5, 1)

# %% [markdown]
# ### 2.4 A good likelihood with bad samples
#
# Suppose that we knew the likelihood exactly. Would it judge samples then? Take a model $\hat p$ and dilute it: with probability 0.99 draw an image of pure noise, whose
# density $u = 2^{-784}$ is uniform on $[-1,1]^{784}$. The mixture is never far below the model, $\log(0.01\,\hat p + 0.99\,u) \ge \log\hat p - \log 100$:
# it loses at most 4.6 nats of several hundred, for any image whatever. And its samples?

# %% tags=["nbval-ignore-output"]
model, h = rivals["real digits"], widths["real digits"]  # the Parzen model of 2.2, now taken as exact
density = parzen(pixels["test"], model, h)  # (n,)
diluted = torch.logaddexp(density + np.log(0.01), torch.full_like(density, np.log(0.99) - 784 * np.log(2)))
noise = 2 * torch.rand(n, 1, 28, 28, generator=rng) - 1
drawn = (model.float().view(-1, 1, 28, 28) + h * torch.randn(n, 1, 28, 28, generator=rng)).clamp(-1, 1)
mixed = torch.where(torch.rand(n, 1, 1, 1, generator=rng) < 0.01, drawn, noise)
figure, axes = plt.subplots(1, 2, figsize=(8, 2.4), layout="constrained")
for ax, images, values, name in zip(axes, (drawn, mixed), (density, diluted), ("the model", "diluted"), strict=True):
    distance = metrics.frechet_distance(real_features, ruler(images))
    draw_images(ax, images[:40], 10, f"{name}: {values.mean():.0f} nats, FID {distance:.0f}")
show(
    figure,
    alt="Forty grainy digits from a Parzen model, and forty images of the diluted one, nearly all noise, which has the better likelihood.",
)

# %% [markdown]
# The diluted model even scores *higher*: some test digits resemble none of the thousand centres, and there the noise is the better bet. It draws rubbish 99 times in a hundred. So a likelihood says little about
# samples, and 2.2 showed that samples say little about a likelihood (Theis et al. 2016). A model that is to *draw* must be judged by its drawings.

# %%
claim("diluting by 99 % noise costs no digit more than log 100 = 4.61 nats", (density - diluted).max(), at_most=np.log(100) + 1e-9)
claim("on average it costs nothing at all", (density - diluted).mean(), at_most=0)

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
logits = {"real": ruler.logits(real.images), "noise": ruler.logits(noise)}
score = {name: inception_score(value) for name, value in logits.items()}
claim("equation (2) is course_lib's", score["real"] - metrics.inception_score(logits["real"]), -1e-9, 1e-9)
claim("real digits score near the ceiling of 10", score["real"], 9.4, 10)
claim("noise scores near the floor of 1", score["noise"], 1, 2)

# %% [markdown]
# ### 3.1 Two entropies, one number
#
# Equation (2) subtracts two entropies, so that very different sets can share a score. Where do our failures lie?


# %%
def entropies(logits):
    """(H(y | x), H(y)) in nats: the two parts of equation (2)."""
    p = logits.double().softmax(1)
    return torch.special.entr(p).sum(1).mean().item(), torch.special.entr(p.mean(0)).sum().item()


spoilt = {
    "real": real.images,
    "blurred": spoil(honest.images, honest.labels, "blur", 0.5),
    "six classes": spoil(honest.images, honest.labels, "drop classes", 0.5),  # four of the ten are gone
    "upside down": real.images.flip(2),
    "mean of two digits": (honest.images + real.images) / 2,
    "sevens only": train.images[train.labels == 7],
}
places = {name: entropies(ruler.logits(images)) for name, images in spoilt.items()}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
across = np.array([-0.02, 0.45])
for level in (1, 2, 4, 6, 8, 10):
    axes.plot(across, np.log(level) + across, color="0.8", lw=0.8)
    axes.text(0.46, np.log(level) + 0.46, f"IS {level}", fontsize=8, color="0.4", va="center")
for name, (conditional, marginal) in places.items():
    axes.plot(conditional, marginal, "o", color=REAL if name == "real" else GENERATED)
    axes.annotate(name, (conditional, marginal), xytext=(6, -10), textcoords="offset points", fontsize=9)
axes.set(xlabel="H(y | x): is each sample sure?", ylabel="H(y): are all classes there?", xlim=(-0.02, 0.5), ylim=(-0.3, 3))
show(
    figure,
    alt="A plane of two entropies with lines of equal score; real digits in the upper left corner, six classes and upside-down digits on one line.",
)

# %% [markdown]
# Six of the classes, perfectly drawn, and all of the classes, upside down, lie on one line and share a score of about 6, for opposite reasons. Report the two entropies and you can tell
# them apart; report the score and you cannot. Note too that the score cannot fall below 1, however bad the images: "sevens only" and noise are equal.

# %%
six, flipped = (np.exp(places[name][1] - places[name][0]) for name in ("six classes", "upside down"))
claim("six classes and upside-down digits score alike (ratio)", six / flipped, 0.8, 1.25)
claim("upside-down digits lose certainty: H(y|x) is larger by (nats)", places["upside down"][0] - places["six classes"][0], at_least=0.2)
claim("six classes lose variety: H(y) is smaller by (nats)", places["upside down"][1] - places["six classes"][1], at_least=0.2)

# %% [markdown]
# ### 3.2 Ten images with a perfect score
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
# ### 3.3 Whose score is it?
#
# Two more properties that a measure of *images* should not have. Multiply the classifier's logits by $t$: its decisions stay the same, only its confidence changes.
# And measure the same model with fewer samples. What happens to the score?

# %% tags=["nbval-ignore-output"]
confidence, counts = (0.25, 0.5, 1, 2, 4), (10, 20, 50, 100, 200, 500, 1000)
logits["blurred"] = ruler.logits(spoilt["blurred"])
by_confidence = {name: [inception_score(t * logits[name]).item() for t in confidence] for name in ("real", "blurred")}
order = [torch.randperm(n, generator=rng) for _ in range(20)]
by_count = [np.mean([inception_score(logits["real"][o[:count]]).item() for o in order]) for count in counts]
figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained", sharey=True)
for (name, values), colour in zip(by_confidence.items(), (REAL, GENERATED), strict=True):
    axes[0].plot(confidence, values, "o-", ms=4, color=colour, label=name)
axes[0].legend(loc="lower right")
axes[0].set(xlabel="logits times", ylabel="Inception score")
axes[1].plot(counts, by_count, "o-", ms=4, color=REAL)
axes[1].set(xlabel="samples (real digits)")
for ax, ticks in zip(axes, (confidence, counts), strict=True):
    ax.set(xscale="log", xticks=ticks, xticklabels=ticks)
    ax.minorticks_off()
show(figure, alt="The score rises with the scale of the logits, for real and for blurred digits, and with the number of samples.")

# %% [markdown]
# A doubtful classifier gives real digits a lower score than a confident one gives blurred digits: scores from two networks, or from two training runs of one, are not comparable. And few samples score too low, because a mean of a
# few $p(y\mid x_i)$ looks less varied than it is. The bias of FID below points upwards; since a low FID is a good one, both make a small set look worse than it is.
# Papers score ten parts of 5,000 of 50,000 samples and print the spread of the ten: that is the noise of sampling, not of training.

# %%
claim("the same real digits, logits halved: the score falls by at least 1", score["real"] - by_confidence["real"][1], at_least=1)
claim("blurred digits, logits x 4, beat real ones, logits x 1/2", by_confidence["blurred"][-1] - by_confidence["real"][1], at_least=0.5)
claim("with 20 samples real digits lose at least a tenth of their score", by_count[1] / by_count[-1], at_most=0.9)

# %% [markdown]
# ### Exercise 11.1 A perfect Inception score without a digit
#
# The parrot needed ten real images. Do without any: the score looks only at the classifier. Return ten images in $[-1,1]$, made from noise by
# gradient ascent on the classifier's own logits, whose Inception score is above 9.5. (`classifier(images)` gives logits `(B, 10)`.)


# %%
def fool(classifier, steps=200):
    """(10, 1, 28, 28) images in [-1, 1], the i-th of which the classifier surely takes for the digit i."""
    ### BEGIN SOLUTION
    raw = (0.5 * torch.randn(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))).requires_grad_()
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
        return f"expected ten images (10, 1, 28, 28) in [-1, 1], got {tuple(images.shape)} up to {images.abs().max():.2f} in size"
    with torch.no_grad():
        value = metrics.inception_score(classifier(images))
    if value < 9.5:
        return f"their Inception score is {value:.2f}; is each class there? then take more steps, or larger ones"


check_fool(fool)

# %% [markdown]
# ## 4. The Fréchet distance
#
# Heusel et al. (2017) compare the *distributions of features*, and keep only two moments of each. Their features are the 2048 that the Inception network,
# trained on ImageNet, computes just before its last layer: hence *Fréchet Inception distance*, FID. Ours are the 64 of the digit classifier. We keep the short name, but an FID on
# one network says nothing beside an FID on another. Fit Gaussians
# $\mathcal N(\mu_1,\Sigma_1)$ and $\mathcal N(\mu_2,\Sigma_2)$ and take the cost of moving one onto the other:
# the squared 2-Wasserstein distance, the least mean squared length of the arrows of a transport $y = T(x)$.
#
# ### 4.1 On the line: sort
#
# In one dimension the best transport keeps the order (lesson 04a), and between Gaussians it is $T(x) = \mu_2 + \frac{\sigma_2}{\sigma_1}(x-\mu_1)$. So its
# cost is $\mathbb E|T(x)-x|^2 = (\mu_1-\mu_2)^2 + (\sigma_1-\sigma_2)^2$: two terms, one a moment. Two large sorted samples must agree with that.

# %%
ordered = [(mean + deviation * torch.randn(200_000, generator=rng)).sort().values for mean, deviation in ((0, 1), (1.5, 0.4))]
by_sorting = (ordered[0] - ordered[1]).square().mean()
claim("sorted pairs of N(0, 1) and N(1.5, 0.4) cost 1.5^2 + 0.6^2 (ratio)", by_sorting / (1.5**2 + 0.6**2), 0.98, 1.02)

# %% [markdown]
# ### 4.2 In $D$ dimensions
#
# Write any coupling's cost as $|\mu_1-\mu_2|^2 + \mathrm{tr}\,\Sigma_1 + \mathrm{tr}\,\Sigma_2 - 2\,\mathrm{tr}\,C$ with cross-covariance
# $C$. The joint covariance must be non-negative, so $C = \Sigma_1^{1/2} K\,\Sigma_2^{1/2}$ with $\|K\|\le 1$, and $\mathrm{tr}\,C$ is largest when it is the
# sum of the singular values of $\Sigma_1^{1/2}\Sigma_2^{1/2}$, which is $\mathrm{tr}\,(\Sigma_1\Sigma_2)^{1/2}$:
#
# $$\mathrm{FID} = |\mu_1-\mu_2|^2 + \mathrm{tr}\big(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2}\big) \qquad\text{(Dowson and Landau 1982).} \tag{3}$$
#
# Any $F$ with $FF^\top=\Sigma_1$ will do in place of the square root, for instance a Cholesky factor. With a second one, $GG^\top=\Sigma_2$, and the singular value
# decomposition $F^\top G = USV^\top$, the best map is linear too: $T(x)=\mu_2 + A(x-\mu_1)$ with $A = F^{-\top}US\,U^\top F^{-1}$, symmetric, and $A\Sigma_1A=\Sigma_2$.


# %%
def frechet(a, b):
    """Equation (3) from features a (N, D) and b (M, D): its two terms, (mean term, covariance term)."""
    a, b = a.double(), b.double()
    means = (a.mean(0) - b.mean(0)).square().sum()
    covariances = torch.cov(a.T), torch.cov(b.T)  # (D, D), divided by N - 1
    factors = [torch.linalg.cholesky(c + 1e-10 * torch.eye(len(c))) for c in covariances]
    overlap = torch.linalg.svdvals(factors[0].T @ factors[1]).sum()  # tr (C1 C2)^(1/2)
    return means, covariances[0].trace() + covariances[1].trace() - 2 * overlap


def transport(a, b):
    """T(a): the points a (N, D) carried onto the Gaussian of b (M, D) in the cheapest way."""
    a, b = a.double(), b.double()
    f, g = (torch.linalg.cholesky(torch.cov(x.T)) for x in (a, b))
    u, s, _ = torch.linalg.svd(f.T @ g)
    inverse = torch.linalg.inv(f)
    return b.mean(0) + (a - a.mean(0)) @ (inverse.T @ u @ torch.diag(s) @ u.T @ inverse)


# %%
blurred_features = ruler(spoilt["blurred"])
fid = metrics.frechet_distance(real_features, blurred_features)
claim("equation (3) is course_lib's, relative to 1e-6", abs(sum(frechet(real_features, blurred_features)) / fid - 1), at_most=1e-6)
moments = [(x.double().mean(0).numpy(), np.cov(x.double().T.numpy())) for x in (real_features, blurred_features)]
root = scipy.linalg.sqrtm(moments[0][1] @ moments[1][1]).real
direct = np.square(moments[0][0] - moments[1][0]).sum() + np.trace(moments[0][1] + moments[1][1] - 2 * root)
claim("... and what scipy's square root of a matrix gives, relative to 1e-6", abs(direct / fid - 1), at_most=1e-6)

carried = transport(real_features, blurred_features)
claim("the arrows x -> T(x) have that mean squared length (ratio)", (carried - real_features).square().sum(1).mean() / fid, 0.99, 1.01)
claim("... and end in the right Gaussian", metrics.frechet_distance(carried, blurred_features), at_most=1e-6)

# %% [markdown]
# ### 4.3 Both terms, seen in the plane
#
# Move the orange cloud: the first term reacts, and all arrows are equal. Stretch or turn it: the second one does, and they point every way. Which turn costs nothing?


# %%
def draw_terms(shift=1.0, stretch=1.0, turn=0):
    """Two Gaussian clouds, and the terms of their distance as bars."""
    g = torch.Generator().manual_seed(0)
    base = torch.randn(2, 400, 2, generator=g) @ torch.diag(torch.tensor([1.2, 0.5]))
    angle = torch.tensor(np.radians(turn))
    rotation = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])]).float()
    cloud = stretch * base[1] @ rotation + torch.tensor([shift, 0.0])
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), width_ratios=[3, 1], layout="constrained")
    draw_points(axes[0], base[0], cloud, size=6, alpha=0.35)
    circle = torch.linspace(0, 2 * np.pi, 100)
    circle = 2 * torch.stack([circle.cos(), circle.sin()])  # (2, 100): two standard deviations
    for points, colour in ((base[0], REAL), (cloud, GENERATED)):
        axes[0].plot(*(points.mean(0)[:, None] + torch.linalg.cholesky(torch.cov(points.T)) @ circle), color=colour)
    start, end = base[0][:20], transport(base[0], cloud)[:20]
    axes[0].quiver(*start.T, *(end - start).T, angles="xy", scale_units="xy", scale=1, width=0.004, color=CRITIC)
    axes[0].set(xlim=(-4, 6), ylim=(-3.4, 3.4))
    terms = frechet(base[0], cloud)
    axes[1].bar(["means", "covariances"], [t.item() for t in terms], color=ACCENTS[:2], width=0.6)
    axes[1].set(ylim=(0, 6), title=f"FID = {sum(terms).item():.2f}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_terms,
    alt="A blue and an orange elliptical cloud in the plane, arrows that carry one onto the other, and two bars: the terms of the distance.",
    shift=FloatSlider(value=1.5, min=0, max=3, step=0.25),
    stretch=FloatSlider(value=1.0, min=0.25, max=2, step=0.25),
    turn=IntSlider(value=60, min=0, max=180, step=15),
)

# %% [markdown]
# Half a turn costs nothing: an ellipse is symmetric about its centre, and moments of order two see no more than the ellipse. Every sample has changed its place, and the distance is
# 0. We shall use that against it in section 4.6.

# %%
shape = torch.randn(400, 2, generator=rng) @ torch.diag(torch.tensor([1.2, 0.5]))
claim("half a turn about the mean costs nothing", metrics.frechet_distance(shape, 2 * shape.mean(0) - shape), at_most=1e-9)
claim("a quarter of a turn costs 2 (1.2 - 0.5)^2 = 0.98", metrics.frechet_distance(shape, shape.flip(1)), 0.75, 1.25)

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
    if not abs(float(attempt(a, a + 3)) - 9) <= 1e-4:
        return "moving a sample by 3 should cost 9"
    stretched = float(attempt(a - a.mean(), 2 * (a - a.mean())))
    if abs(stretched - a.var(correction=0).item()) < 1e-4:
        return "you divide by N; divide by N - 1, as torch.std does unless told otherwise"
    if not abs(stretched - a.var().item()) <= 1e-4:
        return "stretching a centred sample by 2 should cost its variance: the standard deviations are subtracted, not the variances"
    if not abs(float(attempt(a, b)) - metrics.frechet_distance(a[:, None], b[:, None])) <= 1e-4:
        return "right for a shift and for a stretch, but not for two samples of different sizes: fit each one by itself"


check_gaussian_w2_line(gaussian_w2_line)

# %% [markdown]
# ### 4.4 The same model, another N, another FID
#
# Estimated moments are noisy, and (3) turns noise of either sign into distance. So FID is biased **upwards**, by about $c/N + c/M$ for $N$ samples and $M$ reference images,
# and even a perfect generator has FID above 0. Watch it: 2500 real digits as reference, and smaller and smaller sets of other real digits as samples.

# %%
everything = torch.cat([train_features, real_features])
everything = everything[torch.randperm(len(everything), generator=rng)]
reference, pool = metrics.Moments(everything[: len(everything) // 2]), everything[len(everything) // 2 :]
sizes = (100, 150, 200, 300, 500, 800, 1200, 2000)
fid_of = {
    size: [metrics.frechet_distance(reference, pool[torch.randperm(len(pool), generator=rng)[:size]]) for _ in range(12)] for size in sizes
}
limit = metrics.frechet_at_infinity(everything[: len(everything) // 2], pool, draws=12, generator=rng)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(8, 2.7), layout="constrained")
mean, spread = np.array([np.mean(v) for v in fid_of.values()]), np.array([np.std(v) for v in fid_of.values()])
axes[0].errorbar(sizes, mean, spread, color=GENERATED, marker="o", ms=3, capsize=2)
axes[0].axhline(0, color="#999999", lw=0.8)
axes[0].set(xscale="log", xlabel="N", title="FID of a perfect generator", xticks=(100, 300, 1000), xticklabels=(100, 300, 1000))
axes[0].minorticks_off()
axes[1].plot([1 / size for size in limit.sizes], limit.values, "o", color=GENERATED, ms=4)
ends = np.array([0, 1 / min(limit.sizes)])
axes[1].plot(ends, limit.limit + limit.slope * ends, color="#999999")
axes[1].plot(0, limit.limit, "*", color=REAL, ms=11, clip_on=False)
axes[1].set(xlabel="1 / N", title=f"a line, at 0: {limit.limit:.2f}", ylim=(0, None))
show(figure, alt="FID falls from about 4 to 0.2 as N grows; against 1/N it is a line through almost 0.")

# %% [markdown]
# The points on the right lie on a line in $1/N$: its value at 0 estimates the FID of infinitely many samples (Chong and Forsyth 2020).
# What remains there, on average, is $c/M$, the bias from the *reference* set, which is finite too. A single estimate can miss that by its noise and even fall below 0, where no
# distance lies: that is the price of having no bias in $N$. Never compare FIDs at different $N$: published ones
# use 50,000 generated images.

# %%
claim("one distribution: FID at N = 100 is at least 5 times that at N = 2000", np.mean(fid_of[100]) / np.mean(fid_of[2000]), at_least=5)
ratio = np.mean(fid_of[300]) / np.mean(fid_of[1200])
claim("the bias follows 1/N + 1/2500: from N = 300 to 1200 it falls to about a third", ratio, 2, 5)
claim("extrapolation takes away most of the bias at N = 500", abs(limit.limit) / np.mean(fid_of[500]), at_most=0.4)

# %% [markdown]
# ### 4.5 How large is c?
#
# It can be computed. The means differ by noise of mean square $\mathrm{tr}\,\Sigma\,(\frac1N+\frac1M)$. For a small change $\Delta$ of the covariance, in the axes in which $\Sigma$ is
# diagonal with eigenvalues $\lambda_i$, the second term of (3) is $\frac12\sum_{ij}\Delta_{ij}^2/(\lambda_i+\lambda_j)$; for Gaussian data $\Delta_{ij}$ has variance $\lambda_i\lambda_j(1+[i=j])(\frac1N+\frac1M)$. Together
#
# $$c = \mathrm{tr}\,\Sigma + \frac12\sum_{i,j}\frac{\lambda_i\lambda_j\,(1+[i=j])}{\lambda_i+\lambda_j}, \qquad\text{for }\Sigma = I:\quad c = D + \tfrac14 D(D+1). \tag{4}$$
#
# The covariance has $D^2/2$ entries, each with its own noise: with $D=64$ that is already 16 times the noise of the means.


# %%
def bias_constant(covariance):
    """c of equation (4) for a covariance (D, D)."""
    values = torch.linalg.eigvalsh(covariance)
    pairs = values[:, None] * values / (values[:, None] + values)
    return values.sum() + 0.5 * (pairs.sum() + pairs.trace())


simulated = []
for dims in (4, 16, 64):
    clouds = torch.randn(1280 // dims, 2, 20 * dims, dims, generator=rng)  # pairs of samples of one Gaussian, N = M = 20 D
    found_bias = np.mean([metrics.frechet_distance(*two) for two in clouds])
    simulated.append(found_bias * 20 * dims / 2 / bias_constant(torch.eye(dims)).item())
claim("equation (4) predicts the FID of equal Gaussians (worst ratio)", max(simulated, key=lambda r: abs(r - 1)), 0.85, 1.15)
predicted = bias_constant(torch.cov(everything.double().T)).item()
claim("... and the slope of the digits' line, though their features are not Gaussian (ratio)", limit.slope / predicted, 0.7, 1.3)

# %% [markdown]
# For 2048 whitened features $c$ is above a million: with 50,000 samples on both sides two *equal* Gaussians are some forty apart. Real features are far from white, which helps, but now you know
# why small studies report large FIDs, and how one cheats: **a worse model with more samples beats a better one with fewer**. Blur the digits just a little and use 2000; the other side is perfect and uses 100.

# %%
slightly = ruler(spoil(train.images, train.labels, "blur", 0.35))  # (4000, 64), as train_features, but of blurred digits
against = metrics.Moments(real_features)
unfair = (
    metrics.frechet_distance(against, slightly[:2000]),
    np.mean([metrics.frechet_distance(against, part) for part in train_features.split(100)]),
)
fair = [metrics.frechet_at_infinity(real_features, features, draws=4, generator=rng).limit for features in (slightly, train_features)]
claim("2000 blurred digits beat 100 perfect ones in FID", unfair[1] / unfair[0], at_least=1.2)
claim("extrapolated to infinite N the perfect ones win (difference)", fair[0] - fair[1], at_least=1)
claim("2048 white features, 50,000 samples on both sides: the bias is about 42", bias_constant(torch.eye(2048).double()) / 25_000, 41, 43)

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
    if not abs(attempt([100, 200, 400], [5.0, 4.0, 3.5]) - 3) <= 1e-6:
        return "3 + 200 / N has the limit 3"
    if not abs(attempt(list(limit.sizes), list(limit.values)) - limit.limit) <= 1e-6:
        return "the three points of the first test are right, but not ten noisy ones: use least squares over all points"


check_fid_at_infinity(fid_at_infinity)

# %% [markdown]
# ### 4.6 Two moments are not a distribution
#
# FID sees a mean and a covariance and nothing else. What does it say, then, of features that are not Gaussian? The proof of (3) bounded *every* coupling through its covariance and used
# the Gaussian only to reach the bound. So for any two distributions FID is a **lower bound** of the squared 2-Wasserstein distance (Gelbrich 1990): a large FID is bad news, a small one is no news.
#
# How far can the two be apart? Take the ring of eight Gaussians and one broad Gaussian, and bring both to *exactly* the
# same two moments by a linear map. Nearly every point of the impostor is in the wrong place, and (3) is 0.


# %% tags=["nbval-ignore-output"]
def standardise(points):
    """The points (N, D) moved and mixed linearly to sample mean 0 and sample covariance I."""
    centred = points.double() - points.double().mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(centred.T)), centred.T, upper=False).T


ring, impostor = standardise(data.toy2d("ring", 600, rng)), standardise(torch.randn(600, 2, generator=rng))
found = metrics.precision_recall(ring, impostor)
figure, axes = plt.subplots(figsize=(3.6, 3), layout="constrained")
draw_points(axes, ring, impostor, size=7)
axes.set(xticks=[], yticks=[], title=f"FID {metrics.frechet_distance(ring, impostor):.2f}, precision {found.precision:.2f}")
show(figure, alt="Eight tight blue clusters on a ring, and one round orange cloud spread over and between them.")

# %%
claim("ring and Gaussian of equal moments have FID 0", metrics.frechet_distance(ring, impostor), at_most=1e-9)
claim("precision sees the difference", found.precision, at_most=0.5)
cost = torch.cdist(ring, impostor).square()  # (600, 600)
claim("... and so does exact transport: W2 squared is not 0", cost[linear_sum_assignment(cost)].mean(), at_least=0.2)

# %% [markdown]
# Is that a trick of the plane? The features of digits are ten clusters, one a class, and no Gaussian. Draw a Gaussian cloud with exactly *their* mean and covariance: a model that
# makes features which no digit has. Seen along the first two principal axes:

# %% tags=["nbval-ignore-output"]
white = standardise(torch.randn(n, 64, generator=rng))
factor = torch.linalg.cholesky(torch.cov(real_features.double().T))
gaussian_features = real_features.double().mean(0) + white @ factor.T  # (n, 64), the moments of real_features
axes_of_features = torch.linalg.eigh(torch.cov(real_features.double().T)).eigenvectors[:, -2:]
mimic = metrics.precision_recall(real_features, gaussian_features)
figure, axes = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
draw_points(axes, real_features.double() @ axes_of_features, gaussian_features @ axes_of_features, size=6)
distance = metrics.frechet_distance(real_features, gaussian_features)
title = f"FID {distance:.2f}, precision {mimic.precision:.2f},\nrecall {mimic.recall:.2f}, coverage {mimic.coverage:.2f}"
axes.set(xticks=[], yticks=[], aspect="auto", title=title)
axes.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=3)
show(
    figure,
    alt="Features of real digits form blue arms and clusters; the orange Gaussian cloud of the same moments fills the space between.",
)

# %%
claim("a Gaussian with the moments of the digits' features has FID 0", distance, at_most=1e-6)
claim("fewer than a fifth of its points are where digits are (precision)", mimic.precision, at_most=0.2)

# %% [markdown]
# Why is the *recall* high? A point of the cloud has its neighbours far away, so its ball is huge and swallows real digits. The coverage, which uses balls of real points only, is not taken in: lesson 11b, section 2.1.

# %% [markdown]
# ## 5. KID: a distance without the bias
#
# ### 5.1 Leave out the pairs of a point with itself
#
# The kernel distance of the features, KID for *kernel Inception distance*, compares all moments up to the third. With the kernel $k(x,y)=(x^\top y/D+1)^3$ it is
#
# $$\mathrm{KID} = \frac{1}{N(N-1)}\sum_{i\ne j}k(x_i,x_j) + \frac{1}{M(M-1)}\sum_{i\ne j}k(y_i,y_j) - \frac{2}{NM}\sum_{i,j}k(x_i,y_j). \tag{5}$$
#
# Leaving out $i=j$ makes each mean an unbiased estimate, so the difference is unbiased too (Bińkowski et al. 2018), and it can be negative.


# %%
def kid(x, y):
    """Equation (5) for x (N, D), y (M, D)."""
    x, y = x.double(), y.double()
    xx, yy, xy = ((a @ b.T / x.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    off_diagonal = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    return sum(off_diagonal) - 2 * xy.mean()


# %%
library = metrics.kernel_distance(real_features, blurred_features)
claim("equation (5) is course_lib's, relative to 1e-9", abs(kid(real_features, blurred_features) / library - 1), at_most=1e-9)
kid_of = {}
for size in sizes[:6]:
    orders = [torch.randperm(len(everything), generator=rng)[: 2 * size] for _ in range(40)]
    kid_of[size] = [metrics.kernel_distance(everything[o[:size]], everything[o[size:]]) for o in orders]
deviations = [abs(np.mean(v)) / (np.std(v) / np.sqrt(len(v))) for v in kid_of.values()]
claim("KID is unbiased: over six sizes its mean is 0 within 4 standard errors", max(deviations), at_most=4)

# %% [markdown]
# ### 5.2 Fifty samples
#
# Unbiased is not the same as precise. Sets of blurred digits and of perfect ones, of 50 to 800 images each, thirty draws of each size: what does either metric say, and how surely?


# %% tags=["nbval-ignore-output"]
def draws_of(metric, features, size):
    """Thirty values of a metric between random subsets of real_features and of `features`, `size` of each: (30,)."""
    picks = [(torch.randperm(n, generator=rng)[:size], torch.randperm(len(features), generator=rng)[:size]) for _ in range(30)]
    return np.array([metric(real_features[i], features[j]) for i, j in picks])


sets, few = {"perfect": train_features, "blurred": blurred_features}, (50, 100, 200, 400, 800)
small = {}  # (metric, set): (5, 30)
figure, panels = plt.subplots(1, 2, figsize=(8, 2.7), layout="constrained")
for ax, metric, title in zip(panels, (metrics.frechet_distance, metrics.kernel_distance), ("FID", "KID"), strict=True):
    for (name, features), colour in zip(sets.items(), (REAL, GENERATED), strict=True):
        values = small[title, name] = np.array([draws_of(metric, features, size) for size in few])
        ax.errorbar(few, values.mean(1), values.std(1), color=colour, marker="o", ms=3, capsize=2, label=name)
    ax.set(xscale="log", xlabel="N", title=title, xticks=few, xticklabels=few)
    ax.minorticks_off()
    ax.axhline(0, color="#999999", lw=0.8)
figure.legend(*ax.get_legend_handles_labels(), loc="outside right center")
show(
    figure,
    alt="FID of perfect and blurred digits falls with N; KID of the perfect ones stays at 0 and of the blurred ones at one level, with wide bars at 50.",
)

# %% [markdown]
# Both metrics tell the two sets apart at each size, for this failure. But 50 perfect digits have a *worse* FID than 800 blurred ones, while a KID means the same at every $N$. Its bars are wide:
# at 50 images the standard deviation is about half of the blurred digits' value. Report it, with the number and the size of the subsets, as papers do.

# %%
level = {key: values.mean(1) for key, values in small.items()}
claim("the blurred digits' KID at N = 50 is that at N = 800 (ratio)", np.divide(*level["KID", "blurred"][[0, -1]]), 0.6, 1.4)
claim("perfect digits: FID at N = 50 is over ten times that at N = 800", np.divide(*level["FID", "perfect"][[0, -1]]), at_least=10)
claim("50 perfect digits have a worse FID than 800 blurred", level["FID", "perfect"][0] / level["FID", "blurred"][-1], at_least=1)

# %% [markdown]
# ### 5.3 Three moments are not a distribution either
#
# The kernel is a polynomial of degree three. Turn every point of the ring about the origin by its own random angle: the eight modes become a circle. An average over eight equally spaced angles
# equals that over all angles for every polynomial of degree below eight, so no moment up to the seventh has changed, and KID cannot see it.

# %% tags=["nbval-ignore-output"]
modes = data.toy2d("ring", 1000, rng)
radius, angle = data.toy2d("ring", 1000, rng).norm(dim=1), 2 * np.pi * torch.rand(1000, generator=rng)
circle = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
other_ring = data.toy2d("ring", 1000, rng)
repeats = [metrics.kernel_distance(data.toy2d("ring", 1000, rng), data.toy2d("ring", 1000, rng)) for _ in range(20)]
seen = {name: metrics.precision_recall(modes, points).precision for name, points in (("circle", circle), ("ring", other_ring))}
figure, axes = plt.subplots(1, 2, figsize=(6, 3.1), layout="constrained")
for ax, points, name in zip(axes, (other_ring, circle), ("ring", "circle"), strict=True):
    draw_points(ax, modes, points, size=5)
    ax.set(xticks=[], yticks=[], title=f"{name}: KID {metrics.kernel_distance(modes, points):.3f}, precision {seen[name]:.2f}")
show(figure, alt="Left: samples of the ring on its eight modes. Right: samples all along the circle; the KID of both is about zero.")

# %%
claim("the circle has KID 0 within 4 standard deviations", abs(metrics.kernel_distance(modes, circle)) / np.std(repeats), at_most=4)
claim("precision sees the circle", seen["ring"] - seen["circle"], at_least=0.4)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Likelihood by Parzen windows prefers averages to digits, and 99 % noise costs a model 4.6 nats: neither judges samples.
# - The Inception score measures how much a sample tells a classifier about its class. It never looks at data, and ten images can be perfect.
# - FID is the transport cost between two Gaussians fitted to features: a term for the means and one for the covariances.
# - FID is biased upwards by $c/N + c/M$ with a $c$ that grows like $D^2/4$: compare at equal sizes, or extrapolate; KID has no bias.
# - Two moments are not a distribution, nor are three: FID and KID can be 0 with most points in the wrong place. Lesson 11b looks at points.
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
# - Gelbrich 1990, *On a formula for the L2 Wasserstein metric between measures on Euclidean and Hilbert spaces*. [doi:10.1002/mana.19901470121](https://doi.org/10.1002/mana.19901470121)
