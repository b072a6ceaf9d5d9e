# %% [markdown]
# # 03a Generative adversarial networks
#
# After this lesson you can
# - write the two-player game and its training loop in twenty lines, and say what each player estimates;
# - compute what the game minimises, and why the loss that everybody uses is not the one of the theorem;
# - tell which divergence a loss descends, and what each of them forgives.
#
# **You need**: maximum likelihood and the Kullback-Leibler divergence (lesson 01), PyTorch's `autograd`.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 20 s | not measured |
# | peak memory | 0.9 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/03a_gan.ipynb) · [Slides](../slides/src/03_gan.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import copy
import math

import torch
from ipywidgets import FloatSlider, IntSlider
from matplotlib import pyplot as plt
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, Normal
from torch.nn import functional as F

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.losses import objective
from course_lib.models import GAN
from course_lib.nn import mlp, mlp_critic, mlp_generator
from course_lib.ot import wasserstein_1d
from course_lib.training import Update, fit, profile, profile_name
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, draw_images, draw_map, draw_points, explore, image_grid, show
from course_lib.weights import load_pretrained

trained = profile_name() != "smoke"  # at smoke size nothing is trained long enough to judge

# %% [markdown]
# ## 1. The result first
#
# A **generator** $G$ is a network that turns noise $z$ into an image. The one below was trained for half an hour of one core on 4000
# handwritten digits. Nobody told it what a digit is, and it has no density that one could evaluate: a second network, the
# **critic**, tried to tell its images from real ones, and the generator learned to make that hard. Lesson 03c trains one like it.

# %% tags=["nbval-ignore-output"]
digits = data.digits("train")
shipped = load_pretrained("digits_gan")
made = shipped.sample(50, torch.Generator().manual_seed(0))  # (50, 1, 28, 28) in [-1, 1]
show(
    image_grid([digits.images[:: len(digits) // 50][:50], made], ["real", "generated"], columns=10),
    alt="Two grids of fifty handwritten digits, real ones and generated ones; both are legible and varied.",
)

# %% [markdown]
# Walk through the noise: the slider goes from one $z$ to another along the sphere on which Gaussian noise lives. Every stop is an
# image that nobody wrote. Mostly it changes smoothly; now and then it jumps, because the first twenty coordinates of this generator's noise make
# a choice (lesson 03c says why).


# %%
def walk(z0, z1, t):
    """Spherical interpolation between two rows of noise, z0 and z1 (D,), at t in [0, 1] (T,): (T, D)."""
    angle = torch.acos((z0 @ z1) / (z0.norm() * z1.norm()))
    return (torch.sin((1 - t) * angle)[:, None] * z0 + torch.sin(t * angle)[:, None] * z1) / torch.sin(angle)


@torch.no_grad()
def draw_walk(walk_number=1, place=0.5):
    """Four walks around the chosen one, and the image at the chosen place, large."""
    ends = torch.randn(2, 4, shipped.latent, generator=torch.Generator().manual_seed(walk_number))
    rows = torch.cat([shipped.generator(walk(a, b, torch.linspace(0, 1, 10))) for a, b in zip(*ends, strict=True)])
    here = shipped.generator(walk(ends[0, 0], ends[1, 0], torch.tensor([place])))
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), width_ratios=[10, 4], layout="constrained")
    draw_images(axes[0], rows, 10, "four walks, from left to right")
    draw_images(axes[1], here, 1, f"first walk at {place:.2f}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_walk,
    alt="Four rows of ten digits that change smoothly from left to right, and one of them enlarged.",
    walk_number=IntSlider(value=1, min=0, max=20),
    place=FloatSlider(value=0.5, min=0, max=1, step=0.02),
)

# %% [markdown]
# ## 2. Two players on the line
#
# The notation of the whole course: the data have density $p$. Noise $z\sim\mathcal N(0, I)$ goes through the generator and
# $x = G(z)$ has density $p_G$, which we can sample but not evaluate. The critic gives each point a **raw score** $s(x)\in\mathbb R$, and
#
# $$D(x) = \sigma\big(s(x)\big) = \frac{1}{1+e^{-s(x)}}$$
#
# is its bet that $x$ is real. Goodfellow et al. (2014) let them play for the value
#
# $$V(D, G) = \mathbb E_{x\sim p}\,\log D(x) + \mathbb E_{z}\,\log\big(1 - D(G(z))\big), \qquad \min_G\,\max_D\, V(D, G). \tag{1}$$
#
# In code we never take the logarithm of a sigmoid, which is $\log 0$ for a score of $-100$ in single precision. Since
# $-\log\sigma(s) = \mathrm{softplus}(-s)$ and $-\log(1-\sigma(s)) = \mathrm{softplus}(s)$, the critic minimises $-V$ from raw scores:


# %%
def critic_loss(real_scores, fake_scores):
    """-V of equation (1) from raw scores, (B, 1) each -> a scalar."""
    return F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()


# %%
zero = torch.zeros(8, 1)
claim("a critic that knows nothing loses 2 log 2", critic_loss(zero, zero), 2 * math.log(2) - 1e-6, 2 * math.log(2) + 1e-6)
claim("scores of 10,000 are no trouble", critic_loss(zero - 1e4, zero + 1e4), 2e4 - 1, 2e4 + 1)

# %% [markdown]
# ### 2.1 The critic alone
#
# Before the players meet, freeze one. The data are a mixture of two Gaussians; the generator is a single Gaussian
# and does not move. What will the critic's curve look like when it can do no better?
#
# Take one point $x$. Reals arrive there at rate $p(x)$, fakes at rate $p_G(x)$, so its share of the value is
# $p(x)\log\sigma(s) + p_G(x)\log(1-\sigma(s))$. Its derivative with respect to $s$ is $p\,(1-\sigma) - p_G\,\sigma$,
# which falls as $s$ grows: the share is concave, and its only stationary point is its maximum,
#
# $$D^*(x) = \sigma\big(s^*(x)\big) = \frac{p(x)}{p(x)+p_G(x)}, \qquad s^*(x) = \log\frac{p(x)}{p_G(x)}. \tag{2}$$
#
# The best score is the **log-ratio of the densities**. The critic finds it from samples and never needs to know either density. (Where both densities are
# zero any score is best; where only one is, the best score is infinite.)

# %%
p = MixtureSameFamily(Categorical(torch.tensor([0.4, 0.6])), Normal(torch.tensor([-2.0, 1.5]), torch.tensor([0.5, 0.8])))
frozen = Normal(0.0, 1.5)  # the generator, for now
x = torch.linspace(-12, 12, 4801)  # (4801,) the points of every integral below
ratio = torch.sigmoid(p.log_prob(x) - frozen.log_prob(x))  # equation (2)


def train_critic(critic, draw_fake, steps, rate=3e-3, batch=512):
    """The critic alone, against fakes from a function n -> (n, 1)."""
    optimiser = torch.optim.Adam(critic.parameters(), lr=rate, fused=True)
    for _ in range(steps):
        loss = critic_loss(critic(p.sample((batch, 1))), critic(draw_fake(batch)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return critic


# %%
torch.manual_seed(0)
critic = train_critic(mlp([1, 64, 64, 1]), lambda n: frozen.sample((n, 1)), profile(smoke=5, cpu=600, gpu=2000))
with torch.no_grad():
    learned = torch.sigmoid(critic(x[:, None]))[:, 0]  # (4801,)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(7.5, 3), layout="constrained")
axes.fill_between(x, p.log_prob(x).exp(), color=REAL, alpha=0.3, lw=0, label="data $p$")
axes.fill_between(x, frozen.log_prob(x).exp(), color=GENERATED, alpha=0.3, lw=0, label="generator $p_G$ (frozen)")
axes.plot(x, ratio, color=CRITIC, lw=4, alpha=0.25, label="equation (2)")
axes.plot(x, learned, color=CRITIC, lw=1.2, label="learned critic")
axes.set(xlabel="$x$", xlim=(-6, 6), ylim=(0, 1.02), ylabel="density, or bet on real")
axes.set_title("The critic finds the ratio, and guesses where there is no data")
figure.legend(loc="outside right center", fontsize=8)
show(figure, alt="The learned critic follows p over p plus p_G where the densities are, and departs from it in the tails.")

# %% [markdown]
# The thin line lies on the thick one wherever points fall. In the tails, where almost none do, the critic is free to say
# anything: remember that, it matters as soon as the generator wanders there.

# %%
mass = p.log_prob(x).exp() + frozen.log_prob(x).exp()
if trained:
    error = ((learned - ratio).abs() * mass).sum() / mass.sum()  # the mean error where points fall
    claim("with G frozen, the critic is p / (p + p_G) within 0.04", error, at_most=0.04)

# %% [markdown]
# ### 2.2 The value of the game
#
# Put (2) back into (1). With $m = (p+p_G)/2$, each logarithm is $\log\frac{p}{2m}$ or $\log\frac{p_G}{2m}$, so
#
# $$\max_D V(D, G) = \mathrm{KL}(p\,\|\,m) + \mathrm{KL}(p_G\,\|\,m) - 2\log 2 = 2\,\mathrm{JS}(p, p_G) - 2\log 2. \tag{3}$$
#
# The generator that faces a perfect critic minimises a **Jensen-Shannon divergence**. Each KL is at least 0, and 0 only between equal laws, so the game has one best end:
# $p_G = p$, where $D^* = \tfrac12$ everywhere and the value is $-2\log 2$. This is the theorem of Goodfellow et al. The divergence is at most $\log 2$, reached
# when the two do not overlap. Any other critic gives a smaller value, so minus a critic's loss is a lower bound on the right side of (3).


# %%
def integral(values):  # (..., 4801) -> (...), by the trapezium rule
    return torch.trapezoid(values, x)


def kl(log_a, log_b):
    return integral(log_a.exp() * (log_a - log_b))


def js(log_a, log_b):
    log_m = torch.logaddexp(log_a, log_b) - math.log(2)
    return (kl(log_a, log_m) + kl(log_b, log_m)) / 2


# %%
log_p, log_g, s_best = p.log_prob(x), frozen.log_prob(x), p.log_prob(x) - frozen.log_prob(x)
value = integral(log_p.exp() * F.logsigmoid(s_best)) + integral(log_g.exp() * F.logsigmoid(-s_best))  # V(D*, G)
claim("the best value is 2 JS - 2 log 2", value - (2 * js(log_p, log_g) - 2 * math.log(2)), -1e-5, 1e-5)

# %% [markdown]
# Does a learned critic measure the divergence? Move the frozen generator along the line, let the critic catch up with each place,
# and compare minus its loss on fresh samples with (3).

# %% tags=["nbval-ignore-output"]
places = torch.linspace(-6, 6, 9)
estimates = []
torch.manual_seed(1)
follower = copy.deepcopy(critic)
for place in places:
    there = Normal(place, 1.5)
    train_critic(follower, lambda n, there=there: there.sample((n, 1)), profile(smoke=2, cpu=150, gpu=500))
    with torch.no_grad():
        estimates.append(-critic_loss(follower(p.sample((20_000, 1))), follower(there.sample((20_000, 1)))).item())
means = torch.linspace(-8, 8, 65)
truth = torch.stack([2 * js(log_p, Normal(m, 1.5).log_prob(x)) - 2 * math.log(2) for m in means])  # equation (3)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axes.plot(means, truth, color=CRITIC, lw=4, alpha=0.25, label="2 JS − 2 log 2")
axes.plot(places, estimates, "o", color=CRITIC, ms=5, label="minus a learned critic's loss")
axes.axhline(0, color=GENERATED, lw=0.8, ls="--")
axes.text(0, 0.03, "no overlap: log 2 for every bet", color=GENERATED, fontsize=8, ha="center")
axes.set(xlabel="mean of the generator", ylabel="value of the game", ylim=(-1.45, 0.2))
axes.legend(loc="lower right", fontsize=8)
show(
    figure,
    alt="The value is lowest where the generator covers the data and rises to zero away from it; the critics' dots lie on the curve.",
)

# %%
if trained:
    at_places = torch.stack([2 * js(log_p, Normal(m, 1.5).log_prob(x)) - 2 * math.log(2) for m in places])
    claim("learned critics reach the value of the game within 0.05", (torch.tensor(estimates) - at_places).abs().max(), at_most=0.05)

# %% [markdown]
# ### 2.3 The generator alone
#
# Now the other way round. The critic of 2.1 stands still, and the generator, a small network that starts as $1.5\,z$, climbs
# its score. Where will its samples go?


# %%
class Line(nn.Module):
    """A generator of the line, (B, 1) -> (B, 1), that starts as 1.5 z."""

    def __init__(self):
        super().__init__()
        self.bend = mlp([1, 32, 32, 1])
        nn.init.zeros_(self.bend[-1].weight), nn.init.zeros_(self.bend[-1].bias)

    def forward(self, z):
        return 1.5 * z + self.bend(z)


# %%
torch.manual_seed(0)
runner, fixed_z = Line(), torch.randn(400, 1)  # the same 400 points of noise all along
optimiser = torch.optim.Adam(runner.parameters(), lr=2e-3, fused=True)
path = []
for step in range(profile(smoke=5, cpu=600, gpu=600)):
    if step % 20 == 0:
        path.append(runner(fixed_z).detach()[:, 0])
    loss = F.softplus(-critic(runner(torch.randn(256, 1)))).mean()  # -log D(G(z)); the critic's weights are not touched
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
path = torch.stack(path)  # (snapshots, 400)

# %% tags=["nbval-ignore-output"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3), sharey=True, width_ratios=[3, 1], layout="constrained")
left.plot(20 * torch.arange(len(path)), path[:, ::8], color=GENERATED, lw=0.6, alpha=0.6)
left.set(xlabel="generator's step", ylabel="$G(z)$ for fifty fixed $z$", ylim=(-6, 6), title="the samples pile up on a summit")
near = x.abs() < 6
right.plot(critic(x[near, None]).detach()[:, 0], x[near], color=CRITIC)
right.set(xlabel="frozen score $s(x)$", title="the critic", xlim=(-6, 4))
show(figure, alt="Fifty paths that start spread out and bunch together at the summits of the frozen critic's score, drawn beside them.")

# %% [markdown]
# The generator does not copy the data: its samples climb to a point where the critic is fooled, and pile up there. It need not be the highest summit (here the left one is
# higher): a sample feels only the slope where it stands, and all of them share the weights of $G$. A frozen
# critic asks only for *plausible* points, not for *all* of them. Diversity comes from the critic's answer: once fakes pile up at a point,
# $p_G$ is high there, $s^* = \log p/p_G$ drops, and the place stops paying. The two must move together. When
# they do not, the samples collapse: lesson 03b counts that.

# %%
if trained:
    first, last = (critic(path[k][:, None]).mean() for k in (0, -1))
    claim("against a frozen critic the mean score of fakes rises by more than 1", last - first, at_least=1)
    near_top = (path[-1] - path[-1].median()).abs() < 0.25
    claim("and most of them crowd within a quarter of one place", near_top.float().mean(), at_least=0.5)

# %% [markdown]
# ### 2.4 Both together: Algorithm 1
#
# Here is the whole training loop of Goodfellow et al. (2014), with one step of each player in turn and with the generator's loss that
# they recommend in practice, $-\log D(G(z))$ (section 4 says why). Two details cost beginners a week. `fake.detach()`: the critic's loss must not
# train the generator. And the generator's turn needs a *fresh* score, since the critic has just moved, but not a fresh fake.
#
# Does it converge? The paper proves that it does if the critic is perfect before each move of the generator, and if each move changes the density $p_G$ itself: the value
# (3) is convex in $p_G$. A network moves $\theta$ instead, and its critic has had one step. So the proof does not cover the loop below, and lesson 03b shows it fail.


# %%
def play(generator, critic, generator_optimiser, critic_optimiser, real, z):
    """One round of Algorithm 1 on a batch, real (B, ...) and z (B, D): the two losses, critic's first."""
    fake = generator(z)
    c_loss = critic_loss(critic(real), critic(fake.detach()))
    critic_optimiser.zero_grad()
    c_loss.backward()
    critic_optimiser.step()

    g_loss = F.softplus(-critic(fake)).mean()  # -log D(G(z))
    generator_optimiser.zero_grad()
    g_loss.backward()
    generator_optimiser.step()
    return c_loss.detach(), g_loss.detach()


def adam(network, rate):
    """Adam with the short memory that games need: the opponent of 100 steps ago is no guide."""
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.99), fused=True)


# %%
torch.manual_seed(0)
generator, critic = Line(), mlp([1, 64, 64, 1])
optimisers = adam(generator, 1e-3), adam(critic, 3e-3)
rounds, snapshots, losses = profile(smoke=20, cpu=2000, gpu=5000), [], []
fixed_z = torch.randn(4000, 1)
for step in range(rounds + 1):
    if step % (rounds // 20) == 0:
        with torch.no_grad():
            snapshots.append((step, generator(fixed_z)[:, 0], torch.sigmoid(critic(x[:, None]))[:, 0]))
    losses.append(play(generator, critic, *optimisers, p.sample((256, 1)), torch.randn(256, 1)))


# %%
def draw_round(snapshot=20):
    """Data, generated histogram and critic at one snapshot of the game."""
    step, points, bet = snapshots[snapshot]
    figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
    axes.fill_between(x, p.log_prob(x).exp(), color=REAL, alpha=0.3, lw=0, label="data $p$")
    axes.hist(points.numpy(), bins=torch.linspace(-6, 6, 97).tolist(), density=True, color=GENERATED, alpha=0.5, label="generated")
    axes.plot(x, bet, color=CRITIC, lw=1.2, label="critic's bet $D(x)$")
    axes.axhline(0.5, color=CRITIC, lw=0.6, ls=":")
    axes.set(xlabel="$x$", xlim=(-6, 6), ylim=(0, 1.02), title=f"after {step} rounds")
    figure.legend(loc="outside right center", fontsize=8)
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_round,
    alt="At the end of the game the histogram of generated points fills both humps of the data, and the critic's bet is near one half.",
    snapshot=IntSlider(value=len(snapshots) - 1, min=0, max=len(snapshots) - 1),
)

# %% [markdown]
# Drag the slider from the start. The critic tips towards one side, the generator follows, the critic tips back: the points arrive in waves.
# At the end the bet is near one half wherever most points fall, because there is little left to bet on. The spikes of the histogram are places where $G$ is
# flat in $z$: noise piles up there.

# %%
if trained:
    real = p.sample((4000,))
    start, end = (wasserstein_1d(snapshots[k][1], real) for k in (0, -1))  # mean gap between sorted samples (lesson 04)
    claim("the game brings the sorted samples at least twice as near", start / end, at_least=2)

# %% [markdown]
# ## 3. In the plane
#
# The same loop plays in any dimension. From here on we import it: `GAN` of the library is Algorithm 1 with choices (objective, penalty, critic
# steps), and `fit` adds what a loop needs (batches, seed, progress, average of the weights). First make sure that it is what we wrote.

# %%
torch.manual_seed(0)
library = GAN(mlp([2, 64, 64, 2]), mlp([2, 64, 64, 1]), latent=2, objective="non_saturating", learning_rate=1e-3, betas=(0.5, 0.99))
ours = [copy.deepcopy(library.generator), copy.deepcopy(library.critic)]
our_optimisers = [adam(network, 1e-3) for network in ours]
library.rng, noise = (torch.Generator().manual_seed(5) for _ in range(2))
differences = []
for _ in range(3):
    real = data.toy2d("moons", 64)
    report = library.step(real, Update())
    by_hand = play(*ours, *our_optimisers, real, torch.randn(64, 2, generator=noise))
    differences += [abs(report["critic"] - by_hand[0]), abs(report["generator"] - by_hand[1])]

# %%
claim("three rounds of the library are three rounds of ours", max(differences), at_most=1e-4)

# %% [markdown]
# Now two crescents in the plane. The critic is a map: blue where it bets on data, orange where it bets on fakes, white where it
# cannot tell. The arrows are minus the gradient that each generated point receives: where it is being sent.

# %%
torch.manual_seed(0)
plane_gan = GAN(mlp([2, 64, 64, 2]), mlp([2, 64, 64, 1]), latent=2, learning_rate=(1e-3, 2e-3), betas=(0.5, 0.99))
fixed_noise, frames = torch.randn(400, 2), []
per_frame = profile(smoke=2, cpu=100, gpu=300)
for part in range(25):
    frames.append((part * per_frame, copy.deepcopy(plane_gan).eval()))
    fit(plane_gan, lambda n, g: data.toy2d("moons", n, g), per_frame, batch_size=256, seed=part, progress=False)


# %%
def draw_frame(axes, frame):
    """Critic's map, data, generated points and where they are sent."""
    step, system = frames[frame]
    points = system.generator(fixed_noise).detach().requires_grad_()
    (push,) = torch.autograd.grad(F.logsigmoid(system.critic(points)).sum(), points)  # up log D
    draw_map(axes, system.critic, 2.6, 80, kind="scores")
    draw_points(axes, data.toy2d("moons", 400, torch.Generator().manual_seed(0)), points, size=5, alpha=0.7)
    tails, arrows = points.detach()[::8], push[::8] / push.norm(dim=1).max().clamp(min=1e-9)
    axes.quiver(*tails.T, *arrows.T, color=CRITIC, width=0.005, scale=9)
    axes.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), xticks=[], yticks=[], title=f"step {step}")


def draw_one(frame=24):
    figure, axes = plt.subplots(figsize=(4.2, 4.2), layout="constrained")
    draw_frame(axes, frame)
    return figure


# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 4, figsize=(11, 2.9), layout="constrained")
for ax, frame in zip(axes, (0, 2, 6, 24), strict=True):
    draw_frame(ax, frame)
show(figure, alt="Four stages of training: generated points start as a blob, spread, and end on the two crescents of the data.")

# %% tags=["nbval-ignore-output"]
explore(
    draw_one,
    alt="The critic's scores as a coloured map behind real and generated points, with arrows that push the generated points.",
    frame=IntSlider(value=24, min=0, max=24),
)

# %% [markdown]
# The arrows point towards data that are not yet covered, and past them: the critic is always a little late, so the points overshoot and
# come back. Look at the map far away from all points in the last frames: it is strongly coloured and means nothing.

# %%
if trained:
    cloud = data.toy2d("moons", 2000, torch.Generator().manual_seed(1))
    sample = plane_gan.sample(2000, torch.Generator().manual_seed(1))
    claim(
        "most generated points lie within 0.25 of a real one",
        (torch.cdist(sample, cloud).min(1).values < 0.25).float().mean(),
        at_least=0.85,
    )
    claim(
        "most real points have a generated one within 0.25", (torch.cdist(cloud, sample).min(1).values < 0.25).float().mean(), at_least=0.9
    )

# %% [markdown]
# ## 4. Which way is down?
#
# ### 4.1 The gradient that dies
#
# In (1) the generator minimises $\log(1-D(G(z)))$. In section 2.4 it minimised $-\log D(G(z))$ instead. Both want a high score, yet
# their slopes differ. With $s$ the score of one fake,
#
# $$\frac{\partial}{\partial s}\log\big(1-\sigma(s)\big) = -\sigma(s), \qquad \frac{\partial}{\partial s}\big(-\log\sigma(s)\big) = -\big(1-\sigma(s)\big). \tag{4}$$
#
# Early in training the critic wins easily, $s$ is very negative, and $\sigma(s)$ is nearly zero: the first loss **saturates** just when
# the generator has most to learn. Per sample, the second gradient is longer by exactly $(1-\sigma)/\sigma = e^{-s}$. Measure it on digits: the
# generator stands still at its random start while a critic learns.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
still, watcher = mlp_generator(), mlp_critic()
watcher_optimiser = adam(watcher, 2e-4)
norms = {"minimax": [], "non_saturating": []}
for _ in range(profile(smoke=5, cpu=120, gpu=120)):
    real = digits.images[torch.randint(len(digits), (64,))]
    fake = still(torch.randn(64, 64))
    for name, record in norms.items():
        gradients = torch.autograd.grad(objective(name).generator(watcher(fake)), list(still.parameters()), retain_graph=True)
        record.append(torch.cat([g.flatten() for g in gradients]).norm().item())
    loss = critic_loss(watcher(real), watcher(fake.detach()))
    watcher_optimiser.zero_grad()
    loss.backward()
    watcher_optimiser.step()

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axes.semilogy(norms["non_saturating"], color=ACCENTS[0], label="non-saturating, −log D")
axes.semilogy(norms["minimax"], color=ACCENTS[1], label="minimax, log(1 − D)")
axes.set(xlabel="critic's step (the generator stands still)", ylabel="norm of G's gradient")
axes.legend(fontsize=8)
show(figure, alt="On a log scale the two gradients start together; the minimax one soon falls, the non-saturating one grows a hundredfold.")

# %% [markdown]
# At first both grow, because the critic becomes steeper. From about the fortieth step the critic is sure, and the factor $\sigma(s)$ takes the minimax gradient away. The other
# one stays large: alive, not harmless, for its length now grows with the critic's slope.

# %%
points = still(torch.randn(32, 64)).detach().requires_grad_()  # gradients with respect to the images themselves
scores = watcher(points)
slopes = [torch.autograd.grad(objective(name).generator(scores), points, retain_graph=True)[0].flatten(1).norm(dim=1) for name in norms]
factor = slopes[1] / slopes[0]  # (32,) one an image
claim("per image the second gradient is longer by exp(-s), to 0.1 %", (factor / torch.exp(-scores[:, 0]) - 1).abs().max(), at_most=1e-3)

# %%
if trained:
    claim("120 critic steps in, that is a factor of at least 50", norms["non_saturating"][-1] / norms["minimax"][-1], at_least=50)

# %% [markdown]
# ### 4.2 What the other loss minimises
#
# The trick has a price: $-\log D$ no longer belongs to (3). Suppose the critic is perfect for the present generator, $\theta_0$.
# Since $-\log D^* = \log\frac{p + p_G}{p} = \log\frac{p_G}{p} + \log\frac{m}{p_G} + \log 2$, Arjovsky and Bottou (2017, theorem 2.5) find
#
# $$\mathbb E_z\Big[-\nabla_\theta \log D^*\big(G_\theta(z)\big)\Big]_{\theta=\theta_0} = \nabla_\theta\Big[\mathrm{KL}(p_{G_\theta}\,\|\,p) - 2\,\mathrm{JS}(p_{G_\theta}, p)\Big]_{\theta=\theta_0}. \tag{5}$$
#
# The first term is a reverse KL. The second comes from $\log(m/p_G)$: at the best critic the gradient of (3) is that of $V$ with the critic held still (its own derivative is
# zero there), so $\mathbb E_z\nabla\log(1-D^*)$, with $1-D^*=p_G/2m$, is the gradient of $2\,\mathrm{JS}$. In words: a divergence that hates to put mass where there
# are no data, and a Jensen-Shannon divergence **with the wrong sign**. Check both by
# quadrature for $G_\theta(z) = \mu + \tau z$ with $\theta = (\mu, \log\tau)$, for which $p_G$ is known.


# %%
def gradients_of(which, mean, log_scale):
    """Gradient with respect to (mean, log_scale) of one side of (5), or of 2 JS and its sampled form, by quadrature: (2,)."""
    theta = torch.tensor([mean, log_scale], dtype=torch.float64, requires_grad=True)
    moving = Normal(theta[0], theta[1].exp())
    best = lambda y: p.log_prob(y) - Normal(mean, math.exp(log_scale)).log_prob(y)  # noqa: E731  s*, frozen at theta_0
    z = torch.linspace(-7, 7, 4001, dtype=torch.float64)
    weight = Normal(0.0, 1.0).log_prob(z).exp() * (z[1] - z[0])  # E over z
    sample = theta[0] + theta[1].exp() * z  # (4001,) G_theta(z)
    here = x.double()
    log_q, log_r = moving.log_prob(here), p.log_prob(here)
    quantity = {
        "sampled -log D": lambda: -(weight * F.logsigmoid(best(sample))).sum(),
        "KL - 2 JS": lambda: kl(log_q, log_r) - 2 * js(log_q, log_r),
        "sampled log(1 - D)": lambda: (weight * F.logsigmoid(-best(sample))).sum(),
        "2 JS": lambda: 2 * js(log_q, log_r),
    }[which]()
    return torch.autograd.grad(quantity, theta)[0]


# %%
gap = {"non-saturating": 0.0, "minimax": 0.0}
for mean, scale in ((0.0, 1.5), (-2.0, 0.7), (3.0, 1.0), (1.0, 2.0)):
    at = (mean, math.log(scale))
    gap["non-saturating"] = max(gap["non-saturating"], (gradients_of("sampled -log D", *at) - gradients_of("KL - 2 JS", *at)).abs().max())
    gap["minimax"] = max(gap["minimax"], (gradients_of("sampled log(1 - D)", *at) - gradients_of("2 JS", *at)).abs().max())
claim("gradient of -log D = gradient of KL(p_G | p) - 2 JS", gap["non-saturating"], at_most=1e-3)
claim("gradient of log(1 - D) = gradient of 2 JS", gap["minimax"], at_most=1e-3)

# %% [markdown]
# ### 4.3 Which divergence forgives what?
#
# Maximum likelihood minimises $\mathrm{KL}(p\,\|\,p_G)$, the loss above leans on $\mathrm{KL}(p_G\,\|\,p)$. They fail in opposite ways. Fit
# one Gaussian to two humps, by each divergence, and pull the humps apart.


# %%
grid_mean, grid_scale = torch.linspace(-4, 4, 65), torch.linspace(0.4, 4, 49)
coarse = torch.linspace(-12, 12, 301)  # (301,) points of the integrals here
candidates = Normal(grid_mean[:, None, None], grid_scale[:, None]).log_prob(coarse)  # (65, 49, 301) log-densities


def best_fit(divergence, log_target):
    """(mean, scale) of the Gaussian on the grid that minimises a divergence."""
    if divergence == "js":
        log_m = torch.logaddexp(candidates, log_target) - math.log(2)
        loss = (candidates.exp() * (candidates - log_m) + log_target.exp() * (log_target - log_m)).sum(-1)
    elif divergence == "kl":
        loss = (log_target.exp() * (log_target - candidates)).sum(-1)
    else:
        loss = (candidates.exp() * (candidates - log_target)).sum(-1)
    row, column = divmod(loss.argmin().item(), len(grid_scale))
    return grid_mean[row].item(), grid_scale[column].item()


def humps(separation):
    """Two Gaussians of width 0.6, weights 0.4 and 0.6."""
    return MixtureSameFamily(Categorical(torch.tensor([0.4, 0.6])), Normal(separation / 2 * torch.tensor([-1.0, 1.0]), torch.tensor(0.6)))


def draw_fits(separation=4.0):
    target = humps(separation)
    figure, axes = plt.subplots(figsize=(7.5, 2.8), layout="constrained")
    axes.fill_between(coarse, target.log_prob(coarse).exp(), color=REAL, alpha=0.3, lw=0, label="data")
    names = {"kl": "KL(data ‖ model)", "js": "Jensen-Shannon", "reverse_kl": "KL(model ‖ data)"}
    for (name, label), colour, line in zip(names.items(), ACCENTS, ("-", "--", "-"), strict=False):
        mean, scale = best_fit(name, target.log_prob(coarse))
        axes.plot(coarse, Normal(mean, scale).log_prob(coarse).exp(), color=colour, ls=line, lw=2, label=label)
    axes.set(xlabel="$x$", ylabel="density", xlim=(-6, 6), ylim=(0, 0.75))
    figure.legend(loc="outside right center", fontsize=8)
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_fits,
    alt="One Gaussian fitted to two humps: forward KL and Jensen-Shannon cover both and the valley between, reverse KL sits on the higher hump.",
    separation=FloatSlider(value=4.0, min=0, max=7, step=0.25),
)

# %%
target = humps(4.0)
forward, reverse = best_fit("kl", target.log_prob(coarse)), best_fit("reverse_kl", target.log_prob(coarse))
claim("forward KL matches the data's mean and spread", max(abs(forward[0] - 0.4), abs(forward[1] - math.sqrt(0.36 + 3.84))), at_most=0.08)
claim("reverse KL takes one hump: its mean", reverse[0], 1.9, 2.1)
claim("and its width", reverse[1], 0.5, 0.7)

# %% [markdown]
# Forward KL pays for every real point that the model misses, so it covers everything, valley included: blur. Reverse KL pays for
# every generated point without data nearby, so it would rather forget a hump. Jensen-Shannon sides with the first while the humps are near, and between separations 4 and 4.5
# it changes over to the second.
#
# GANs make sharp images and forget modes, so it is tempting to stop here. But all this supposes a perfect critic and one minimum that both players seek. With real critics
# Nowozin et al. (2016) found the images of three GANs equally realistic, one of them with the forward KL. The better half of the explanation is dynamics: lesson 03b.

# %% [markdown]
# ## 5. Exercises
#
# ### Exercise 3.1 How good can the critic's loss get?
#
# Insert (2) into the loss and write the smallest possible one as a function of two lists of log-densities at the *same* points, half of which were drawn
# from $p$ and half from $p_G$. What is it when $p = p_G$?


# %%
def smallest_loss(log_p, log_g, from_p):
    """The loss of the best critic: one mean over reals plus one over fakes. log_p, log_g: (N,); from_p: (N,) True where the point is real."""
    ### BEGIN SOLUTION
    best = log_p - log_g  # the raw score s*
    return F.softplus(-best[from_p]).mean() + F.softplus(best[~from_p]).mean()
    ### END SOLUTION


# %%
@exercise("3.1")
def check_smallest_loss(attempt):
    half = torch.tensor([True, False]).repeat(500)
    same = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    if not abs((value := float(attempt(same, same, half))) - 2 * math.log(2)) <= 1e-3:  # `not <=` also catches nan
        return f"when p = p_G nobody can tell: the loss should be 2 log 2 = 1.386, yours is {value:.3f}"
    value = float(attempt(torch.tensor([-1.0, -3.0]), torch.tensor([-2.0, -1.0]), torch.tensor([True, False])))
    if not abs(value - 0.4402) <= 1e-3:
        return f"one real with log p - log p_G = 1, one fake with -2: log(1 + e^-1) + log(1 + e^-2) = 0.440, yours is {value:.3f}"


check_smallest_loss(smallest_loss)

# %% [markdown]
# ### Exercise 3.2 Two losses for the generator
#
# Write $\log(1-\sigma(s))$ and $-\log\sigma(s)$, averaged over the batch, so that scores of $\pm 10\,000$ do no harm.


# %%
def generator_losses(scores):
    """(B, 1) raw scores of fakes -> (minimax loss, non-saturating loss), two scalars."""
    ### BEGIN SOLUTION
    return -F.softplus(scores).mean(), F.softplus(-scores).mean()
    ### END SOLUTION


# %%
@exercise("3.2")
def check_generator_losses(attempt):
    scores = torch.tensor([[-3.0], [0.0], [2.0]])
    for name, found in zip(("minimax", "non_saturating"), attempt(scores), strict=True):
        wanted = objective(name).generator(scores).item()
        if not abs(float(found) - wanted) <= 1e-5:
            return f"{name}: the loss at scores -3, 0, 2 is {wanted:.4f}, yours is {float(found):.4f}"
    if not all(torch.isfinite(value) for sign in (-1, 1) for value in attempt(sign * torch.full((2, 1), 1e4))):
        return "right for small scores, but not finite at 10,000: use softplus or logsigmoid"


check_generator_losses(generator_losses)

# %% [markdown]
# ### Exercise 3.3 Smoothed labels
#
# With *one-sided label smoothing* the critic's target on reals is $1-\varepsilon$ instead of 1: it minimises
# $-\mathbb E_p[(1-\varepsilon)\log D + \varepsilon\log(1-D)] - \mathbb E_{p_G}\log(1-D)$. Which $D$ is best?


# %%
def smoothed_optimum(log_p, log_g, epsilon):
    """The best D(x), (N,), from log-densities (N,) and the smoothing epsilon."""
    ### BEGIN SOLUTION
    return (1 - epsilon) * torch.sigmoid(log_p - log_g)  # (1 - eps) p (1 - D) = (eps p + p_G) D
    ### END SOLUTION


# %%
@exercise("3.3")
def check_smoothed(attempt):
    lp, lg, eps = torch.tensor([-1.0, -2.0, 0.5]), torch.tensor([-1.5, 1.0, 0.5]), 0.1
    bet = torch.linspace(1e-4, 1 - 1e-4, 100_001)
    value = lp.exp()[:, None] * ((1 - eps) * bet.log() + eps * (1 - bet).log()) + lg.exp()[:, None] * (1 - bet).log()
    wanted, found = bet[value.argmax(1)], attempt(lp, lg, eps)
    if not (found - wanted).abs().max() <= 1e-3:
        return f"a search finds {[round(v, 3) for v in wanted.tolist()]}, your formula gives {[round(v, 3) for v in found.tolist()]}"


check_smoothed(smoothed_optimum)

# %% [markdown]
# ### Exercise 3.4 The critic as a ratio
#
# By (2), $e^{s^*(x)} = p(x)/p_G(x)$. So a mean over the data can be computed from *generated* points: $\mathbb E_p\,h(x) = \mathbb E_{p_G}[e^{s^*(x)}h(x)]$. Write it
# so that the weights sum to one.


# %%
def reweighted_mean(scores, h):
    """Estimate of E_p h from fakes: scores (N,) and h (N,) at the same generated points -> a scalar."""
    ### BEGIN SOLUTION
    return (torch.softmax(scores, 0) * h).sum()
    ### END SOLUTION


# %%
@exercise("3.4")
def check_reweighted(attempt):
    points = frozen.sample((200_000,))
    if not abs(float(attempt(torch.zeros(3) + 500, torch.tensor([1.0, 2.0, 3.0]))) - 2) <= 1e-4:
        return "equal scores, however large, should give the plain mean (softmax does not overflow)"
    found = float(attempt(p.log_prob(points) - frozen.log_prob(points), points))
    if not abs(found - 0.1) <= 0.05:
        return f"the mean of p is 0.4 x -2 + 0.6 x 1.5 = 0.1; from the generator's points yours is {found:.3f}"


check_reweighted(reweighted_mean)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - A critic trained to tell real from fake estimates the log-ratio of the densities, from samples alone.
# - Against a perfect critic the generator minimises a Jensen-Shannon divergence, but its gradient dies when the critic wins.
# - The loss used in practice, $-\log D$, has a gradient $e^{-s}$ times longer; at a perfect critic it leans towards the reverse KL.
# - A generator with a critic that stands still collapses: diversity is the work of the moving opponent.
# - Forward KL covers and blurs, reverse KL picks and sharpens; a GAN's loss mixes the second with a Jensen-Shannon term of the wrong sign.
#
# ## References
#
# - Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio 2014, *Generative Adversarial Nets*. [link](https://arxiv.org/abs/1406.2661)
# - Arjovsky and Bottou 2017, *Towards Principled Methods for Training Generative Adversarial Networks*. [link](https://arxiv.org/abs/1701.04862)
# - Nowozin, Cseke and Tomioka 2016, *f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization*. [link](https://arxiv.org/abs/1606.00709)
