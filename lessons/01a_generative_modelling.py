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
# | time | 30 s | not measured |
# | peak memory | 1.4 GB | not measured |
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
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, curves, draw_classes, draw_images, draw_map, draw_points, explore, show
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
for ax, title, ink in zip(
    axes, ["$p(y|x)$: certain everywhere", "$p(x)$ (to the power 0.3): knows where it has been"], ["k", "w"], strict=True
):
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
# The price: it had to learn the whole cloud, which is much harder than one line.

# %% [markdown]
# ## 3. Maximum likelihood
#
# Take a family $p_\theta$ and data $x_1,\dots,x_N$ drawn from $p$. Which $\theta$? The one under which the data were most likely:
#
# $$\hat\theta=\arg\max_\theta\ \frac1N\sum_{i=1}^N\log p_\theta(x_i).\tag{2}$$
#
# As $N$ grows the mean becomes $\mathbb E_p[\log p_\theta(x)]=-H(p)-\mathrm{KL}(p\,\|\,p_\theta)$. The entropy $H(p)$ does not
# depend on $\theta$: **maximum likelihood minimises $\mathrm{KL}(p\,\|\,p_\theta)$**. This divergence is infinite wherever $p$ has mass and
# $p_\theta$ has none. So the model must cover all data, even if it must also cover places where there are none. What does that look like when the family is too small?

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
claim("gradient ascent on (2) ends at the sample mean", (mean - x.mean()).abs(), at_most=1e-3)
claim("and at the sample standard deviation", (log_sigma.exp() - x.std(correction=0)).abs(), at_most=1e-3)

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
# the samples of a model that must cover everything will include things that are none of the data. GANs (lesson 03) err on the other side.

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
def draw_em(iteration):
    weights, means, covariances = states[iteration]
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained", width_ratios=[1, 1.2])
    draw_points(axes[0], real=spiral, size=3)
    for share, mean, covariance in zip(weights, means, covariances, strict=True):
        values, axes_of = torch.linalg.eigh(covariance)
        angle = math.degrees(math.atan2(axes_of[1, 1], axes_of[0, 1]))
        width, height = (4 * values.flip(0).sqrt()).tolist()  # two standard deviations to each side
        axes[0].add_patch(
            Ellipse(mean.tolist(), width, height, angle=angle, fc=GENERATED, alpha=0.1 + 0.7 * float(share), ec=GENERATED, lw=1.5)
        )
    axes[0].set(xlim=(-3, 3), ylim=(-3, 3), title=f"after {iteration} iterations", xlabel="$x_1$", ylabel="$x_2$")
    curves({"log-likelihood": likelihoods}, xlabel="iteration", ylabel="nats a point", axes=axes[1])
    axes[1].plot(iteration + 1, likelihoods[iteration], "o", color=GENERATED)
    return figure


explore(
    draw_em,
    alt="Left: spiral data with the ellipses of twelve Gaussians. Right: the log-likelihood rising with the iterations of EM.",
    iteration=IntSlider(value=50, min=0, max=len(states) - 1),
)

# %% [markdown]
# Start at 0 and step. The ellipses begin as equal circles, then stretch along the arms. The curve rises at each step, but not evenly:
# it slows down while the components agree who takes which stretch, and speeds up again. The end depends on the start; EM finds *a* maximum, not *the* maximum.

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
# Each factor of a million in the floor buys $\log 10^6=13.8$ nats, for a model that has learned nothing but one point. Every likelihood model has this temptation; what keeps it honest
# is a floor, a prior, or noise added to the data. A deep model falls for it too: a pixel that never varies is worth any number of nats.

# %% [markdown]
# ### Mixtures on digits
#
# A digit has 784 pixels; a full covariance would have 307 720 numbers. Pictures of digits, however, hardly use most directions. Project them on their
# first 30 principal components, fit the mixture there, and sample. How many components are enough? Held-out digits decide.

# %%
pca = PCA(30, random_state=0).fit(digits.images.flatten(1).numpy())
project = lambda images: torch.from_numpy(pca.transform(images.flatten(1).numpy())).double()  # noqa: E731
train_codes, test_codes = project(digits.images), project(test.images)
sizes = profile(smoke=[1, 2], cpu=[1, 5, 20, 60, 150], gpu=[1, 5, 20, 60, 150])
mixtures = {k: fit_mixture(train_codes, k, seed(0), floor=0.5, iterations=15) for k in sizes}
scores = {k: (m.log_density(train_codes).mean().item(), m.log_density(test_codes).mean().item()) for k, m in mixtures.items()}

# %% tags=["nbval-ignore-output"]
best = max(sizes, key=lambda k: scores[k][1])
made = mixtures[best].sample(30, seed(4)).numpy()
made = torch.from_numpy(pca.inverse_transform(made)).float().reshape(-1, 1, 28, 28)
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", width_ratios=[1, 1.6])
for column, (name, colour) in enumerate([("train", ACCENTS[0]), ("test", REAL)]):
    axes[0].plot(sizes, [scores[k][column] for k in sizes], "o-", color=colour, label=name)
axes[0].set(
    xscale="log", xticks=sizes, xticklabels=sizes, xlabel="components", ylabel="nats an image", title="log-likelihood in 30 dimensions"
)
axes[0].minorticks_off()
axes[0].legend()
draw_images(axes[1], made, columns=10, title=f"samples of the mixture with {best} components")
show(
    figure,
    alt="Left: training likelihood rises with the number of components while test likelihood turns down. Right: thirty sampled digits, readable but smeared.",
)

# %% [markdown]
# Some are digits, many are between digits, and strokes have ghosts. More components fit the training set ever better; on the test set the curve turns down, the sign of **overfitting**.
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
# $$p_\theta(x)=\int p_\theta(x\mid z)\,p(z)\,dz,\qquad p(z)=\mathcal N(0,I).\tag{6}$$
#
# To train by (2) we need $\log p_\theta(x)$. The obvious estimate draws $z_1,\dots,z_S$ from the prior and averages:
# $\hat p(x)=\frac1S\sum_s p_\theta(x\mid z_s)$. How good is it? Test it where (6) is known exactly: $x=2z+\varepsilon$ with $\varepsilon\sim\mathcal N(0,0.3^2I)$, so that
# $p(x)=\mathcal N(0,\,(4+0.09)I)$.


# %%
def prior_estimate(x, samples, generator):
    """log of the plain Monte-Carlo estimate of (6): (N, d) -> (N,)."""
    z = torch.randn(samples, 1, x.shape[1], generator=generator)
    log_likelihood = Normal(2 * z, 0.3).log_prob(x).sum(2)  # (S, N)
    return log_likelihood.logsumexp(0) - math.log(samples)


dimensions, short = [1, 2, 3, 5, 8, 12, 20], {}
for d in dimensions:
    x_d = math.sqrt(4.09) * torch.randn(100, d, generator=seed(d))
    exact = Normal(0.0, math.sqrt(4.09)).log_prob(x_d).sum(1)
    short[d] = [(exact - prior_estimate(x_d, s, seed(0))).mean().item() for s in (100, 1000, 10_000)]
claim("in 1 dimension 10 000 samples from the prior are enough (nats missing)", abs(short[1][2]), at_most=0.05)
claim("in 20 dimensions they miss more than 20 nats", short[20][2], at_least=20)

# %%
figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
for column, (samples, colour) in enumerate(zip(["100", "1000", "10 000"], [ACCENTS[3], REAL, CRITIC], strict=True)):
    axes.plot(dimensions, [short[d][column] for d in dimensions], "o-", color=colour, label=f"{samples} samples")
axes.set(
    xticks=dimensions, xlabel="latent dimension $d$", ylabel="nats missing", title="The plain estimate of log p(x) falls short as d grows"
)
axes.legend()
show(
    figure,
    alt="Three curves, for 100, 1000 and 10 000 samples: the error of the estimated log-likelihood grows steeply with the latent dimension.",
)

# %% [markdown]
# Ten times more samples put the failure off by a dimension or two; they do not prevent it. Almost no $z$ from the prior explains a given $x$, and fewer the more dimensions there are: the sum is dominated by
# events that never happen. We must draw $z$ **where it matters**, from the posterior $p_\theta(z\mid x)$. That is unknown as well, so a second network will guess it: [lesson 01b](01b_variational_autoencoders.ipynb).

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
    points, r = torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 6.0]]), torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    weights, means = attempt(points, r)
    if weights.shape != (2,) or means.shape != (2, 2):
        return f"the shapes should be (2,) and (2, 2), yours are {tuple(weights.shape)} and {tuple(means.shape)}"
    if not torch.allclose(weights, torch.tensor([0.5, 0.5])):
        return f"each component owns 1.5 of 3 points, so the weights are 0.5 and 0.5; yours are {weights.tolist()}"
    if not torch.allclose(means[0], torch.tensor([2 / 3, 0.0])):
        return f"the first mean is (1 * 0 + 0.5 * 2) / 1.5 = 2/3 in x; yours is {means[0].tolist()}: did you divide by N instead of N_k?"


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
    if not torch.allclose(posterior.sum(1), torch.ones(2)):
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
    if not torch.allclose(attempt(torch.zeros(5, 2)), torch.zeros(2)):
        return "the mean of S ones is 1 and its logarithm 0: did you forget to divide by S?"
    value = attempt(torch.tensor([[-10_000.0], [-10_001.0]]))
    if not value.isfinite().all():
        return "the weights underflow: take the largest one out of the sum first"
    if abs(value.item() + 10_000.379) > 1e-2:
        return f"for weights -10000 and -10001 the answer is -10000.38, yours is {value.item():.2f}"


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
# - A generative model learns $p(x)$: it can draw, and it knows when it sees something strange. A classifier can do neither.
# - Maximum likelihood minimises $\mathrm{KL}(p\,\|\,p_\theta)$: the model must cover the data, wherever else it then lands.
# - EM fits a mixture by guessing the hidden component and counting; it never loses likelihood, but ends where its start leads.
# - A mixture is a table of prototypes; more of them end in overfitting. A hidden *vector* can say how things vary.
# - Then the likelihood is an integral, and averaging over the prior fails: hardly any $z$ explains a given $x$. Lesson 01b draws $z$ where it matters.
#
# ## References
#
# - Dempster, Laird and Rubin 1977, *Maximum likelihood from incomplete data via the EM algorithm*. [doi:10.1111/j.2517-6161.1977.tb01600.x](https://doi.org/10.1111/j.2517-6161.1977.tb01600.x)
# - Arthur and Vassilvitskii 2007, *k-means++: the advantages of careful seeding*. [ACM](https://dl.acm.org/doi/10.5555/1283383.1283494)
# - Ng and Jordan 2001, *On discriminative vs. generative classifiers: a comparison of logistic regression and naive Bayes*. [NeurIPS 2001](https://papers.nips.cc/paper/2001/hash/7b7a53e239400a13bd6be6c91c4f6c4e-Abstract.html)
