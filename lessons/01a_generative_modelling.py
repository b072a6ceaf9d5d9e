# %% [markdown]
# # 01a Generative modelling: likelihood and hidden variables
#
# After this lesson you can
# - tell a generative model from a discriminative one, and say what each can and cannot answer;
# - fit a density by maximum likelihood, say which divergence that minimises, and write expectation maximisation from its equations;
# - show why the likelihood of a latent variable model is out of reach of plain averaging, which is where lesson 01b begins.
#
# **You need**: PyTorch tensors and autograd, Gaussians, Jensen's inequality. [Lesson 00](00_start_here.ipynb) explains how notebooks, claims and exercises work.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 20 s | not measured |
# | peak memory | 1.3 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/01a_generative_modelling.ipynb) · [Slides](../slides/src/01_generative_modelling.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import math
import warnings

import torch
from ipywidgets import FloatSlider, IntSlider
from matplotlib import pyplot as plt
from matplotlib.patches import Ellipse
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture as ScikitMixture
from torch.distributions import Normal
from torch.nn import functional as F

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.models.gmm import GaussianMixture, fit_mixture, kmeans_plus_plus
from course_lib.nn import mlp
from course_lib.training import profile
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, draw_classes, draw_images, draw_map, draw_points, explore, show
from course_lib.weights import load_pretrained

seed = lambda number: torch.Generator().manual_seed(number)  # noqa: E731

# %% [markdown]
# ## 1. The result first
#
# A generative model learns where data live, and then makes more. Below is one that has seen 4000 handwritten digits and keeps only
# **two numbers** of each. Move the sliders: every point of the plane is a digit.

# %%
digits, test = data.digits("train"), data.digits("test")
plane_vae = load_pretrained("digits_vae2")
with torch.no_grad():
    codes = plane_vae.encode(test.images)[0]  # (1000, 2): where the encoder puts each test digit


@torch.no_grad()
def draw_point(z1, z2):
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained", width_ratios=[1.3, 1])
    draw_classes(axes[0], codes, test.labels)
    axes[0].plot(z1, z2, marker="o", ms=12, mfc="none", mec=CRITIC, mew=2)
    axes[0].set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), title="1000 test digits, encoded")
    draw_images(axes[1], plane_vae.decode(torch.tensor([[z1, z2]])), title="the point in the circle, decoded")
    return figure


slider = dict(min=-3.0, max=3.0, step=0.1, continuous_update=True)
explore(
    draw_point,
    alt="Left: test digits as coloured points in the latent plane, grouped by class. Right: the digit decoded from the circled point.",
    z1=FloatSlider(value=0.8, **slider),
    z2=FloatSlider(value=-0.6, **slider),
)

# %% [markdown]
# Nobody told the model what a class is. It was asked only to give likely digits a high probability, with two numbers a digit to do it.
# This lesson and the next build that model from the ground, one idea at a time: likelihood and hidden variables here, a bound and a network in [01b](01b_variational_autoencoders.ipynb).

# %% [markdown]
# ## 2. Two questions one can ask
#
# A **discriminative** model answers *which class is this?* and learns $p(y\mid x)$. A **generative** model answers *how do such things
# come about?* and learns $p(x)$, or $p(x\mid y)$ for each class. Bayes' rule leads from the second to the first,
#
# $$p(y\mid x)=\frac{p(x\mid y)\,p(y)}{\sum_{y'}p(x\mid y')\,p(y')},\tag{1}$$
#
# never the other way round. What is lost by learning only the boundary? Take two moons, and look far away from them.

# %%
moons = data.toy2d("moons", 1000, seed(0))
arc = torch.linspace(0, math.pi, 100)
upper = 1.5 * torch.stack([arc.cos() - 0.5, arc.sin() - 0.25], 1)
side = (torch.cdist(moons, upper).amin(1) > torch.cdist(moons, -upper).amin(1)).long()  # 1 on the lower moon, the upper one turned
torch.manual_seed(0)
classifier = mlp([2, 32, 32, 1])
optimiser = torch.optim.Adam(classifier.parameters(), 1e-2)
for _ in range(300):
    loss = F.binary_cross_entropy_with_logits(classifier(moons)[:, 0], side.float())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
per_class = [fit_mixture(moons[side == y], 5, seed(0)) for y in (0, 1)]  # p(x|y), section 4 says how


def joint(x):
    """log p(x|y) + log p(y) for y = 0, 1: (N, 2) -> (N, 2)."""
    return torch.stack([model.log_density(x) + math.log((side == y).double().mean()) for y, model in enumerate(per_class)], 1)


# %%
stranger = torch.tensor([[6.0, -5.0]])  # a point unlike anything in the data
wide = (-4, 7, -6, 4)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
draw_map(axes[0], lambda x: torch.sigmoid(classifier(x)) - 0.5, wide, kind="scores")
draw_map(axes[1], lambda x: joint(x).logsumexp(1).exp() ** 0.3, wide)
for ax, title, ink in zip(axes, ["$p(y|x)$: certain even far away", "$p(x)^{0.3}$: knows where it has been"], ["k", "w"], strict=True):
    ax.scatter(*moons[::4].T, s=3, color=ink, alpha=0.6, lw=0)
    ax.plot(*stranger[0], marker="*", ms=14, color=ACCENTS[2], mec="k")
    ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
show(
    figure,
    alt="Two maps of the plane with the two moons and a far away star. The classifier's map is saturated at the star; the density's map is dark there.",
)

# %%
certainty = torch.sigmoid(classifier(stranger).abs()).item()
lowest = joint(moons).logsumexp(1).min()
agree = (joint(moons).argmax(1) == (classifier(moons)[:, 0] > 0)).double().mean()
claim("far from all data the classifier is still certain", certainty, at_least=0.99)
claim("there the generative model gives less density than to any of 1000 data", joint(stranger).logsumexp(1) - lowest, at_most=0)
claim("on the data, (1) gives the classifier's answer", agree, at_least=0.97)

# %% [markdown]
# The star is unlike anything seen in training. The classifier has no way to say so. The generative model has, and it can also draw new moons.
# (In the plane its density can be trusted for this. Among images it cannot, as section 4 hints and lesson 02b measures.)
# The price: it had to learn the whole cloud, which is much harder than one line. As a mere classifier the detour can still pay when labels are few,
# because it assumes more about the data; with many labels the direct way usually wins (Ng and Jordan 2001).

# %% [markdown]
# ## 3. Maximum likelihood
#
# Take a family $p_\theta$ and data $x_1,\dots,x_N$ drawn from $p$. Which $\theta$? The one under which the data were most likely:
#
# $$\hat\theta=\arg\max_\theta\ \frac1N\sum_{i=1}^N\log p_\theta(x_i).\tag{2}$$
#
# As $N$ grows the mean becomes an expectation. Add and subtract $\log p$ in it:
#
# $$\mathbb E_p[\log p_\theta(x)]=\mathbb E_p[\log p(x)]-\mathbb E_p\Big[\log\frac{p(x)}{p_\theta(x)}\Big]=-H(p)-\mathrm{KL}(p\,\|\,p_\theta).$$
#
# The entropy $H(p)$ does not depend on $\theta$: **maximum likelihood minimises $\mathrm{KL}(p\,\|\,p_\theta)$**. This divergence is infinite as soon as $p$ has mass
# where $p_\theta$ has none. So the model must cover all data, even if it must also cover places where there are none. What does that look like when the family is too small?

# %%
x = torch.cat([torch.randn(400, generator=seed(1)) * 0.5 - 2, torch.randn(600, generator=seed(2)) * 0.8 + 1.5])  # (1000,)
mean, log_sigma = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
optimiser = torch.optim.LBFGS([mean, log_sigma], max_iter=100)


def negative_log_likelihood():
    optimiser.zero_grad()
    loss = -Normal(mean, log_sigma.exp()).log_prob(x).mean()  # minus (2)
    loss.backward()
    return loss


optimiser.step(negative_log_likelihood)
claim("climbing (2) by its gradient ends at the sample mean", (mean - x.mean()).abs(), at_most=1e-3)
claim("and at the sample standard deviation, divided by N and not by N - 1", (log_sigma.exp() - x.std(correction=0)).abs(), at_most=1e-4)

# %%
figure, axes = plt.subplots(figsize=(7, 2.7), layout="constrained")
line = torch.linspace(-5, 5, 400)
axes.hist(x, 50, range=(-5, 5), density=True, color=REAL, alpha=0.35, label="data")
axes.plot(line, Normal(mean, log_sigma.exp()).log_prob(line).exp().detach(), color=GENERATED, lw=2, label="most likely single Gaussian")
axes.set(xlabel="$x$", ylabel="density", ylim=(0, 0.5))
axes.legend(loc="upper left")
show(
    figure,
    alt="A histogram of data with two modes; the fitted single Gaussian lies broadly over both and peaks in the valley between them.",
)

# %% [markdown]
# One Gaussian cannot have two modes, so the best one is broad and puts its peak near the valley, where hardly any data lie. Remember this picture:
# the samples of a model that must cover everything will include things that are none of the data. The divergence taken the other way round,
# $\mathrm{KL}(p_\theta\,\|\,p)$, would sit on one hump and forget the other: lesson 03 draws it beside this one, and GANs tend to err on that side.

# %% [markdown]
# ## 4. Mixtures, and expectation maximisation
#
# A richer family: first choose a component $k$ with probability $\pi_k$, then draw from its Gaussian,
#
# $$p_\theta(x)=\sum_{k=1}^K\pi_k\,\mathcal N(x;\mu_k,\Sigma_k).\tag{3}$$
#
# The choice $k$ is our first **latent variable**: it was there when $x$ was made, and we do not see it. If we knew it, fitting would be counting.
# EM (Dempster, Laird and Rubin 1977) goes back and forth. **E**: with $\theta$ fixed, how likely is each component to have made $x_i$?
#
# $$r_{ik}=p_\theta(k\mid x_i)=\frac{\pi_k\,\mathcal N(x_i;\mu_k,\Sigma_k)}{\sum_{k'}\pi_{k'}\,\mathcal N(x_i;\mu_{k'},\Sigma_{k'})}\tag{4}$$
#
# **M**: with these shares fixed, count, with $N_k=\sum_i r_{ik}$:
#
# $$\pi_k=\frac{N_k}N,\qquad \mu_k=\frac1{N_k}\sum_i r_{ik}x_i,\qquad \Sigma_k=\frac1{N_k}\sum_i r_{ik}(x_i-\mu_k)(x_i-\mu_k)^\top.\tag{5}$$


# %%
def log_joint(x, weights, means, covariances):
    """log pi_k + log N(x_i; mu_k, Sigma_k), the summands of (3): (N, D) -> (N, K)."""
    components = torch.distributions.MultivariateNormal(means, covariances)
    return weights.log() + components.log_prob(x[:, None])


def em(x, weights, means, covariances, iterations):
    """Equations (4) and (5) in turn. Returns the parameters before each iteration and the log-likelihoods (2)."""
    states, likelihoods = [], []
    for _ in range(iterations):
        joint = log_joint(x, weights, means, covariances)
        states.append((weights, means, covariances))
        likelihoods.append(joint.logsumexp(1).mean().item())
        r = joint.softmax(1)  # E step, (N, K)
        counts = r.sum(0)  # N_k
        weights, means = counts / len(x), r.T @ x / counts[:, None]  # M step
        centred = x[:, None] - means  # (N, K, D)
        covariances = torch.einsum("nk,nki,nkj->kij", r, centred, centred) / counts[:, None, None]
    return states, likelihoods


spiral = data.toy2d("spiral", 1000, seed(3)).double()
K = 12
start = torch.full((K,), 1 / K, dtype=torch.float64), kmeans_plus_plus(spiral, K, seed(0), sweeps=0), torch.eye(2).double().repeat(K, 1, 1)
states, likelihoods = em(spiral, *start, iterations=60)

# %% [markdown]
# Each of the twelve components starts as a circle at a datum; the data are drawn so that they lie far apart (k-means++, Arthur and Vassilvitskii 2007).
# Before looking: is it right? Three checks. EM must never lower the likelihood (we prove it below). From the same start, scikit-learn's EM
# must end at the same number. And `course_lib`'s version, which the rest of the course imports, must agree with the one written here.

# %%
steps = torch.tensor(likelihoods).diff()
claim("EM never lowers the likelihood", steps.min(), at_least=-1e-9)
precisions = start[2].numpy()  # the inverse of the unit matrix is itself
reference = ScikitMixture(K, max_iter=59, tol=0, reg_covar=0, weights_init=start[0], means_init=start[1], precisions_init=precisions)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns that 59 iterations were not enough: we want exactly 59
    score = reference.fit(spiral.numpy()).score(spiral.numpy())
claim("from the same start scikit-learn reaches the same log-likelihood (relative)", abs(likelihoods[-1] / score - 1), at_most=1e-6)
ours = GaussianMixture(*start).fit(spiral, iterations=59, tolerance=0, floor=0)
claim("course_lib's mixture equals the one written here", (ours.means - states[-1][1]).abs().max(), at_most=1e-8)


# %%
def draw_mixture(axes, weights, means, covariances, title):
    draw_points(axes, real=spiral, size=3)
    for share, mean, covariance in zip(weights, means, covariances, strict=True):
        values, directions = torch.linalg.eigh(covariance)
        angle = math.degrees(math.atan2(directions[1, 1], directions[0, 1]))
        width, height = (4 * values.flip(0).sqrt()).tolist()  # two standard deviations to each side
        axes.add_patch(
            Ellipse(mean.tolist(), width, height, angle=angle, fc=GENERATED, alpha=0.1 + 0.7 * float(share), ec=GENERATED, lw=1.5)
        )
    axes.set(xlim=(-3, 3), ylim=(-3, 3), title=title, xlabel="$x_1$", ylabel="$x_2$")


def draw_em(iteration):
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained", width_ratios=[1, 1.2])
    draw_mixture(axes[0], *states[iteration], f"after {iteration} iterations")
    axes[1].plot(range(len(likelihoods)), likelihoods, color=REAL)
    axes[1].plot(iteration, likelihoods[iteration], "o", color=GENERATED)
    axes[1].set(xlabel="iteration", ylabel="log-likelihood, nats a point")
    return figure


explore(
    draw_em,
    alt="Left: spiral data with the ellipses of twelve Gaussians. Right: the log-likelihood rising with the iterations of EM.",
    iteration=IntSlider(value=50, min=0, max=len(states) - 1),
)

# %% [markdown]
# Start at 0 and step. The ellipses begin as equal circles, then stretch along the arms. The curve rises at each step, but not evenly:
# it slows down while the components agree who takes which stretch, and speeds up again. In the end some still lie across two arms: EM finds *a* maximum, not *the* maximum.
# How much does the start decide? Eight other starts, each run until it gains no more.

# %%
runs = [
    GaussianMixture(start[0], kmeans_plus_plus(spiral, K, seed(i), sweeps=0), start[2]).fit(spiral, iterations=300, tolerance=1e-6, floor=0)
    for i in range(8)
]
runs.sort(key=lambda run: run.history[-1])
figure, axes = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained", width_ratios=[1, 1, 0.8])
for ax, run, name in zip(axes, (runs[0], runs[-1]), ("worst", "best"), strict=False):
    draw_mixture(ax, run.weights, run.means, run.covariances, f"the {name} of eight: {run.history[-1]:.2f} nats a point")
for run in runs:
    axes[2].plot(run.history, color=REAL, alpha=0.6, lw=1.2)
axes[2].set(xlabel="iteration", ylabel="log-likelihood, nats a point", ylim=(-2.65, -2.3), title="all eight")
show(
    figure,
    alt="Two spirals under twelve ellipses, the worst and the best of eight starts; eight rising curves that end at different heights.",
)
claim(
    "of eight starts the best ends higher than the worst by this many nats a point",
    runs[-1].history[-1] - runs[0].history[-1],
    at_least=0.03,
)

# %% [markdown]
# ### Why EM never loses: a bound that touches
#
# Take *any* shares $r_{ik}\ge0$ with $\sum_kr_{ik}=1$. Multiply and divide by them inside the sum, and use Jensen's inequality for the concave logarithm:
#
# $$\log p_\theta(x_i)=\log\sum_kr_{ik}\frac{\pi_k\,\mathcal N(x_i;\mu_k,\Sigma_k)}{r_{ik}}\ \ge\ \sum_kr_{ik}\log\frac{\pi_k\,\mathcal N(x_i;\mu_k,\Sigma_k)}{r_{ik}}.\tag{6}$$
#
# Equality holds when the fraction is the same for every $k$, that is, when $r$ is the posterior (4). So the **E step lifts the bound until it touches** the likelihood at the present $\theta$,
# and the **M step goes to the top of the bound**: its maximum over $\theta$, with $r$ held fixed, is (5). The likelihood there is at least the bound, which is at least where we stood.
#
# Can one see it? Leave a single number free: the mean $\mu$ of the right one of two Gaussians, fitted to the data of section 3.


# %%
def line_joint(mu):
    """log pi_k + log N(x_i; mu_k, 1.5^2) of two components on the line, the left one at -2: (G,) -> (G, N, 2)."""
    left, right = Normal(-2.0, 1.5).log_prob(x), Normal(mu[:, None], 1.5).log_prob(x)
    return torch.stack([left.expand_as(right) + math.log(0.4), right + math.log(0.6)], 2)


def touching_bound(mu, r):
    """The right side of (6), mean over the data: means (G,), shares (N, 2) -> (G,)."""
    return (r * line_joint(mu) + torch.special.entr(r)).sum(2).mean(1)  # entr(r) = -r log r


grid, mu = torch.linspace(-6, 5, 221), torch.tensor([-4.0])
level = line_joint(grid).logsumexp(2).mean(1)  # the log-likelihood (2) for each mean on the grid
figure, axes = plt.subplots(figsize=(8.4, 3.0), layout="constrained")
axes.plot(grid, level, color=REAL, lw=2.5, label="log-likelihood")
above, off, beside = [], [], []
for step, colour in enumerate((ACCENTS[0], ACCENTS[1], ACCENTS[2])):
    r = line_joint(mu)[0].softmax(1)  # E step
    below, here = touching_bound(grid, r), line_joint(mu).logsumexp(2).mean()
    axes.plot(grid, below, color=colour, lw=1.5, ls="--", label=f"bound after E step {step + 1}")
    axes.plot(mu, here, "o", color=colour)
    above.append((below - level).max())
    off.append((touching_bound(mu, r)[0] - here).abs())
    mu = (r[:, 1] @ x / r[:, 1].sum())[None]  # M step
    beside.append((grid[below.argmax()] - mu).abs()[0])
axes.set(xlabel="mean $\\mu$ of the right component", ylabel="nats a point", ylim=(-4.6, -1.6))
figure.legend(loc="outside right center")
show(
    figure,
    alt="The log-likelihood as a curve over one mean, and three dashed parabolas below it: each touches it at a dot and peaks above the next.",
)
claim("the bound (6) is nowhere above the likelihood, for three E steps", max(above), at_most=1e-5)
claim("it touches where the E step was made", max(off), at_most=1e-5)
claim("the M step (5) stands at its top, within the grid's 0.05", max(beside), at_most=0.05)

# %% [markdown]
# From each dot EM climbs to the top of the dashed bound, and the next bound touches there. Nothing in (6) needs $k$ to be a number from 1 to $K$: put a vector and a network in its place,
# and it becomes the bound that lesson 01b trains.

# %% [markdown]
# ### What breaks: a likelihood without a ceiling
#
# Maximum likelihood has a hole. Put one component exactly on one datum and let its variance go to nought: the density there grows without bound, and so does (2). EM falls
# into that hole when a component is left with a single point. Watch it happen to one point far from the rest, then close the hole with a floor under the variances.

# %%
lonely = torch.cat([spiral, torch.tensor([[9.0, 9.0]]).double()])
means = torch.cat([spiral[:4], lonely[-1:]])  # one component starts on the lonely point
peak = {}
for floor in (1e-3, 1e-6, 1e-12):
    begin = GaussianMixture(torch.full((5,), 0.2, dtype=torch.float64), means, torch.eye(2, dtype=torch.float64).repeat(5, 1, 1))
    peak[floor] = begin.fit(lonely, iterations=30, floor=floor).log_density(lonely[-1:]).item()
for floor, value in peak.items():
    print(f"floor {floor:.0e}: log-density at the lonely point {value:.1f}")
claim("a floor a million times lower raises the density of one point by the same factor (nats)", peak[1e-12] - peak[1e-6], 13.7, 13.9)

# %% [markdown]
# Each factor of a million in the floor buys $\log 10^6=13.8$ nats (in the plane; $\tfrac D2\log10^6$ in $D$ dimensions), for a model that has learned nothing but one point. Every likelihood model has this temptation; what keeps it honest
# is a floor, a prior, or noise added to the data. A deep model falls for it too: a pixel that never varies is worth any number of nats.

# %% [markdown]
# ### Mixtures on digits
#
# A digit has 784 pixels; a full covariance would have 307 720 numbers. Pictures of digits, however, hardly use most directions. Project them on their
# first 30 **principal components**, the orthogonal directions in which they vary most: these keep three quarters of the variance.
# Fit the mixture there (with 0.5 as the floor: the thirtieth direction has a variance of 1.5), and sample. How many components are enough? Held-out digits decide.

# %%
pca = PCA(30, random_state=0).fit(digits.images.flatten(1).numpy())
project = lambda images: torch.from_numpy(pca.transform(images.flatten(1).numpy())).double()  # noqa: E731
train_codes, test_codes = project(digits.images), project(test.images)
sizes = profile(smoke=[1, 2], cpu=[1, 5, 20, 60, 150], gpu=[1, 5, 20, 60, 150])
mixtures = {k: fit_mixture(train_codes, k, seed(0), floor=0.5, iterations=15) for k in sizes}
scores = {k: (m.log_density(train_codes).mean().item(), m.log_density(test_codes).mean().item()) for k, m in mixtures.items()}
claim("thirty directions keep three quarters of the variance", pca.explained_variance_ratio_.sum(), 0.72, 0.76)
if len(sizes) > 2:  # not at smoke size
    gaps = {k: on_train - on_test for k, (on_train, on_test) in scores.items()}
    claim("5 components do as well on new digits as on old ones (nats)", abs(gaps[5]), at_most=1)
    claim("150 components do worse by this many nats: overfitting", gaps[150], at_least=4)

# %% tags=["nbval-ignore-output"]
best = max(sizes, key=lambda k: scores[k][1])
made = mixtures[best].sample(30, seed(4)).numpy()
made = torch.from_numpy(pca.inverse_transform(made)).float().reshape(-1, 1, 28, 28)
kept = torch.from_numpy(pca.inverse_transform(test_codes[::33].numpy())).float().reshape(-1, 1, 28, 28)[:30]
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained", width_ratios=[1.1, 1, 1])
for column, (name, colour) in enumerate([("train", ACCENTS[0]), ("test", REAL)]):
    axes[0].plot(sizes, [scores[k][column] for k in sizes], "o-", color=colour, label=name)
axes[0].set(
    xscale="log", xticks=sizes, xticklabels=sizes, xlabel="components", ylabel="nats an image", title="log-likelihood in 30 dimensions"
)
axes[0].minorticks_off()
axes[0].legend()
draw_images(axes[1], kept, columns=6, title="test digits, only projected")
draw_images(axes[2], made, columns=6, title=f"samples, {best} components")
show(
    figure,
    alt="Left: training likelihood rises with the number of components while test likelihood turns down. Middle: thirty projected digits. Right: thirty sampled digits, smeared.",
)

# %% [markdown]
# The ghosts around the strokes come from the projection: the real digits in the middle have them too. What the mixture itself does badly is on the right: some samples are digits, many lie between
# digits. More components fit the training set ever better; on the test set the curve turns down, the sign of **overfitting**.
# A mixture is a table of prototypes. To do better the model must find out how digits *vary*.
#
# Yet as a *classifier* it is not bad at all. Fit one mixture to each class, apply Bayes' rule (1), and read the test digits.

# %%
readers = [
    fit_mixture(train_codes[digits.labels == y], profile(smoke=1, cpu=5, gpu=5), seed(0), floor=0.5, iterations=20) for y in range(10)
]
answer = torch.stack([reader.log_density(test_codes) for reader in readers], 1).argmax(1)  # the classes are equally frequent
right = (answer == test.labels).double().mean()
claim("ten mixtures and Bayes' rule read the test digits", right, at_least=0.93)

# %% tags=["nbval-ignore-output"]
evidence = torch.stack([reader.log_density(test_codes) for reader in readers], 1).logsumexp(1)
ends = evidence.argsort()
figure, axes = plt.subplots(1, 2, figsize=(8, 2.1), layout="constrained")
draw_images(axes[0], test.images[ends[:20]], columns=10, title="least likely test digits")
draw_images(axes[1], test.images[ends[-20:]], columns=10, title="most likely test digits")
show(figure, alt="Twenty least likely test digits, broad, odd and ornate; the twenty most likely are all ones, thin and slanted.")

# %% [markdown]
# The generative classifier also says how strange it finds each digit. The least likely are thick, broad or ornate; the most likely are all ones, a single stroke. Beware: *likely* is
# a density, and a density is highest where data vary least, not where they look best. Lesson 11 comes back to that.

# %% [markdown]
# ## 5. Latent variable models, and an impossible sum
#
# Let the hidden cause be a vector $z\in\mathbb R^d$ with a simple prior, and let a network turn it into a picture:
#
# $$p_\theta(x)=\int p_\theta(x\mid z)\,p(z)\,dz,\qquad p(z)=\mathcal N(0,I).\tag{7}$$
#
# To train by (2) we need $\log p_\theta(x)$. The obvious estimate draws $z_1,\dots,z_S$ from the prior and averages:
# $\hat p(x)=\frac1S\sum_s p_\theta(x\mid z_s)$. How good is it? Test it where (7) is known exactly: $x=2z+\varepsilon$ with $\varepsilon\sim\mathcal N(0,0.3^2I)$, so that
# $p(x)=\mathcal N(0,\,(4+0.09)I)$.


# %%
def prior_estimate(x, samples, generator):
    """log of the plain Monte-Carlo estimate of (7): (N, d) -> (N,)."""
    z = torch.randn(samples, 1, x.shape[1], generator=generator)
    log_likelihood = Normal(2 * z, 0.3).log_prob(x).sum(2)  # (S, N)
    return log_likelihood.logsumexp(0) - math.log(samples)


dimensions, short = [1, 2, 3, 4, 5, 6, 8, 12, 20], {}
for d in dimensions:
    x_d = math.sqrt(4.09) * torch.randn(100, d, generator=seed(d))
    exact = Normal(0.0, math.sqrt(4.09)).log_prob(x_d).sum(1)
    short[d] = [(exact - prior_estimate(x_d, s, seed(0))).mean().item() for s in (100, 1000, 10_000)]
claim("in 1 dimension 10 000 samples from the prior are enough (nats missing)", abs(short[1][2]), at_most=0.05)
claim("in 20 dimensions they miss more than 100 nats", short[20][2], at_least=100)

# %% [markdown]
# How many draws *would* do? Roughly $e^{\mathrm{KL}(p_\theta(z\mid x)\,\|\,p(z))}$ ([Chatterjee and Diaconis 2018](https://arxiv.org/abs/1511.01437)): as many as it takes to hit the posterior by
# drawing from the prior. Here this divergence is $\tfrac12\log\frac{4.09}{0.09}=1.9$ nats a dimension, in the mean over $x$. So $S$ draws should begin to fail about $d=\log S/1.9$: the dotted lines on the right.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.9), layout="constrained")
nats_a_dimension = 0.5 * math.log(4.09 / 0.09)
for column, (samples, colour) in enumerate(zip([100, 1000, 10_000], [ACCENTS[3], REAL, CRITIC], strict=True)):
    for ax in axes:
        ax.plot(dimensions, [short[d][column] for d in dimensions], "o-", color=colour, label=f"{samples} samples")
    axes[1].axvline(math.log(samples) / nats_a_dimension, color=colour, ls=":")
axes[0].set(xticks=[1, 5, 8, 12, 20], xlabel="latent dimension $d$", ylabel="nats missing in $\\log\\,\\hat p(x)$")
axes[1].set(xlim=(0.8, 6.2), ylim=(-0.5, 12), xlabel="latent dimension $d$", title="the beginning, enlarged")
axes[0].legend()
show(
    figure,
    alt="Three curves, for 100, 1000 and 10 000 samples: the error of the estimated log-likelihood grows steeply with the latent dimension, from where a dotted line foretells it.",
)

# %% [markdown]
# Ten times more samples (2.3 nats) put the failure off by one dimension (1.9 nats); in 20 dimensions one would need $e^{38}$, some $10^{16}$. Almost no $z$ from the prior explains a given $x$,
# and fewer the more dimensions there are: the sum is dominated by events that never happen. We must draw $z$ **where it matters**, from the posterior $p_\theta(z\mid x)$. That is unknown as well, so a second network will guess it: [lesson 01b](01b_variational_autoencoders.ipynb).

# %% [markdown]
# ### Four ways round the sum
#
# Every family of models in this course is an answer to (7).
#
# | family | hidden cause | its likelihood | what it pays | lesson |
# |:---|:---|:---|:---|:---|
# | mixtures | one of $K$ components | exact: $K$ terms | prototypes only | 01a |
# | variational auto-encoders | a vector, guessed by an encoder | a lower bound | soft samples | [01b](01b_variational_autoencoders.ipynb) |
# | normalizing flows | a vector, found by inverting the network | exact: one $z$ for each $x$ | layers that can be inverted, $z$ as large as $x$ | [02a](02a_flows.ipynb) |
# | GANs | a vector, never inferred | none: a critic judges samples | a game in place of a maximum | [03a](03a_gan.ipynb) |

# %% [markdown]
# ## Exercises
#
# ### Exercise 1.1 The M step
#
# Given points and responsibilities, compute the new weights and means of (5).


# %%
def m_step(x, r):
    """x: (N, D) points; r: (N, K) responsibilities. Returns weights (K,) and means (K, D)."""
    ### BEGIN SOLUTION
    counts = r.sum(0)
    return counts / len(x), r.T @ x / counts[:, None]
    ### END SOLUTION


# %%
@exercise("1.1")
def check_m_step(attempt):
    points, r = torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 6.0]]), torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    weights, means = attempt(points, r)
    if weights.shape != (2,) or means.shape != (2, 2):
        return f"the shapes should be (2,) and (2, 2), yours are {tuple(weights.shape)} and {tuple(means.shape)}"
    if not torch.allclose(weights, torch.tensor([2 / 3, 1 / 3])):
        return f"the components own 2 and 1 of 3 points, so the weights are 2/3 and 1/3; yours are {weights.tolist()}"
    if torch.allclose(means, r.T @ points / 3):
        return "you divided by N; each mean is divided by its own count N_k"
    if torch.allclose(means, r.T @ points / r.sum(0)):
        return "the counts were divided along the wrong axis: row k of the means goes with N_k, so divide by counts[:, None]"
    if not torch.allclose(means, torch.tensor([[1.5, 1.5], [3.0, 3.0]])):
        return f"the first mean is (1 * 0 + 0.5 * 2 + 0.5 * 4) / 2 = 1.5 in x, and the second 3; yours are {means.tolist()}"


check_m_step(m_step)

# %% [markdown]
# ### Exercise 1.2 Bayes' rule in logarithms
#
# Densities of images are far too small for floating point, so one always holds their logarithms. From $\log p(x\mid y)$ and $\log p(y)$ compute
# both sides of what (1) relates: the posterior $p(y\mid x)$ and the evidence $\log p(x)$.


# %%
def bayes(log_likelihood, log_prior):
    """log_likelihood: (N, K), log_prior: (K,). Returns the posterior (N, K) and the log-evidence (N,)."""
    ### BEGIN SOLUTION
    joint = log_likelihood + log_prior
    return joint.softmax(1), joint.logsumexp(1)
    ### END SOLUTION


# %%
@exercise("1.2")
def check_bayes(attempt):
    prior = torch.tensor([0.25, 0.75]).log()
    posterior, evidence = attempt(torch.tensor([[0.0, 0.0], [-2000.0, -2001.0]]), prior)
    if not posterior.isfinite().all() or not evidence.isfinite().all():
        return "exp(-2000) is 0 in the computer: stay in logarithms until the very end"
    if not (posterior.sum(1) - 1).abs().max() <= 1e-3:
        return f"each row of the posterior should sum to 1, yours sum to {posterior.sum(1).tolist()}"
    if not torch.allclose(posterior[0], prior.exp()):
        return "when both classes explain x equally well the posterior is the prior; did you leave the prior out?"
    if abs(evidence[0]) > 1e-5 or abs(evidence[1] + 2000.644) > 1e-2:
        return f"the log-evidence of the two rows is 0 and -2000.64, yours is {evidence.tolist()}"


check_bayes(bayes)

# %% [markdown]
# ### Exercise 1.3 A mean inside a logarithm
#
# Section 5 averages likelihoods $e^{w_s}$ whose logarithms $w_s$ may be as low as $-10^4$. Compute $\log\frac1S\sum_s e^{w_s}$ without `logsumexp`.


# %%
def log_mean_exp(log_weights):
    """(S, B) -> (B,)."""
    ### BEGIN SOLUTION
    top = log_weights.max(0).values
    return top + (log_weights - top).exp().mean(0).log()
    ### END SOLUTION


# %%
@exercise("1.3")
def check_log_mean_exp(attempt):
    if attempt(torch.zeros(5, 2)).abs().max() > 1e-5:
        return "the mean of S ones is 1 and its logarithm 0: did you forget to divide by S?"
    value = attempt(torch.tensor([[-10_000.0], [-10_001.0]]))
    if not value.isfinite().all():
        return "the weights underflow: take the largest one out of the sum first"
    if not abs(value.item() + 10_000.379) <= 1e-2:
        return f"for weights -10000 and -10001 the answer is -10000.38, yours is {value.item():.2f}"
    if not attempt(torch.tensor([[-10_000.0, 0.0], [-10_001.0, 0.0]])).isfinite().all():
        return "one image's weights are all far below another's: take out the largest of each column, not of the whole table"


check_log_mean_exp(log_mean_exp)

# %% [markdown]
# ## Claims
#
# What this run has just shown, with its own numbers.

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - A generative model learns $p(x)$: it can draw, and it can say how strange a point is. A classifier can do neither. (For images trust the second with care.)
# - Maximum likelihood minimises $\mathrm{KL}(p\,\|\,p_\theta)$: the model must cover the data, wherever else it then lands.
# - EM fits a mixture by guessing the hidden component and counting. It climbs a bound that touches, so it never loses likelihood, but it ends where its start leads.
# - A mixture is a table of prototypes; more of them end in overfitting. A hidden *vector* can say how things vary.
# - Then the likelihood is an integral, and averaging over the prior fails: hardly any $z$ explains a given $x$. Lesson 01b draws $z$ where it matters.
#
# ## References
#
# - Dempster, Laird and Rubin 1977, *Maximum likelihood from incomplete data via the EM algorithm*. [doi:10.1111/j.2517-6161.1977.tb01600.x](https://doi.org/10.1111/j.2517-6161.1977.tb01600.x)
# - Arthur and Vassilvitskii 2007, *k-means++: the advantages of careful seeding*. [ACM](https://dl.acm.org/doi/10.5555/1283383.1283494)
# - Ng and Jordan 2001, *On discriminative vs. generative classifiers: a comparison of logistic regression and naive Bayes*. [NeurIPS 2001](https://papers.nips.cc/paper/2001/hash/7b7a53e239400a13bd6be6c91c4f6c4e-Abstract.html)
# - Chatterjee and Diaconis 2018, *The sample size required in importance sampling*. [arXiv:1511.01437](https://arxiv.org/abs/1511.01437)
