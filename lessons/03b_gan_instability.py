# %% [markdown]
# # 03b Objectives, and why GANs are unstable
#
# After this lesson you can
# - derive an adversarial objective from any f-divergence and check its bound;
# - predict whether two players will meet, circle or fly apart, and choose a penalty that makes them meet;
# - count collapsed modes, and say why no loss curve shows them.
#
# **You need**: lesson 03a; eigenvalues of a 2 x 2 matrix; the convex conjugate (recalled in section 2).
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 1 min 20 s | not measured |
# | peak memory | 0.8 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/03b_gan_instability.ipynb) · [Slides](../slides/src/03_gan.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import math

import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from matplotlib import pyplot as plt
from torch import nn
from torch.distributions import Normal

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.losses import f_divergence, objective, pull_away
from course_lib.losses.f_divergence import F_DIVERGENCES
from course_lib.models import GAN, EnergyCritic
from course_lib.models import pack as pack_samples
from course_lib.nn import mlp
from course_lib.ot import matching
from course_lib.training import fit, profile, profile_name
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, TEN, draw_points, explore, show

trained = profile_name() != "smoke"  # at smoke size nothing is trained long enough to judge

# %% [markdown]
# ## 1. The result first: the smallest GAN that fails
#
# All data are at one point, 0. The generator makes one point, $\theta$. The critic is a line through the origin, $s(x) = \psi x$. Two
# numbers play, so the whole game is a field of arrows in the plane $(\theta, \psi)$, and it should end at the centre. This is the
# **Dirac GAN** (Mescheder et al. 2018). Objectives are the library's, differentiated as in any training.


# %%
def velocity(name, penalty, weight, theta, psi):
    """(d theta / dt, d psi / dt) when both players follow minus their gradients, for N games at once, (N,) each."""
    theta, psi = theta.detach().requires_grad_(), psi.detach().requires_grad_()
    game = objective(name, a=-1, b=1, c=0) if name == "least_squares" else objective(name)
    critic_loss = game.critic(0 * psi, psi * theta) * len(psi)  # scores s(0) and s(theta); the loss is a mean over the games
    generator_loss = game.generator(psi * theta) * len(psi)
    if penalty == "R1":
        critic_loss = critic_loss + weight * psi.square().sum()  # the gradient of s is psi, everywhere
    elif penalty == "gradient penalty":
        critic_loss = critic_loss + weight * (psi.abs() - 1).square().sum()
    return -torch.autograd.grad(generator_loss, theta, retain_graph=True)[0], -torch.autograd.grad(critic_loss, psi)[0]


def trajectory(name, penalty="none", weight=0.5, players="flow", step=0.1, steps=200, start=(1.0, 0.0)):
    """(steps + 1, 2) states. players: "flow" (Runge-Kutta, the limit of small steps), "simultaneous" or "alternating" (critic first)."""
    theta, psi = torch.tensor([start], dtype=torch.float64).T
    states = [torch.cat([theta, psi])]
    for _ in range(steps):
        slopes = [velocity(name, penalty, weight, theta, psi)]
        if players == "alternating":
            psi = psi + step * slopes[0][1]
            theta = theta + step * velocity(name, penalty, weight, theta, psi)[0]
        elif players == "simultaneous":
            theta, psi = theta + step * slopes[0][0], psi + step * slopes[0][1]
        else:
            for part in (0.5, 0.5, 1.0):
                slopes.append(velocity(name, penalty, weight, theta + part * step * slopes[-1][0], psi + part * step * slopes[-1][1]))
            theta, psi = (
                at + step / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3]) for at, k in zip((theta, psi), zip(*slopes, strict=True), strict=True)
            )
        states.append(torch.cat([theta, psi]))
    return torch.stack(states)


# %%
def draw_phase(axes, name, penalty="none", weight=0.5, players="flow", step=0.1, steps=200):
    """Arrows of the field, and one game from (1, 0)."""
    side = torch.linspace(-2, 2, 13, dtype=torch.float64)
    theta, psi = torch.cartesian_prod(side, side).T
    u, v = velocity(name, penalty, weight, theta, psi)
    length = (u.square() + v.square()).sqrt().clamp(min=1e-9)
    axes.quiver(theta, psi, u / length, v / length, length, cmap="Greys", clim=(-1, 3), width=0.005, scale=22)
    path = trajectory(name, penalty, weight, players, step, steps)
    axes.plot(*path.T, color=GENERATED, lw=1.2)
    axes.plot(*path[0], "o", color=GENERATED, ms=5)
    axes.plot(0, 0, "*", color=REAL, ms=12)
    axes.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xlabel=r"generator $\theta$", ylabel=r"critic $\psi$")


def draw_dirac(game="non_saturating", penalty="none", weight=0.5, players="alternating", step=0.1):
    figure, axes = plt.subplots(figsize=(4.4, 4.4), layout="constrained")
    draw_phase(axes, game, penalty, weight, players, step)
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_dirac,
    alt="Arrows that circle the centre of the plane of theta and psi, and a path from (1, 0) that turns around it without arriving.",
    game=Dropdown(options=["minimax", "non_saturating", "wasserstein", "least_squares", "hinge"], value="non_saturating"),
    penalty=Dropdown(options=["none", "R1", "gradient penalty"]),
    weight=FloatSlider(value=0.5, min=0, max=2, step=0.1),
    players=Dropdown(options=["flow", "simultaneous", "alternating"], value="alternating"),
    step=FloatSlider(value=0.1, min=0.02, max=0.4, step=0.02),
)

# %% [markdown]
# Try "wasserstein" with simultaneous players, then add R1, then swap R1 for the gradient penalty. Which settings reach the star? Section 4 predicts
# each of them. First: where do objectives come from?
#
# ## 2. An objective for every divergence
#
# For a convex function $f$ on $u>0$ with $f(1)=0$, the **f-divergence** is $D_f(p\,\|\,p_G) = \mathbb E_{p_G} f(p/p_G)$. Its convex conjugate is
# $f^*(t) = \sup_{u>0}\,(ut - f(u))$, and since $f(u) = \sup_t\,(ut - f^*(t))$, any function $T$ of $x$ with values in the domain of $f^*$ gives
#
# $$D_f(p\,\|\,p_G) \;\ge\; \mathbb E_{x\sim p}\, T(x) - \mathbb E_{x\sim p_G}\, f^*\big(T(x)\big), \qquad \text{with equality at } T = f'\!\left(\frac{p}{p_G}\right). \tag{1}$$
#
# The right side needs only samples of both: it is a critic's objective (Nowozin et al. 2016). A raw score $s\in\mathbb R$ is first sent into the domain
# of $f^*$ by an **output activation** $T = g(s)$. Forget it, and the logarithm of a negative number ends the run.
#
# | divergence | $f(u)$ | $f^*(t)$, domain | $T = g(s)$ |
# |:---|:---|:---|:---|
# | KL$(p\,\|\,p_G)$ | $u\log u$ | $e^{t-1}$, all $t$ | $s$ |
# | reverse KL$(p_G\,\|\,p)$ | $-\log u$ | $-1-\log(-t)$, $t<0$ | $-e^{-s}$ |
# | Jensen-Shannon | $\tfrac12\big(u\log u-(u+1)\log\tfrac{u+1}{2}\big)$ | $-\tfrac12\log(2-e^{2t})$, $t<\tfrac12\log 2$ | $\tfrac12\big(\log 2+\log\sigma(s)\big)$ |
# | Pearson $\chi^2$ | $(u-1)^2$ | $t^2/4+t$ for $t\ge-2$, else $-1$ | $s$ |
# | squared Hellinger | $(\sqrt u-1)^2$ | $t/(1-t)$, $t<1$ | $1-e^{-s}$ |
# | total variation | $\tfrac12\lvert u-1\rvert$ | $t$, $\lvert t\rvert\le\tfrac12$ | $\tfrac12\tanh s$ |
#
# The Jensen-Shannon row is the game of lesson 03a, halved and shifted by $\log 2$.

# %%
real_scores, fake_scores = (
    torch.randn(64, generator=torch.Generator().manual_seed(0)),
    torch.randn(64, generator=torch.Generator().manual_seed(1)),
)
gap = 2 * objective("f:js").critic(real_scores, fake_scores) - (objective("minimax").critic(real_scores, fake_scores) - 2 * math.log(2))
claim("the Jensen-Shannon bound is the minimax game", gap, -1e-5, 1e-5)

# %% [markdown]
# ### 2.1 Do critics reach their divergence?
#
# Between two Gaussians every divergence of the table is known. Six critics maximise the right side of (1). Expectations are integrals on
# a fine grid here, so that nothing but the critic can be wrong.

# %%
p, q = Normal(0.5, 0.8), Normal(0.0, 1.0)
x = torch.linspace(-6, 6, 601)
dx = x[1] - x[0]
p_mass, q_mass = p.log_prob(x).exp() * dx, q.log_prob(x).exp() * dx  # (601,) weights of the integrals
log_ratio = p.log_prob(x) - q.log_prob(x)
m, s, t = 0.5, 0.8, 1.0  # q has mean 0
spread = 2 * t**2 - s**2
middle = (p_mass + q_mass) / 2
closed_form = {
    "kl": math.log(t / s) + (s**2 + m**2) / (2 * t**2) - 0.5,
    "reverse_kl": math.log(s / t) + (t**2 + m**2) / (2 * s**2) - 0.5,
    "js": 0.5 * (p_mass * (p_mass / middle).log() + q_mass * (q_mass / middle).log()).sum().item(),
    "pearson": t**2 / (s * math.sqrt(spread)) * math.exp(m**2 / spread) - 1,
    "squared_hellinger": 2 - 2 * math.sqrt(2 * s * t / (s**2 + t**2)) * math.exp(-(m**2) / (4 * (s**2 + t**2))),
    "total_variation": 0.5 * (p_mass - q_mass).abs().sum().item(),
}


# %%
def climb(name, steps):
    """Trains a critic on the bound (1): the bound at every step, and the scores (601,) at the end."""
    torch.manual_seed(0)
    critic, divergence = mlp([1, 64, 64, 1]), f_divergence(name)
    optimiser, bounds = torch.optim.Adam(critic.parameters(), lr=3e-3, fused=True), []
    for _ in range(steps):
        score = critic(x[:, None])[:, 0]
        bound = (p_mass * divergence.activation(score)).sum() - (q_mass * divergence.paid(score)).sum()  # paid(s) = f*(g(s))
        optimiser.zero_grad()
        (-bound).backward()
        optimiser.step()
        bounds.append(bound.item())
    return torch.tensor(bounds), critic(x[:, None])[:, 0].detach()


climbed = {name: climb(name, profile(smoke=5, cpu=400, gpu=400)) for name in F_DIVERGENCES}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(2, 6, figsize=(13, 4.2), sharey="row", layout="constrained")
for (name, (bounds, scores)), column in zip(climbed.items(), axes.T, strict=True):
    column[0].plot(bounds / closed_form[name], color=CRITIC)
    column[0].axhline(1, color=REAL, lw=3, alpha=0.3)
    column[0].set(title=name.replace("_", " "), ylim=(0, 1.08), xlabel="step")
    best = f_divergence(name).best_score(log_ratio)
    column[1].plot(x, best, color=REAL, lw=4, alpha=0.3)
    column[1].plot(x, scores, color=CRITIC)
    column[1].set(xlim=(-2.5, 2.5), ylim=(-4, 4), xlabel="$x$")
axes[0, 0].set_ylabel("bound / divergence")
axes[1, 0].set_ylabel("raw score $s(x)$")
show(figure, alt="Six bounds that rise to one times their divergence, above six learned scores that lie on the best ones.")

# %% [markdown]
# Top: the bound over its closed form, from below. Bottom: the learned score (thin) on the best one, $g^{-1}(f'(p/p_G))$ (thick). Total variation
# asks for a step from $-\infty$ to $\infty$: the learned score only has to have the right sign.

# %%
for name, (bounds, _) in climbed.items():
    claim(f"{name}: no bound is above the divergence", bounds.max() / closed_form[name], at_most=1.001)

# %%
if trained:
    for name, (bounds, _) in climbed.items():
        claim(f"{name}: the bound reaches the divergence within 5 %", bounds[-1] / closed_form[name], 0.95, 1.001)

# %% [markdown]
# ### 2.2 Objectives without a divergence
#
# Other objectives start from what the players should feel. **Least squares** (Mao et al. 2017) pulls scores to targets, so that fakes which are
# already believed, but far from the data's score, still get a gradient. The **hinge** (Lim and Ye 2017) stops rewarding a critic
# for what it knows well. **Wasserstein** (lesson 04) takes the plain difference of means, and needs a critic of bounded slope. The **relativistic** loss compares
# each fake with a real. The **energy-based** GAN (Zhao et al. 2017) lets an auto-encoder's error be the score, low on data; its generator
# may add the **pull-away** term, the mean squared cosine between codes of different fakes, so that they do not all look alike.

# %%
s_axis = torch.linspace(-4, 4, 161)
figure, axes = plt.subplots(1, 3, figsize=(11, 2.9), sharey=True, layout="constrained")
for name, colour in zip(("minimax", "non_saturating", "least_squares", "hinge", "wasserstein"), TEN, strict=False):
    game, none = objective(name), torch.zeros(0, 1)
    for ax, loss in (
        (axes[0], lambda v, game=game: game.critic(v, torch.full_like(v, -50.0 if game.name != "least_squares" else 0.0))),
        (axes[1], lambda v, game=game: game.critic(torch.full_like(v, 50.0 if game.name != "least_squares" else 1.0), v)),
        (axes[2], lambda v, game=game: game.generator(v)),
    ):
        values = torch.stack([loss(v[None]) for v in s_axis])
        ax.plot(
            s_axis,
            values - values[80],
            color=colour,
            label=name.replace("_", " "),
            ls="--" if name == "non_saturating" and ax is not axes[2] else "-",
        )
for ax, title in zip(axes, ("critic, on a real", "critic, on a fake", "generator"), strict=True):
    ax.set(xlabel="raw score $s$", title=title, ylim=(-4, 6))
axes[0].set_ylabel("loss, 0 at $s=0$")
figure.legend(*axes[2].get_legend_handles_labels(), loc="outside right center", fontsize=8)
show(figure, alt="Losses against the raw score for five objectives: flat, straight or curved on either side of zero.")

# %% [markdown]
# Look at the generator's panel on the left, where a fake is recognised: minimax is flat there, all others push.

# %%
codes = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
claim("pull-away: cosines 0, 1/sqrt 2, 1/sqrt 2 give 1/3", pull_away(codes), 1 / 3 - 1e-6, 1 / 3 + 1e-6)
wells = objective("energy", margin=1.0)
claim("the energy's margin works sample by sample", wells.critic(torch.zeros(2), torch.tensor([0.0, 3.0])), 0.5 - 1e-6, 0.5 + 1e-6)

# %% [markdown]
# ## 3. What an optimum does not tell
#
# Every objective above has its best point at $p_G = p$. Whether two players *reach* it is another question: they do not minimise one function
# together. A vector field that is no gradient may rotate.
#
# ## 4. Two numbers: predictions
#
# In the Dirac GAN the fake's score is $s=\psi\theta$ and the real's is 0. Write $\ell(s)$ for the derivative of the critic's loss on a fake, $h(s)$ for minus that of the generator's
# loss. By the chain rule the flow is
#
# $$\dot\theta = h(\psi\theta)\,\psi, \qquad \dot\psi = -\ell(\psi\theta)\,\theta. \tag{2}$$
#
# | objective | $h$ | $\ell$ | $\frac{\mathrm d}{\mathrm dt}(\theta^2+\psi^2)$ | prediction |
# |:---|:---|:---|:---|:---|
# | Wasserstein | $1$ | $1$ | $0$ | circles, one turn in $2\pi$ |
# | minimax | $\sigma$ | $\sigma$ | $0$ | circles |
# | non-saturating | $1-\sigma$ | $\sigma$ | $-2\psi\theta\tanh(\psi\theta/2)\le 0$ | inwards, ever more slowly |
# | least squares, $(a,b,c)=(-1,1,0)$ | $-s$ | $1+s$ | $-2s-4s^2$ | $\dot\theta=-\psi^2\theta$: $\theta$ falls to 0, $\psi$ stops on the way |
# | any, with R1 of weight $w$ | | | minus $4w\psi^2$ | spirals in |
#
# Near the centre $h(0)=\ell(0)=c$, which is $1$ for Wasserstein and hinge, $\tfrac12$ for the logistic losses. R1 adds $-2w\psi$ to $\dot\psi$, and the
# linearised flow has eigenvalues
#
# $$\lambda = -w \pm \sqrt{w^2 - c^2}. \tag{3}$$
#
# With $w=0$ they are $\pm ic$: pure rotation. Any $w>0$ gives a negative real part. The gradient penalty instead asks $|\psi|$ to be 1: at the centre,
# where $\psi=0$ is right, it pushes away. With the Wasserstein loss and $w<1$ the game then loops for ever; with $w\ge 1$ it comes to rest, at $\theta=\pm 2w$ and $\psi=0$: in the
# wrong place, because the penalty's pull on $\psi$ there balances the data's. A step of size $\eta$ is no flow, either. For Wasserstein the simultaneous step multiplies the
# radius by $\sqrt{1+\eta^2}$ exactly; alternating steps have determinant 1, and stay on an ellipse.

# %% tags=["nbval-ignore-output"]
cases = [
    ("wasserstein", "none", "flow", "Wasserstein: a circle"),
    ("wasserstein", "none", "simultaneous", "simultaneous steps: outwards"),
    ("wasserstein", "none", "alternating", "alternating steps: an ellipse"),
    ("minimax", "none", "flow", "minimax: a circle"),
    ("non_saturating", "none", "flow", "non-saturating: slowly in"),
    ("least_squares", "none", "flow", "least squares (-1, 1, 0)"),
    ("wasserstein", "gradient penalty", "flow", "gradient penalty: no rest"),
    ("non_saturating", "R1", "flow", "non-saturating + R1: arrives"),
]
figure, axes = plt.subplots(2, 4, figsize=(11.5, 6.2), sharex=True, sharey=True, layout="constrained")
for ax, (name, penalty, players, title) in zip(axes.flat, cases, strict=True):
    draw_phase(ax, name, penalty, 0.5, players, 0.1, 300 if players == "flow" else 130)
    ax.set_title(title)
    ax.label_outer()
show(
    figure,
    alt="Eight phase portraits: circles, an outward spiral, an ellipse, a slow inward spiral, a path that ends below the centre, a loop, and a path into it.",
)

# %%
radius = {name: trajectory(name, steps=300).norm(dim=1) for name in ("wasserstein", "minimax", "non_saturating", "hinge")}
claim("Wasserstein orbits: the radius of the flow stays 1", (radius["wasserstein"] - 1).abs().max(), at_most=1e-4)
claim("so does minimax", (radius["minimax"] - 1).abs().max(), at_most=1e-4)
claim("non-saturating never moves outwards", radius["non_saturating"].diff().max(), at_most=1e-9)
claim("but is not there after 30 units of time", radius["non_saturating"][-1], at_least=0.3)
claim("hinge turns like Wasserstein inside its margins", (radius["hinge"] - 1).abs().max(), at_most=1e-4)

# %%
turn = trajectory("wasserstein", step=2 * math.pi / 100, steps=100)[-1]
claim("one turn takes 2 pi", (turn - torch.tensor([1.0, 0.0])).abs().max(), at_most=1e-3)
growth = trajectory("wasserstein", players="simultaneous", step=0.2, steps=50).norm(dim=1)[-1]
claim("simultaneous steps grow the radius by sqrt(1 + step^2) each", growth / 1.04**25, 1 - 1e-9, 1 + 1e-9)
ellipse = trajectory("wasserstein", players="alternating", step=0.2, steps=2000).norm(dim=1)
claim("alternating steps stay bounded for 2000 rounds", ellipse.max() / ellipse.min(), at_most=1.3)


# %%
def rate(name, weight):
    """Speed of convergence under R1: the slope of -log radius over the flow's second half, averaged over turns."""
    path = trajectory(name, "R1", weight, step=0.1, steps=600, start=(0.1, 0.0)).norm(dim=1).log()
    return (path[200] - path[600]) / 40


claim("R1 converges: Wasserstein, w = 0.3, at the rate w of (3)", rate("wasserstein", 0.3) / 0.3, 0.93, 1.07)
claim("R1 converges: non-saturating, w = 0.2, at the rate w", rate("non_saturating", 0.2) / 0.2, 0.93, 1.07)
slow = 1 - math.sqrt(1 - 0.25)  # w = 1, c = 1/2: real eigenvalues, the nearer one rules
claim("too much R1 is slow again: w = 1, w - sqrt(w^2 - c^2)", rate("non_saturating", 1.0) / slow, 0.93, 1.07)
restless = trajectory("wasserstein", "gradient penalty", 0.5, steps=600)[300:]
claim("with the gradient penalty, w = 0.5, the game stays away from the centre", restless.norm(dim=1).min(), at_least=0.5)
claim("... nor comes to rest: theta swings on by at least 2", restless[-100:, 0].max() - restless[-100:, 0].min(), at_least=2)
wrong = trajectory("wasserstein", "gradient penalty", 1.0, steps=600)[-1]
claim("w = 1: at rest, at distance 2 w from the data", (wrong.abs() - torch.tensor([2.0, 0.0])).abs().max(), at_most=1e-3)

# %% [markdown]
# Is this only a toy's trouble? Where both laws have densities, unpenalised GANs can converge near their equilibrium (Nagarajan and Kolter 2017); the Dirac GAN shows that this fails when the data sit on a thin set, as images
# do. And the cure carries over: Mescheder et al. prove that with R1 a GAN of any size converges locally, under small gradient steps, if the generator can reach $p$ exactly and a few conditions on the
# equilibrium hold. The linearised flow has the same shape there: a rotation between the players, and R1 as friction. This is why the digits of lesson 03c have it. The theorem is local: it says
# nothing about a start from far away, nor about Adam.
#
# ## 5. Counting modes
#
# Data: eight Gaussians on a ring. A mode is **found** if at least 1 % of 2000 samples lie within three standard deviations (0.3) of its centre. All objectives
# get the same two networks, the same optimiser, the same 1500 steps. The setting is chosen to be hard: noise of 16 dimensions, a slow learning rate.


# %%
centres = data.ring_centres()


def modes_found(points):
    """(N, 2) -> how many of the eight centres have at least 1 % of the points within 0.3."""
    distance, index = torch.cdist(points, centres).min(1)
    return int((torch.bincount(index[distance < 0.3], minlength=8) >= 0.01 * len(points)).sum())


def on_ring(name, seed=0, steps=None, pack=1, critic=None, **settings):
    """Trains one GAN on the ring: final samples (2000, 2), and 15 frames of (points (500, 2), critic's loss, generator's loss)."""
    torch.manual_seed(seed)
    critic = critic() if critic else mlp([2 * pack, 128, 128, 1], nn.ReLU)
    gan = GAN(mlp([16, 128, 128, 2], nn.ReLU), critic, 16, name, pack=pack, learning_rate=5e-4, **settings)
    frames, per_frame = [], profile(smoke=1, cpu=100, gpu=100)
    for part in range(15):
        run = fit(gan, lambda n, g: data.toy2d("ring", n, g), per_frame, batch_size=128, seed=15 * seed + part, progress=False)
        points = gan.sample(500, torch.Generator().manual_seed(part))
        frames.append((points, *(torch.tensor(run[player]).mean().item() for player in ("critic", "generator"))))
    return gan.sample(2000, torch.Generator().manual_seed(0)), frames


# %% tags=["nbval-ignore-output"]
runs = {
    name: on_ring(name)
    for name in ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "f:kl", "f:reverse_kl", "relativistic")
}


def autoencoder():
    """The energy-based critic: its score is the reconstruction error."""
    return EnergyCritic(mlp([2, 128, 16], nn.ReLU), mlp([16, 128, 2], nn.ReLU))


runs["energy"] = on_ring("energy", critic=autoencoder)
runs["energy + pull-away"] = on_ring("energy", critic=autoencoder, extra=lambda critic, fake: 0.1 * pull_away(critic.encode(fake)))

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(2, 5, figsize=(12, 5.2), layout="constrained")
for ax, (name, (points, _)) in zip(axes.flat, runs.items(), strict=True):
    draw_points(ax, centres, None, size=60, alpha=0.9)
    draw_points(ax, None, points, size=3, alpha=0.4)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=f"{name.replace('_', ' ')}: {modes_found(points)} of 8")
show(
    figure,
    alt="Ten panels of generated points around eight blue centres: some objectives cover the ring, some only part of it, some one place.",
)

# %% [markdown]
# Two panels fail. Wasserstein has to: nothing bounds the slope of its critic here (lesson 04). The other is the loss that everybody uses, while minimax, whose gradient lesson 03a saw die, fills the ring. Two remarks.
# Adam divides each gradient by its own recent size, so a small gradient is not a small step: what saturates there need not stop here. And do not read a ranking: with another seed the same
# two fail, but at four times the learning rate the non-saturating loss finds all eight modes. No objective is safe in every setting.
#
# In the runs that fail, all noise goes to one place at a time. Watch one of them: the points jump from mode to mode, always one step ahead of the critic. It is the rotation of the
# Dirac GAN with a picture on it.


# %%
def draw_ring(frame=14, run="non_saturating"):
    figure, axes = plt.subplots(figsize=(4, 4), layout="constrained")
    points, *_ = runs[run][1][frame]
    draw_points(axes, centres, None, size=80, alpha=0.9)
    draw_points(axes, None, points, size=5, alpha=0.5)
    axes.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=f"step {100 * (frame + 1)}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_ring,
    alt="Generated points crowded at one place beside eight blue centres.",
    frame=IntSlider(value=14, min=0, max=14),
    run=Dropdown(options=list(runs), value="non_saturating"),
)

# %% [markdown]
# ### 5.1 Two remedies, three seeds
#
# **Packing** (Lin et al. 2018): the critic judges two samples at once, stacked. A pair of fakes from one mode is easy to recognise, since two reals
# rarely are so near each other: collapse becomes visible to the critic. **R1** adds the friction of section 4. Three seeds each, so that luck
# does not speak.

# %%
pairs = pack_samples(torch.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1], [3.0, 3.1]]), 2)  # (4, 2) -> (2, 4)
claim(
    "packing puts neighbours of the batch side by side",
    (pairs - torch.tensor([[0.0, 0.1, 1.0, 1.1], [2.0, 2.1, 3.0, 3.1]])).abs().max(),
    at_most=0,
)

# %% tags=["nbval-ignore-output"]
remedies = {"plain": {}, "packing": {"pack": 2}, "R1": {"penalty": "r1", "penalty_weight": 0.1}}
seeds = range(profile(smoke=1, cpu=3, gpu=10))
trials = {
    name: [runs["non_saturating"] if name == "plain" and seed == 0 else on_ring("non_saturating", seed, **settings) for seed in seeds]
    for name, settings in remedies.items()
}
found = {name: [modes_found(points) for points, _ in runs_] for name, runs_ in trials.items()}
for name, counts in found.items():
    print(f"{name:8} modes found, seed by seed: {counts}")

# %%
if trained:
    claim("plain: fewer than four modes on average", sum(found["plain"]) / len(seeds), at_most=4)
    claim("packing finds at least seven on average", sum(found["packing"]) / len(seeds), at_least=7)
    claim("R1 finds at least seven on average", sum(found["R1"]) / len(seeds), at_least=7)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 3, figsize=(9, 3.1), layout="constrained")
for ax, (name, runs_) in zip(axes, trials.items(), strict=True):
    draw_points(ax, centres, None, size=60, alpha=0.9)
    for colour, (points, _) in zip((GENERATED, ACCENTS[0], ACCENTS[1]), runs_, strict=False):
        ax.scatter(*points[::2].T, s=2, color=colour, alpha=0.4, lw=0)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal", title=f"{name}: {found[name]}")
show(figure, alt="Three panels, a colour a seed: plain training sits in single spots, packing and R1 cover the ring.")

# %% [markdown]
# ## 6. Why the loss says nothing
#
# For samples in the plane, quality can be measured without any critic: the exact Wasserstein distance between 500 generated and 500 real points
# (lesson 04). Put it beside the losses of three runs: one that failed, one that worked, and one with friction so strong that the critic hardly moves.

# %% tags=["nbval-ignore-output"]
reference = data.toy2d("ring", 500, torch.Generator().manual_seed(9))
stuck = on_ring("non_saturating", penalty="r1", penalty_weight=300.0)


def record(run):
    """(15, 3): exact distance to the data, critic's loss, generator's loss, frame by frame."""
    return torch.tensor([[matching(points, reference)[0].item(), critic, generator] for points, critic, generator in run[1]])


records = {"plain": record(trials["plain"][0]), "R1, 0.1": record(trials["R1"][0]), "R1, 300": record(stuck)}
steps = 100 * torch.arange(1, 16)
figure, axes = plt.subplots(1, 3, figsize=(10.5, 2.9), layout="constrained")
for (name, table), colour in zip(records.items(), (GENERATED, ACCENTS[0], ACCENTS[1]), strict=True):
    for ax, column in zip(axes, table.T, strict=True):
        ax.plot(steps, column, color=colour, label=name)
for ax, title, ideal in zip(
    axes, ("distance to the data", "critic's loss", "generator's loss"), (0, 2 * math.log(2), math.log(2)), strict=True
):
    ax.set(title=title, xlabel="step")
    ax.axhline(ideal, color=CRITIC, lw=0.8, ls=":")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
show(figure, alt="One run approaches the data, two do not; one of these two has nearly the losses of a finished game.")

# %% [markdown]
# Dotted: where each curve would end if $p_G = p$. Three lessons hide here. The critic's loss of the good run **rises** as the points improve. The
# failed run shows restless but ordinary numbers. And the third run has the perfect losses, $2\log 2$ and $\log 2$, nearly from the start, while its points wander far from
# the data: a critic that says about 0 everywhere cannot be told from a game that is over. A loss compares a player with the opponent of the moment, never with the data.

# %%
if trained:
    claim(
        "the good run's critic loses more at the end than at the start", records["R1, 0.1"][-1, 1] - records["R1, 0.1"][0, 1], at_least=0.05
    )
    claim("a run with the losses of a finished game, within 0.03", (records["R1, 300"][-1, 1] - 2 * math.log(2)).abs(), at_most=0.03)
    claim("is at least three times as far from the data as the good run", records["R1, 300"][-1, 0] / records["R1, 0.1"][-1, 0], at_least=3)

# %% [markdown]
# ## 7. Exercises
#
# ### Exercise 3.5 Derive and code an objective
#
# Neyman's $\chi^2$ divergence has $f(u) = (1-u)^2/u$. Find $f^*$ and its domain, use the activation $T = 1 - e^{-s}$, and write the bound (1) as a function
# of raw scores.


# %%
def neyman_bound(real_scores, fake_scores):
    """Lower bound on Neyman's chi-square from raw scores at points of p and of p_G: a scalar."""
    ### BEGIN SOLUTION
    # u t - u + 2 - 1/u is largest at u = 1 / sqrt(1 - t): f*(t) = 2 - 2 sqrt(1 - t) for t < 1; with T = 1 - e^-s that is 2 - 2 e^(-s/2)
    return (1 - torch.exp(-real_scores)).mean() - (2 - 2 * torch.exp(-fake_scores / 2)).mean()
    ### END SOLUTION


# %%
@exercise("3.5")
def check_neyman(attempt):
    same = torch.zeros(10)
    if not abs(float(attempt(same, same))) <= 1e-6:  # `not <=` also catches nan
        return "at score 0 everywhere T = 0 and f*(0) = 0, so the bound is 0"
    generator = torch.Generator().manual_seed(0)
    real, fake = 0.3 + torch.randn(400_000, generator=generator), torch.randn(400_000, generator=generator)
    best = lambda points: 2 * (0.3 * points - 0.045)  # noqa: E731  T = f'(u) = 1 - u^-2, so the best score is 2 log u
    found, truth = float(attempt(best(real), best(fake))), math.exp(0.09) - 1
    if not abs(found - truth) <= 0.01:
        return f"between N(0.3, 1) and N(0, 1) the best scores should give {truth:.3f}; yours give {found:.3f}"


check_neyman(neyman_bound)

# %% [markdown]
# ### Exercise 3.6 Predict a phase portrait
#
# Simultaneous steps of size $\eta$ in the Dirac GAN with the Wasserstein loss and R1 of weight $w<1$ multiply the state by a matrix. Write it down. Up to which
# $\eta$ does the game converge?


# %%
def largest_step(w):
    """The step size at which simultaneous steps stop converging, for R1 of weight 0 < w < 1."""
    ### BEGIN SOLUTION
    return 2 * w  # [[1, eta], [-eta, 1 - 2 w eta]] has determinant 1 - 2 w eta + eta^2, the squared modulus of its two eigenvalues
    ### END SOLUTION


# %%
@exercise("3.6")
def check_largest_step(attempt):
    for w in (0.1, 0.25):
        for share, arrives in ((0.8, True), (1.2, False)):
            end = trajectory("wasserstein", "R1", w, "simultaneous", share * float(attempt(w)), 300).norm(dim=1)[-1]
            if (end < 1) != arrives:
                return f"for w = {w}, a step of {share} times your limit {'does not converge' if arrives else 'still converges'}"


check_largest_step(largest_step)

# %% [markdown]
# ### Exercise 3.7 Choose the weight
#
# By (3), which weight of R1 makes the game with slope $c$ converge fastest, and at what rate?


# %%
def best_weight(c):
    """(weight, rate): the R1 weight that converges fastest when both players feel the slope c, and its rate."""
    ### BEGIN SOLUTION
    return c, c  # up to w = c the rate is w; beyond, the slower eigenvalue w - sqrt(w^2 - c^2) falls again
    ### END SOLUTION


# %%
@exercise("3.7")
def check_best_weight(attempt):
    for c in (0.5, 1.0, 2.0):
        weight, speed = attempt(c)
        if not 0 < weight < 100:
            return f"for c = {c} the weight should be a positive number, and yours is {weight}"
        rates = {
            v: -torch.linalg.eigvals(torch.tensor([[0.0, c], [-c, -2.0 * v]])).real.max().item()
            for v in (0.9 * weight, weight, 1.1 * weight)
        }
        if max(rates, key=rates.get) != weight:
            return f"for c = {c} a weight 10 % away from {weight} converges faster"
        if not abs(speed - rates[weight]) <= 1e-3:
            return f"for c = {c} your weight is right, its rate is {rates[weight]:.3f}"


check_best_weight(best_weight)

# %% [markdown]
# ### Exercise 3.8 Find the bug
#
# Somebody computes the pull-away term of $N$ codes as `cosines.square().mean()`, with `cosines` the $N\times N$ matrix of all pairs. Orthogonal codes
# should give 0. What do they give? Write it correctly.


# %%
def pull_away_by_hand(codes):
    """Mean squared cosine between different rows of codes (N, D)."""
    ### BEGIN SOLUTION
    directions = codes / codes.norm(dim=1, keepdim=True)
    squared = (directions @ directions.T).square()
    return (squared.sum() - squared.diagonal().sum()) / (len(codes) * (len(codes) - 1))  # the diagonal, always 1, gave 1 / N
    ### END SOLUTION


# %%
@exercise("3.8")
def check_pull_away(attempt):
    if not abs(float(attempt(torch.eye(4)))) <= 1e-6:
        return f"four orthogonal codes should give 0, yours give {float(attempt(torch.eye(4))):.3f}"
    if not abs(float(attempt(torch.ones(5, 3))) - 1) <= 1e-5:
        return "five equal codes should give 1"
    codes = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    if not abs(float(attempt(codes)) - float(pull_away(codes))) <= 1e-5:
        return f"eight random codes should give {float(pull_away(codes)):.4f}"


check_pull_away(pull_away_by_hand)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Every f-divergence is the maximum of an objective that needs only samples; the output activation keeps the critic in the conjugate's domain.
# - At the best critic all objectives agree about the goal; they differ in the push that a losing player feels.
# - Two players rotate. Without friction they circle; finite steps may spiral out; R1 makes them arrive, at a rate that eigenvalues predict.
# - On the ring, mode collapse is that rotation among many modes: packing lets the critic see it, R1 damps it.
# - A loss measures a player against its opponent, not against the data: count, measure and look instead.
#
# ## References
#
# - Nowozin, Cseke and Tomioka 2016, *f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization*. [link](https://arxiv.org/abs/1606.00709)
# - Mao, Li, Xie, Lau, Wang and Smolley 2017, *Least Squares Generative Adversarial Networks*. [link](https://arxiv.org/abs/1611.04076)
# - Lim and Ye 2017, *Geometric GAN*. [link](https://arxiv.org/abs/1705.02894)
# - Zhao, Mathieu and LeCun 2017, *Energy-based Generative Adversarial Network*. [link](https://arxiv.org/abs/1609.03126)
# - Jolicoeur-Martineau 2019, *The Relativistic Discriminator: a Key Element Missing from Standard GAN*. [link](https://arxiv.org/abs/1807.00734)
# - Mescheder, Geiger and Nowozin 2018, *Which Training Methods for GANs do actually Converge?* [link](https://arxiv.org/abs/1801.04406)
# - Nagarajan and Kolter 2017, *Gradient descent GAN optimization is locally stable*. [link](https://arxiv.org/abs/1706.04156)
# - Lin, Khetan, Fanti and Oh 2018, *PacGAN: The Power of Two Samples in Generative Adversarial Networks*. [link](https://arxiv.org/abs/1712.04086)
