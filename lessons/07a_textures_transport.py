# %% [markdown]
# # 07a Textures by optimal transport: patches and Texto
#
# After this lesson you can
# - say which statistics a texture model keeps, and measure what a Gaussian one loses;
# - derive semi-discrete optimal transport, solve it by stochastic ascent, and predict how fast the ascent is;
# - build Texto, which draws textures of any size by moving patches, and name its two weak points.
#
# **You need**: the dual of optimal transport (lesson 04a, section 4), the Fourier transform of an image.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 30 s | not measured |
# | peak memory | 1.0 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/07a_textures_transport.ipynb) · [Slides](../slides/src/07_textures.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import copy
import time

import numpy as np
import torch
from ipywidgets import IntSlider, SelectionSlider
from matplotlib import pyplot as plt
from torch.nn import functional as F

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.models import GaussianTexture, Texto
from course_lib.ot import SemiDiscrete, exact, extract, fold, patch_w2, pyramid, wasserstein_1d
from course_lib.training import profile, profile_name
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, SCORES, draw_images, draw_points, explore, plane, show

trained = profile_name() != "smoke"  # at smoke size nothing is learned long enough to judge
seeded = lambda seed: torch.Generator().manual_seed(seed)  # noqa: E731


def row(images, titles, height=3.0):
    """Images (C, H, W) side by side, each as large as the others."""
    figure, axes = plt.subplots(1, len(images), figsize=(height * len(images), height + 0.3), layout="constrained")
    for ax, image, title in zip(np.atleast_1d(axes), images, titles, strict=True):
        draw_images(ax, image[None], 1, title)
    return figure


# %% [markdown]
# ## 1. The result first
#
# On the left is a photograph, 160 pixels wide: tissue under a microscope. On the right is a picture that nobody took. A model
# learned it from the photograph in about two seconds on one core, with no network and no GPU. It is called **Texto** (Galerne, Leclaire and Rabin 2018).
# Move the seed: another sample. Move the size: the model has no size of its own. What is alike in both pictures, and what is not?

# %%
tissue = data.texture("tissue")  # (3, 160, 160) in [-1, 1]
samples = profile(smoke=3000, cpu=200_000, gpu=1_000_000)
texto = Texto.fit(tissue, scales=4, samples=samples, generator=seeded(0))


def draw_texto(seed=1, side=160):
    """The exemplar and a synthesis of side x side, pixels of the same size in both."""
    made = texto.synthesize(side, side, seeded(seed))
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 4.4), width_ratios=[160, side], layout="constrained")
    draw_images(axes[0], tissue[None], 1, "exemplar, 160 x 160")
    draw_images(axes[1], made[None], 1, f"Texto, {side} x {side}, seed {seed}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_texto,
    alt="Left a photograph of stained tissue, brown fibres with blue cells; right a synthesis with the same colours and fibres in new places.",
    seed=IntSlider(value=1, min=0, max=20),
    side=IntSlider(value=160, min=80, max=400, step=40),
)

# %% [markdown]
# Colours, the direction of fibres and the size of cells are kept. Where things stand is new each time. The details are a little blurred, and a long object, such as the
# band in the exemplar's lower left corner, comes back in pieces. By the end you can explain each of these four observations.
#
# ## 2. What is a texture?
#
# A picture of bricks, moved by a metre, is another picture but the same bricks. So a texture is not an image; it is a **law** of images, and the law does not change when the image moves. A *stationary random field*
# $U:\mathbb Z^2\to\mathbb R^C$ has, for every shift $t$,
#
# $$\big(U(x)\big)_x \ \overset{\text{law}}{=}\ \big(U(x+t)\big)_x. \tag{1}$$
#
# We see one exemplar $u$ and must guess the law. That is possible only because of (1): different places of one image serve as many samples (good ones, if places far apart are nearly independent; section 7 looks). A model chooses which statistics of $u$ it keeps and makes all else random:
#
# | statistic kept | model | lesson |
# |:---|:---|:---|
# | mean and spectrum | Gaussian texture (Galerne, Gousseau and Morel 2011) | 07a |
# | laws of patches at several scales | Texto (Galerne, Leclaire and Rabin 2018) | 07a |
# | the same, as a loss to descend | GOTEX (Houdard et al. 2023) | 07b |
# | correlations of neural features | Gatys, Ecker and Bethge 2015 | 07b |
#
# ## 3. Mean and spectrum: the Gaussian texture
#
# A Gaussian field is fixed by its mean and its covariance, so take the exemplar's. Let $m$ be the mean colour and $Z$ white noise, one number a pixel, shared by the channels (so that colours stay together as in the exemplar):
#
# $$U = m + \tfrac{1}{\sqrt{HW}}\,(u-m) * Z, \qquad \mathbb E\,|\hat U(\xi) - \hat m(\xi)|^2 = |\widehat{u - m}(\xi)|^2 . \tag{2}$$
#
# The second equation holds because $\hat Z$ has the same mean square, $HW$, at all frequencies. In words: **the mean spectrum is the exemplar's, the phases are random**. The field is called *asymptotic discrete spot noise*: drop $n$ copies of $u-m$ at random places
# of the torus, divide the sum by $\sqrt n$, let $n$ grow, and the central limit theorem gives (2). On a torus larger than the exemplar the spot is surrounded by zeros.
# (A photograph does not close up on its own torus: the jump from border to border leaves a cross in its spectrum. Galerne, Gousseau and Morel take the image's periodic part first. We do not; of the exemplars here only the petals of section 8 suffer.) Two lines of code, and any size:


# %%
def gaussian_texture(exemplar, noise):
    """Equation (2): exemplar (C, h, w), noise Z (H, W) at least as large -> (C, H, W), on a torus."""
    mean = exemplar.mean((1, 2), keepdim=True)
    spot = (exemplar - mean) / exemplar[0].numel() ** 0.5
    return mean + torch.fft.irfft2(torch.fft.rfft2(spot, s=noise.shape) * torch.fft.rfft2(noise), s=noise.shape)


gravel = data.texture("gravel", 128)  # (1, 128, 128)
gaussian = GaussianTexture(gravel)  # the library's version, used from here on
noise = torch.randn(128, 128, generator=seeded(0))
by_hand, library = gaussian_texture(gravel, noise), gaussian.synthesize(128, 128, seeded(0))
claim("the Gaussian texture written out is course_lib's (largest difference)", (by_hand - library).abs().max(), at_most=1e-5)

# %% [markdown]
# What does it get right, and what does it lose? Draw 200 fields. Their mean spectrum should be the exemplar's at each frequency. For the loss, look at the differences of neighbouring pixels: in a Gaussian field they
# are normal, while in a photograph with edges most are tiny and a few are huge. The **excess kurtosis**, 0 for a normal law, says how much. And is it the random *size* of the Fourier coefficients that does the
# harm, or their random phase? So draw a third picture: the exemplar's coefficients with exactly their size, only the phases redrawn.

# %%
excess_kurtosis = lambda x: (x - x.mean()).pow(4).mean() / x.var().square() - 3  # noqa: E731  a scalar
fields = torch.stack([gaussian.synthesize(128, 128, seeded(seed)) for seed in range(200)])  # (200, 1, 128, 128)
power = lambda x: torch.fft.fft2(x - gravel.mean()).abs().square()  # noqa: E731
mean_power = power(fields).mean(0)[0] / power(gravel)[0]  # (128, 128), should be 1 up to noise
phases = torch.fft.rfft2(noise)  # of white noise; its size is divided away
redrawn = gravel.mean() + torch.fft.irfft2(torch.fft.rfft2(gravel - gravel.mean()).abs() * phases / phases.abs())
steps_of = {"exemplar": gravel.diff(dim=2), "Gaussian": fields.diff(dim=3), "only phases redrawn": redrawn.diff(dim=2)}

# %%
claim("mean spectrum of 200 Gaussian fields over the exemplar's, mean over frequencies", mean_power.flatten()[1:].mean(), 0.98, 1.02)
claim("each field's mean is the exemplar's, as the spot sums to zero (largest difference)", (fields.mean((1, 2, 3)) - gravel.mean()).abs().max(), at_most=1e-4)  # fmt: skip
claim("excess kurtosis of pixel differences in gravel", excess_kurtosis(steps_of["exemplar"]), at_least=3)
claim("the same in its Gaussian texture", excess_kurtosis(steps_of["Gaussian"]).abs(), at_most=0.15)
claim("the same when only the phases are redrawn", excess_kurtosis(steps_of["only phases redrawn"]).abs(), at_most=0.3)

# %%
figure, axes = plt.subplots(1, 4, figsize=(12, 3.1), layout="constrained")
for ax, picture, name in zip(axes, (gravel, fields[0], redrawn), ("exemplar", "Gaussian texture", "only phases redrawn"), strict=False):
    draw_images(ax, picture[None], 1, name)
for (name, values), colour in zip(steps_of.items(), (REAL, GENERATED, ACCENTS[1]), strict=True):
    axes[3].hist(values.flatten().numpy(), bins=np.linspace(-1.2, 1.2, 61).tolist(), density=True, histtype="step", lw=2, color=colour, label=name)  # fmt: skip
axes[3].set(yscale="log", ylim=(1e-3, 400), xlabel="difference of neighbours", ylabel="density")
axes[3].legend(fontsize=8, loc="upper right")
show(figure, alt="Gravel with sharp stones; two cloudy fields without edges; the exemplar's differences have a peak and heavy tails, the fields' do not.", dpi=80)  # fmt: skip

# %% [markdown]
# The grain size is right, and the stones are gone, even where each Fourier coefficient keeps its size: **edges live in the phases**. Mean and covariance are not enough. What one would like to keep is the law of whole *patches*, small
# windows of the image, and that takes a way of moving one law of patches onto another: optimal transport.
#
# ## 4. Semi-discrete optimal transport
#
# The patches of a new image are many and could be anything; those of the exemplar are finitely many points $y_1,\dots,y_J$ with weights $w_j$. Transport from a law that one can sample to finitely many points is called **semi-discrete**.
#
# ### 4.1 One number a target
#
# Start from the dual of lesson 04a, for the cost $\|x-y\|^2$. Somebody collects at $x$ for $\psi(x)$ and delivers at $y_j$ for $v_j$:
#
# $$W_2^2(\mu,\nu) = \max_{\psi(x)+v_j\le\|x-y_j\|^2}\ \mathbb E_{x\sim\mu}\,\psi(x) + \sum_j w_j v_j .$$
#
# For fixed $v$ the best $\psi$ is as large as the constraints allow, $\psi(x)=\min_j(\|x-y_j\|^2-v_j)$. Insert it. What is left has $J$ unknowns and no constraint:
#
# $$W_2^2(\mu,\nu) = \max_{v\in\mathbb R^J} h(v), \qquad h(v) = \mathbb E_{x\sim\mu}\Big[\min_j\big(\|x-y_j\|^2-v_j\big)\Big] + \sum_j w_j v_j . \tag{3}$$
#
# A minimum of affine functions of $v$ is concave, so $h$ is. Let $j(x)$ be the index of the minimum. Unless $x$ lies on a border, where two scores tie, a small change of $v$ does not change $j(x)$. So if $\mu$ has a density, and the borders have no mass,
#
# $$\frac{\partial h}{\partial v_j} = w_j - \mu\big(\{x : j(x)=j\}\big). \tag{4}$$
#
# **The gradient is what a target should get minus what it gets.** No automatic differentiation is needed; check it against one anyway.


# %%
def scores(x, y, v):
    """(N, J) |x - y_j|^2 - v_j; the smallest of a row says where x goes. x (N, D), y (J, D), v (J,)."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square() - v


def semi_dual(x, y, v):
    """Equation (3) with the cloud x as source and equal weights, a scalar."""
    return scores(x, y, v).min(1).values.mean() + v.mean()


def gradient(x, y, v):
    """Equation (4), (J,): what each target should get minus what it gets."""
    return 1 / len(y) - torch.bincount(scores(x, y, v).argmin(1), minlength=len(y)).to(x) / len(x)


# %%
some = torch.rand(1000, 2, generator=seeded(1)).double() * 2 - 1
targets = torch.cat([0.25 * torch.randn(14, 2, generator=seeded(5)) - 0.4, torch.rand(10, 2, generator=seeded(2)) * 2 - 1]).double().clamp(-0.95, 0.95)  # fmt: skip
v = (0.1 * torch.randn(24, generator=seeded(3))).double().requires_grad_()
(automatic,) = torch.autograd.grad(semi_dual(some, targets, v), v)
other = (0.1 * torch.randn(24, generator=seeded(4))).double()
middle = semi_dual(some, targets, (v + other) / 2) - (semi_dual(some, targets, v) + semi_dual(some, targets, other)) / 2

# %%
claim("gradient (4) in closed form equals autograd's (largest difference)", (gradient(some, targets, v) - automatic).abs().max(), at_most=1e-12)  # fmt: skip
claim("the semi-dual is concave: middle of a chord minus the chord", middle, at_least=0)

# %% [markdown]
# ### 4.2 Cells that move
#
# The points that go to target $j$ form its **Laguerre cell**: $\{x : \|x-y_j\|^2 - v_j \le \|x-y_i\|^2 - v_i\ \forall i\}$. The quadratic terms in $x$ cancel, so each condition is a half plane and a cell is a convex
# polygon (in the plane and in space they can be computed exactly: Mérigot 2011; Peyré and Cuturi 2019, chapter 5). At $v=0$ the cells are those of the nearest neighbour (Voronoi). Raising $v_j$ makes target $j$ cheaper, and its cell grows.
#
# So learn $v$ by stochastic ascent: draw a few points, see where they go, and correct by (4), with a step $C/\sqrt k$ ($C$ has the unit of a squared distance, as $v$ has: scale it with the data) and an average $\bar v_K=\frac1K\sum_k v_k$ kept aside
# (Genevay et al. 2016; Galerne, Leclaire and Rabin 2018). Here the source is uniform on the square, and 24 targets crowd in one corner. Orange cells receive too much, blue ones too little. Move the slider.

# %%
uniform = lambda n, generator: torch.rand(n, 2, generator=generator).double() * 2 - 1  # noqa: E731
marks = (0, 5, 20, 50, 100, 300, 1000, 3000)
size_of_step = 2 * len(targets) ** 0.5 * targets.var(0, unbiased=False).sum()  # C: the variance, and a factor found by trial
current, average, moving = torch.zeros(24).double(), torch.zeros(24).double(), {0: torch.zeros(24).double()}
generator = seeded(6)
for k in range(1, marks[-1] + 1):
    current = current + size_of_step / k**0.5 * gradient(uniform(50, generator), targets, current)
    average = average + (current - average) / k
    if k in marks:
        moving[k] = average

xs, ys, points = plane(1.0, 220)
shares = {k: 1 / 24 - gradient(points.double(), targets, v) for k, v in moving.items()}  # the grid stands for the square
duals = {k: semi_dual(points.double(), targets, v).item() for k, v in moving.items()}


# %%
def draw_cells(ascent_steps=50):
    """Laguerre cells coloured by the mass they receive, and the dual value over steps."""
    index = scores(points.double(), targets, moving[ascent_steps]).argmin(1)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), width_ratios=[1.3, 1], layout="constrained")
    too_much = (1 - 24 * shares[ascent_steps])[index].reshape(220, 220)
    mesh = axes[0].pcolormesh(xs, ys, too_much, cmap=SCORES, vmin=-1.5, vmax=1.5, rasterized=True)
    axes[0].contour(xs, ys, index.reshape(220, 220), levels=np.arange(24) + 0.5, colors=CRITIC, linewidths=0.5)
    draw_points(axes[0], targets, size=22, alpha=1)
    axes[0].set(xticks=[], yticks=[], title=f"cells after {ascent_steps} steps")
    figure.colorbar(mesh, ax=axes[0], label="1 − mass received / mass wanted")
    axes[1].semilogx([0.5 + k for k in marks], list(duals.values()), "o-", color=CRITIC, ms=4)
    axes[1].plot(0.5 + ascent_steps, duals[ascent_steps], "o", ms=11, mfc="none", color=GENERATED)
    axes[1].set(xlabel="step", ylabel="$h(\\bar v)$", title=f"heaviest cell: {24 * shares[ascent_steps].max():.2f} of its due")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_cells,
    alt="A square cut into polygons around 24 targets; at first the outer cells are orange, too heavy, and the crowded ones blue; later all are white; the dual value rises.",
    ascent_steps=SelectionSlider(options=marks, value=50),
)

# %%
if trained:
    claim("at the start the heaviest cell receives at least 2.5 times its due", 24 * shares[0].max(), at_least=2.5)
    claim("after 3000 steps every cell receives its due within 10 %", (24 * shares[3000] - 1).abs().max(), at_most=0.1)
    claim("the dual value rises from each mark to the next (smallest rise)", min(np.diff(list(duals.values()))), at_least=-1e-5)

# %% [markdown]
# Some cells end up far from their targets, and some targets stand outside their cell. That is right: the mass of the square must go somewhere.
#
# ### 4.3 Nearest neighbour, transport, and the exact answer
#
# For a source that is itself a cloud, (3) is a linear programme in disguise, and `ot.exact` solves that (package POT). `SemiDiscrete` is the library's version of what we wrote. Its `fit` is the ascent above and its `solve` a
# deterministic method: the minimum becomes a smooth one, $-\varepsilon\log\sum_j e^{-(\cdot)/\varepsilon}$, and a quasi-Newton method follows $\varepsilon$ down to almost zero. All should agree, and plain nearest neighbours, $h(0)$, must be below:
# they are cheaper because they need not deliver $w_j$ to each target.

# %%
cloud = some[:600]
linear = exact(cloud, targets, p=2)
solved = SemiDiscrete(targets).solve(cloud)
fitted = SemiDiscrete(targets).fit(cloud, steps=profile(smoke=100, cpu=4000, gpu=4000), generator=seeded(7))
nearest = SemiDiscrete(targets)  # no potential
use = {name: torch.bincount(ot.assign(cloud), minlength=24) / 600 for name, ot in (("nearest", nearest), ("transport", solved))}

# %%
claim("semi-dual solved equals POT's linear programme (relative difference)", (solved.dual(cloud) / linear.cost - 1).abs(), at_most=1e-4)
claim("no potential beats it: h - W2^2, largest", max(s.dual(cloud) for s in (solved, fitted, nearest)) - linear.cost, at_most=1e-9)
claim("our semi-dual is the library's (difference)", (semi_dual(cloud, targets, solved.potential) - solved.dual(cloud)).abs(), at_most=1e-9)
if trained:
    claim("the stochastic ascent comes within 1 % (ratio)", fitted.dual(cloud) / linear.cost, 0.99, 1 + 1e-9)
claim("nearest neighbours cost less than transport (ratio)", nearest.dual(cloud) / linear.cost, at_most=0.9)

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
for ax, (name, ot) in zip(axes, (("nearest", nearest), ("transport", solved)), strict=False):
    for start, end in zip(cloud[::2], ot.map(cloud)[::2], strict=True):
        ax.plot(*torch.stack([start, end]).T, color="0.7", lw=0.5, zorder=0)
    draw_points(ax, targets, cloud[::2], size=8, alpha=1)
    ax.set(xticks=[], yticks=[], title=f"{name}: cost {(cloud - ot.map(cloud)).square().sum(1).mean():.3f}")
for name, colour in (("nearest", GENERATED), ("transport", REAL)):
    axes[2].plot(use[name].sort(descending=True).values * 24, "o-", ms=3, color=colour, label=name)
axes[2].axhline(1, color=CRITIC, ls=":", lw=0.8)
axes[2].set(xlabel="target, most used first", ylabel="use / due", title="histogram of use")
axes[2].legend()
show(figure, alt="Points joined to their nearest targets and to their transport targets; under transport all targets are used alike, under nearest neighbours from 0.2 to nearly 5 times.", dpi=70)  # fmt: skip

# %%
claim("nearest neighbours use some target at most a third as often as due", 24 * use["nearest"].min(), at_most=1 / 3)
claim("transport uses every target as often as due within 15 %", (24 * use["transport"] - 1).abs().max(), at_most=0.15)

# %% [markdown]
# ### 4.4 How fast is the ascent?
#
# What does theory predict? Near the maximum $h(v)\approx h^* - \frac12(v-v^*)^\top A\,(v-v^*)$, and each step adds noise of covariance $\Sigma$ to the gradient.
#
# - A single iterate $v_K$ keeps shaking. With a small constant step $\gamma$ its covariance $V$ settles where $AV+VA=\gamma\Sigma$: what the pull $A$ takes away, the noise brings back. The trace gives $\frac12\operatorname{tr}(AV)=\frac\gamma4\operatorname{tr}\Sigma$, which is the gap; put $\gamma=C/\sqrt K$. Slope $-\frac12$.
# - In the average the shaking cancels: $\bar v_K - v^*$ has covariance $A^{+}\Sigma A^{+}/K$ (Polyak and Juditsky 1992; $A^+$ is a pseudo-inverse, as adding a constant to $v$ changes nothing). Slope $-1$, and $C$ is gone:
#
# $$\mathbb E\,[\,h^* - h(v_K)\,]\ \approx\ \frac{C\operatorname{tr}\Sigma}{4\sqrt K},\qquad \mathbb E\,[\,h^* - h(\bar v_K)\,]\ \approx\ \frac{\operatorname{tr}(\Sigma A^{+})}{2K}. \tag{5}$$
#
# Small print: a source whose density is positive on a connected region gives the curvature $A$; without it only $\log K/\sqrt K$ is guaranteed. And where $h$ is not quadratic, steps $C/\sqrt k$ leave a bias of the order $C^2/K$ in the average's gap, from third derivatives; faster-falling steps $k^{-a}$, $\frac12<a<1$, do not.
#
# On the line nothing is missing, and all has a closed form: for the uniform law on $[0,1]$ the cells are intervals; mass $\frac{1}{2(y_{j+1}-y_j)}$ crosses the border between two neighbours for each unit by which their potentials differ, which is $A$ (so $h$ is quadratic); and one point that goes to
# target $j$ with probability $\frac1J$ gives $\Sigma=\frac1J I-\frac1{J^2}\mathbf 1\mathbf 1^\top$. We run 32 ascents at once.

# %%
line = ((torch.arange(8).double() + 0.5) / 8) ** 1.5  # 8 targets on [0, 1], denser on the left
fine = (torch.arange(4096).double() + 0.5) / 4096  # the source, for every integral
best = wasserstein_1d(fine, line, p=2) ** 2  # the maximum of h
gap = lambda v: (best - torch.stack([semi_dual(fine[:, None], line[:, None], each) for each in v]).mean()).item()  # noqa: E731

flow = 1 / (2 * line.diff())  # (7,) between neighbours
hessian = torch.diag(F.pad(flow, (0, 1)) + F.pad(flow, (1, 0))) - torch.diag(flow, 1) - torch.diag(flow, -1)
sigma, size_of_step = torch.eye(8).double() / 8 - 1 / 64, 2 * 8**0.5 * line.var(unbiased=False).item()  # C
predicted = {"last": size_of_step * sigma.trace().item() / 4, "mean": (sigma @ torch.linalg.pinv(hessian)).trace().item() / 2}  # in (5)  # fmt: skip

# %%
last, mean, gaps = torch.zeros(32, 8).double(), torch.zeros(32, 8).double(), []
torch.manual_seed(0)
counts = sorted({round(10 ** (i / 6)) for i in range(6, profile(smoke=13, cpu=26, gpu=30))})
for k in range(1, counts[-1] + 1):
    x = torch.rand(32, 1).double()  # one point a step and run
    where = ((x - line).square() - last).argmin(1)
    last += size_of_step / k**0.5 * (1 / 8 - F.one_hot(where, 8))
    mean += (last - mean) / k
    if k in counts:
        gaps.append((gap(last), gap(mean)))

# %%
slope, met = {}, {}
late = [i for i, k in enumerate(counts) if k >= counts[-1] / 20]
for name, values in zip(("last", "mean"), zip(*gaps, strict=True), strict=True):
    slope[name] = np.polyfit(np.log([counts[i] for i in late]), np.log([values[i] for i in late]), 1)[0]
    met[name] = np.mean([values[i] * counts[i] ** (0.5 if name == "last" else 1) for i in late[-3:]]) / predicted[name]
if trained:
    claim("the last iterate's gap falls like K^(-1/2) (slope)", slope["last"], -0.65, -0.4)
    claim("the average's gap falls like 1 / K (slope)", slope["mean"], -1.4, -0.85)
    claim("the last iterate's gap has the constant of equation (5) (ratio at the end)", met["last"], 0.7, 1.4)
    claim("and so has the average's", met["mean"], 0.65, 1.5)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, values, colour in zip(("last iterate", "average"), zip(*gaps, strict=True), (ACCENTS[1], REAL), strict=True):
    axes.loglog(counts, values, "o-", ms=3, color=colour, label=f"{name}, slope {slope['last' if 'last' in name else 'mean']:.2f}")
axes.loglog(counts, [(predicted["last"] / k**0.5, predicted["mean"] / k) for k in counts], color="0.8", lw=5, zorder=0, label=("equation (5)", "_"))  # fmt: skip
axes.set(xlabel="step K", ylabel="gap $h^* - h$, mean of 32 runs")
axes.legend(fontsize=9)
show(figure, alt="Log-log curves of the dual gap: the last iterate lies on the predicted line of slope minus one half, the average comes down faster and joins the predicted line of slope minus one.")  # fmt: skip

# %% [markdown]
# The average starts worse, since it remembers its first steps, and comes down onto the predicted line from above (which is why the measured slope is a little steeper than $-1$). So averaging is not a detail: at the end it gains a factor of more than fifty. The constants say why: of $C$ the last iterate pays for every bit, the average for none.
#
# ## 5. Patches: cut out, put back
#
# A patch is a window of $s\times s$ pixels, a point in $\mathbb R^{Cs^2}$. On a torus an image of $H\times W$ has $HW$ of them, each pixel in $s^2$. `extract` cuts them out; `fold` puts them back, and where they overlap takes the **mean**. Untouched
# patches give the image back. But after each patch has been moved to some patch of the exemplar, the $s^2$ patches over one pixel have different opinions $a_1,\dots,a_{s^2}$ of its value, and
#
# $$\Big(\frac1{s^2}\sum_i a_i\Big)^2 = \frac1{s^2}\sum_i a_i^2 - \operatorname{var}(a). \tag{6}$$
#
# **Averaging loses exactly the variance of the opinions.** The patches had the exemplar's energy; the image has less. That is where the blur comes from.

# %%
source = extract(fields[:1], 3, periodic=True)  # (1, 16384, 9): patches of a Gaussian texture
pool = extract(gravel[None], 3)[0]  # (15876, 9): those of the exemplar
chosen = pool[torch.randperm(len(pool), generator=seeded(0))[: profile(smoke=100, cpu=500, gpu=1000)]]
transport = SemiDiscrete(chosen).fit(source[0], steps=profile(smoke=50, cpu=4000, gpu=10_000), batch_size=100, generator=seeded(1))
moved = transport.map(source[0])[None]  # (1, 16384, 9)
image = fold(moved, fields[:1].shape, periodic=True)
lost = (moved - extract(image, 3, periodic=True)).square().mean()  # the variance of the opinions around their mean

# %%
claim("extract, then fold, gives the image back (largest difference)", (fold(source, fields[:1].shape, periodic=True) - fields[:1]).abs().max(), at_most=1e-5)  # fmt: skip
claim("energy lost by averaging = variance of the opinions (relative difference)", ((moved.square().mean() - image.square().mean()) / lost - 1).abs(), at_most=1e-3)  # fmt: skip
if trained:
    claim("the opinions' variance is at least 5 % of the patches'", lost / moved.var(), at_least=0.05)

# %%
apart = fold(moved.view(128, 128, 9)[:126:3, :126:3].reshape(1, -1, 9), (1, 1, 126, 126), stride=3)  # every third: no overlap
pictures = {"Gaussian texture": fields[0], "moved, side by side": apart[0], "moved, averaged": image[0], "exemplar": gravel}
show(row([picture[:, :64, :64] for picture in pictures.values()], pictures, 2.6), alt="A Gaussian field; moved patches side by side with sharp seams; their average, smooth and blurred; the gravel exemplar.")  # fmt: skip

# %% [markdown]
# Side by side, the patches are sharp and do not fit together; averaged, they fit and are soft. There are still no stones: a 3x3 window of this size does not know what a stone is. That calls for scales.
#
# And would nearest neighbours not have done? Each patch would go to an exemplar patch as well. But look at the law they end with: the distance from the histogram of use to equal use, over the same 500 patches, computed exactly.


# %%
def misuse(ot, rows):
    """(W_2^2 from the law of the moved rows (N, D) to the equal law on the targets, use of the favourite over its due)."""
    count = torch.bincount(ot.assign(rows), minlength=len(ot.targets)).double()
    return exact(ot.targets, ot.targets, p=2, a=count / count.sum()).cost.item(), (count.max() / count.mean()).item()


wrong, right = misuse(SemiDiscrete(chosen), source[0]), misuse(transport, source[0])

# %%
if trained:
    claim("nearest neighbours use their favourite patch at least 3 times too often", wrong[1], at_least=3)
    claim("transport uses its favourite at most 1.7 times as often as due", right[1], at_most=1.7)
    claim("patch law after transport, over that of nearest neighbours, in W2^2 to the exemplar's", right[0] / wrong[0], at_most=0.15)

# %% [markdown]
# ## 6. Texto, scale by scale
#
# Let $u^0=u$, and $u^{s+1}$ be $u^s$ blurred and halved. Texto runs from the coarsest scale to the finest:
#
# 1. start with a Gaussian texture of $u^{S-1}$;
# 2. at scale $s$, move every 3x3 patch by the transport $T_s$ learned between the patches that arrive there and up to 1000 patches of $u^s$; average;
# 3. to go to scale $s-1$, move the patches again, but paste the exemplar's patch **at the same place, twice as large**, from $u^{s-1}$.
#
# (The source of $T_s$ is, here, the patches of one such synthesis, twice as high and wide as the exemplar. The authors fit a mixture of four Gaussians to them and sample from that, so that the source has a density.) The third step is the trick: the finer picture that belongs to a coarse patch is known, so nothing has to be invented. Once the potentials are learned, a synthesis is a biased nearest neighbour for each patch, which you can write in ten lines:


# %%
def texto_by_hand(model, field):
    """[(before, after), ...] from coarse to fine, from a field (C, h, w) at the coarsest scale of a fitted model."""
    found = []
    for scale, ot in enumerate(model.transports):
        index = ot.assign(extract(field[None], 3, periodic=True)[0])  # (h w,) which exemplar patch
        found.append((field, fold(ot.targets[index][None], (1, *field.shape), periodic=True)[0]))
        if scale < len(model.doubles):
            double = model.doubles[scale][index].flatten(1)[None]  # (1, h w, 4 C 9): 2x2 fine pixels as channels
            field = F.pixel_shuffle(fold(double, (1, 4 * len(field), *field.shape[1:]), periodic=True), 2)[0]
    return found


# %%
layers = list(texto.layers(128, 128, seeded(1)))
rebuilt = texto_by_hand(texto, layers[0].before)
worst = max((a - b).abs().max() for layer, pair in zip(layers, rebuilt, strict=True) for a, b in zip(layer[:2], pair, strict=True))
twice = [texto.synthesize(96, 96, seeded(seed)) for seed in (1, 1, 2)]

# %%
claim("Texto written out is course_lib's at every scale (largest difference)", worst, at_most=1e-4)
claim("the same seed gives the same texture (largest difference)", (twice[0] - twice[1]).abs().max(), at_most=0)
claim("two seeds give two textures (mean absolute difference)", (twice[0] - twice[2]).abs().mean(), at_least=0.1)

# %%
figure, axes = plt.subplots(3, 4, figsize=(11, 8.6), layout="constrained")
for column, layer in enumerate(layers):
    for ax, picture, name in zip(axes[:, column], layer, ("what comes in", "after transport", "twice as large"), strict=True):
        if picture is not None:
            draw_images(ax, picture[None], 1, f"{picture.shape[1]} x {picture.shape[2]}")
            ax.set_ylabel("" if column else name)
axes[2, 3].axis("off")
show(figure, alt="Four columns from 16 to 128 pixels: a Gaussian field, transported to patches of tissue, enlarged with the fine patches, and again at each scale.", dpi=64)  # fmt: skip

# %% [markdown]
# Read each column downwards, then go to the top of the next. Coarse scales decide where the cells and fibres are; fine scales only add detail. The clouds tell the same story: project all patches at the finest scale on
# the second and third main direction of the exemplar's (the first is little more than brightness; the second is a slope from left to right, the third red against blue). What arrives is too narrow, because the scale before ended with an average; the transport puts every patch *onto* an exemplar patch and restores the width; averaging pulls the cloud together again.

# %%
real_rows = extract(tissue[None], 3)[0]
centre = real_rows.mean(0)
_, _, directions = torch.linalg.svd(real_rows[::7] - centre, full_matrices=False)
arriving = extract(layers[-1].before[None], 3, periodic=True)[0]
several = {"exemplar": real_rows, "arrives": arriving, "moved": texto.transports[-1].map(arriving), "averaged": extract(layers[-1].after[None], 3)[0]}  # fmt: skip

# %%
figure, axes = plt.subplots(1, 4, figsize=(10.5, 2.9), sharex=True, sharey=True, layout="constrained")
for ax, (name, rows) in zip(axes, several.items(), strict=True):
    flat = (rows[torch.randperm(len(rows), generator=seeded(0))[:1500]] - centre) @ directions[[1, 2]].T
    ax.scatter(*flat.T, s=2, lw=0, alpha=0.5, color=REAL if name == "exemplar" else GENERATED, rasterized=True)
    ax.set(title=name, xlim=(-1.5, 1.5), ylim=(-1.1, 1.1), xlabel="direction 2")
axes[0].set_ylabel("direction 3")
show(figure, alt="Clouds of patches in two principal directions: exemplar wide, arriving narrower, moved as wide as the exemplar, averaged narrower again.", dpi=70)  # fmt: skip

# %% [markdown]
# Is the result nearer to the exemplar than the Gaussian texture? The ruler is `patch_w2`: the exact $W_2^2$ between 800 patches of each image, per number in the patch. It has a **floor**: two random draws of 800 patches from
# the exemplar itself are not at distance 0 either. What counts is how far above the floor one is; below it, by a little, only chance is left. Samples differ, so the table is the mean of four.


# %% tags=["nbval-ignore-output"]
def patches_off(real, made):
    """W_2^2 between the 3x3 patches of two images at the finest scale, a number."""
    return patch_w2(real, made, size=3, scales=1, n=profile(smoke=50, cpu=800, gpu=800), generator=seeded(3)).item()


spread = lambda rows: (rows - centre).square().mean()  # noqa: E731
mean_off = lambda model: sum(patches_off(tissue, model.synthesize(160, 160, seeded(i))) for i in range(1, 5)) / 4  # noqa: E731
off = {"GaussianTexture": mean_off(GaussianTexture(tissue)), "Texto": mean_off(texto), "floor": patches_off(tissue, tissue)}
print({name: round(value, 4) for name, value in off.items()})

# %%
if trained:
    claim("patch W2^2 above the floor: Texto over Gaussian, tissue", (off["Texto"] - off["floor"]) / (off["GaussianTexture"] - off["floor"]), at_most=0.6)  # fmt: skip
    claim("transport widens the cloud that arrives (ratio of spreads)", spread(several["moved"]) / spread(arriving), at_least=1.1)
    claim("averaging takes some of it away (ratio to the moved)", spread(several["averaged"]) / spread(several["moved"]), at_most=0.97)

# %% [markdown]
# ## 7. Far apart is independent
#
# All noise enters once, at the coarsest scale; after that each patch moves on its own. So a number of the noise can reach only so far. Follow it: on the coarsest scale it touches one spot as wide as the coarsest exemplar, $[a, b]$. A patch at $p$ covers $p,\dots,p+2$. So
# the patches from $a-2$ to $b$ may change, and they cover up to $b+2$: each scale widens the interval by 2 on both sides, and going finer doubles it,
#
# $$[a,b]\ \to\ [\,2(a-2),\ 2(b+2)+1\,],\qquad\text{at the last scale } [a,b]\to[\,a-2,\ b+2\,]. \tag{7}$$
#
# Pixels farther apart than the final width share no noise: they are **independent**, exactly. Change one number of the noise and look what changes. The same count, read backwards, says which noise a piece of the picture needs. So make a piece of 160 pixels from the noise under it
# alone. Computed as a small torus it is wrong near its border, 2 pixels on each side at the coarsest scale, then $2\cdot2+2=6$, then $2\cdot6+2=14$. Further in it should be the piece of the whole.

# %%
stones = Texto.fit(gravel, scales=3, samples=samples, generator=seeded(0))
coarse = pyramid(gravel[None], 3)[-1][0]  # (1, 32, 32)
noise = torch.randn(128, 128, generator=seeded(2))
nudged = noise.clone()
nudged[48, 48] += 4
a, b = 48, 48 + 31
for _ in range(2):
    a, b = 2 * (a - 2), 2 * (b + 2) + 1
a, b = a - 2, b + 2
reach = b - a + 1  # equation (7)
old, new = (texto_by_hand(stones, gaussian_texture(coarse.double(), each.double()).float())[-1][1][0] for each in (noise, nudged))
changed = (old - new).abs()
inside = changed[a : b + 1, a : b + 1]
width = np.ptp((changed > 1e-4).any(0).nonzero().numpy()) + 1  # of what changed
under = gaussian_texture(coarse.double(), noise[9:80, 9:80].double())[:, 31:, 31:].float()  # the field on 40..79 needs the noise on 9..79
piece = texto_by_hand(stones, under)[-1][1][0]  # pixels 160..319

# %%
claim("one number of the noise changes nothing outside the square of equation (7)", changed.max() - inside.max() + (changed > 1e-4).sum() - (inside > 1e-4).sum(), at_most=0)  # fmt: skip
claim("a piece made alone is that of the whole (largest difference, 14 pixels inside)", (piece - old[160:320, 160:320])[14:-14, 14:-14].abs().max(), at_most=1e-4)  # fmt: skip
if trained:
    claim("what changes is nearly as wide as the square (over its 156 pixels)", width / reach, 0.9, 1)
    claim("inside it changes at least 20 % of the pixels", (inside > 1e-4).float().mean(), at_least=0.2)

# %% [markdown]
# Now without that knowledge: correlations of pixels at a distance, over 24 seeds, on strips of 32 x 1024. As a zero line use correlations between *different* seeds, which are independent for sure. The waves at 40 and 80 pixels are the exemplar's: the distance from one stone to the next, which the Gaussian start has copied with the spectrum.

# %%
strips = torch.stack([stones.synthesize(32, 1024, seeded(100 + i))[0] for i in range(profile(smoke=2, cpu=24, gpu=200))])  # (S, 32, 1024)
spectrum = torch.fft.rfft(strips - strips.mean(), dim=2)
both = {
    "same seed": torch.fft.irfft((spectrum.conj() * spectrum).mean((0, 1)), n=1024),
    "two seeds": torch.fft.irfft((spectrum.conj() * spectrum.roll(1, 0)).mean((0, 1)), n=1024),
}
both = {name: (curve / both["same seed"][0])[:512] for name, curve in both.items()}  # correlation at lags 0..511
far = {name: curve[reach:].square().mean().sqrt() for name, curve in both.items()}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), width_ratios=[1, 1.9], layout="constrained")
axes[0].imshow(changed, cmap="Greys", vmin=0, vmax=0.6, interpolation="nearest")
axes[0].add_patch(plt.Rectangle((a, a), reach, reach, fill=False, color=REAL, lw=1.5))
axes[0].set(xticks=[], yticks=[], xlim=(a - 60, b + 60), ylim=(b + 60, a - 60), title=f"|change|, and a square of {reach} pixels")
axes[1].plot(both["two seeds"], color="0.7", label="two seeds (zero)")
axes[1].plot(both["same seed"], color=GENERATED, label="same seed")
axes[1].axvline(reach, color=REAL, ls=":", label="reach of equation (7)")
axes[1].set(xlabel="distance in pixels", ylabel="correlation", ylim=(-0.3, 1))
axes[1].legend(fontsize=9)
show(figure, alt="A patch of changed pixels inside a blue square; correlation that falls at once, has small waves up to a hundred pixels and then is as small as that between two seeds.")  # fmt: skip

# %%
if trained:
    claim("beyond the reach, correlation is as small as between two seeds (ratio)", far["same seed"] / far["two seeds"], 0.5, 1.6)
    claim("at a distance of 3 pixels it is not (correlation)", both["same seed"][3], at_least=0.3)

# %% [markdown]
# Independence has a use: as the piece above shows, a texture can be made in parallel, or tile by tile where one looks (each tile draws the noise under it from a seed and its place), so of any size in bounded memory. It has a price: nothing longer than the reach can be kept. And synthesis is fast, since nothing is left to learn. Time and size:

# %% tags=["nbval-ignore-output"]
for side in (64, 128, 256, 512):
    start = time.perf_counter()
    texto.synthesize(side, side, seeded(0))
    seconds = time.perf_counter() - start
    print(f"{side:4} x {side:<4} {1000 * seconds:7.0f} ms   {side * side / seconds / 1e6:.2f} megapixels a second")

# %% [markdown]
# ## 8. Two failures on purpose, and a gallery
#
# Which parts does Texto need? Take the potential away: every patch goes to its *nearest* exemplar patch. Or take the scales away: one transport, at the finest scale.

# %%
flattened = copy.deepcopy(texto)
for ot in flattened.transports:
    ot.potential.zero_()
models = {"Texto": texto, "no potential": flattened, "one scale": Texto.fit(tissue, scales=1, samples=samples, generator=seeded(0))}
ablation = {name: model.synthesize(160, 160, seeded(1)) for name, model in models.items()}
contrast = {name: (made.var((1, 2)).mean() / tissue.var((1, 2)).mean()).item() for name, made in ablation.items()}

# %% tags=["nbval-ignore-output"]
titles = [f"{name}: patch $W_2^2$ {patches_off(tissue, made):.4f},\nvariance {contrast[name]:.2f} of the exemplar's" for name, made in ablation.items()]  # fmt: skip
show(row([picture[:, :80, :80] for picture in (tissue, *ablation.values())], ["exemplar, a corner of 80\n", *titles], 2.7), alt="Exemplar, Texto, a flat version without potential, and a version with one scale: grain without cells.", dpi=80)  # fmt: skip

# %%
if trained:
    claim("without potential the picture goes flat: variance over Texto's", contrast["no potential"] / contrast["Texto"], at_most=0.8)
    claim("without potential the patches are farther off than Texto's (ratio)", patches_off(tissue, ablation["no potential"]) / off["Texto"], at_least=1.2)  # fmt: skip

# %% [markdown]
# Why flat? A nearest neighbour prefers the middle of the exemplar's cloud: a patch between all of them is near to everything, so the frequent and dull is chosen and the rare and bright never. Each scale does it again,
# and **mass is lost** at each. The potential makes the popular dear. (Texto's own variance is anywhere between 0.8 and 1.2 of the exemplar's, from seed to seed: 160 pixels hold few independent coarse places.) With one scale the law of 3x3 patches is almost as good as Texto's, and nobody sees a cell: a patch of 3 pixels cannot say where its neighbour's neighbour should be.
#
# Now other exemplars, and one that breaks the assumption (models of 128 x 128 pixels; you see a corner of 80).

# %% tags=["nbval-ignore-output"]
names = ("gravel", "grass", "brick", "petals")
figure, axes = plt.subplots(3, 4, figsize=(11, 8.8), layout="constrained")
improved = {}
for column, name in enumerate(names):
    real = data.texture(name, 128)
    models = (GaussianTexture(real), Texto.fit(real, scales=3, samples=samples, generator=seeded(0)))
    draw_images(axes[0, column], real[None, :, :80, :80], 1, name)
    for ax, model in zip(axes[1:, column], models, strict=True):
        made = model.synthesize(128, 128, seeded(1))
        improved.setdefault(name, []).append(patches_off(real, made))
        draw_images(ax, made[None, :, :80, :80], 1, f"patch $W_2^2$ = {improved[name][-1]:.4f}")
for ax, name in zip(axes[:, 0], ("exemplar", "Gaussian", "Texto"), strict=True):
    ax.set_ylabel(name)
show(figure, alt="Three rows for gravel, grass, brick and petals: exemplar, Gaussian texture, Texto. Texto has edges; bricks lose their pattern, petals become patches of orange.", dpi=64)  # fmt: skip

# %%
if trained:
    claim("patch W2^2 of Texto over Gaussian on gravel, grass and brick: largest", max(improved[name][1] / improved[name][0] for name in names[:3]), at_most=0.95)  # fmt: skip

# %% [markdown]
# Gravel and grass keep edges that the Gaussian texture lacks. Bricks keep the mortar but not the wall: the pattern is longer than the coarsest patch (12 pixels of 128). The flower is no texture: dark inside, bright outside, so (1) is false, and
# a stationary model spreads its centre everywhere. (Rare details need more targets than 1000; Leclaire and Rabin 2021 arrange them in layers, so that tens of thousands can be learned.) **Look at the exemplar before you blame the model.** Lesson 07b keeps the patch laws but makes them a loss on the *image*, so that overlapping patches must agree, and the blur goes.
#
# ## 9. Exercises
#
# ### Exercise 7.1 By hand on the line
#
# The source is uniform on $[0, 1]$, the targets $y_1<\dots<y_J$ have weights $w_j$. In one dimension the cells are intervals in the same order. Where are the borders? Which $v$, with mean zero, has these cells? (On a border between $j$ and $j+1$ both scores in (3) are equal.)


# %%
def potential_on_the_line(y, w):
    """y (J,) sorted, w (J,) with sum 1 -> v (J,) with mean 0, the maximum of the semi-dual for the uniform law on [0, 1]."""
    ### BEGIN SOLUTION
    border = w.cumsum(0)[:-1]  # mass w_1 + ... + w_j lies to the left
    rise = (border - y[1:]).square() - (border - y[:-1]).square()  # v_(j+1) - v_j
    potential = torch.cat([torch.zeros(1, dtype=y.dtype), rise.cumsum(0)])
    return potential - potential.mean()
    ### END SOLUTION


# %%
@exercise("7.1")
def check_line(attempt):
    y, w = torch.tensor([[0.1, 0.2, 0.9], [0.2, 0.3, 0.5]], dtype=torch.float64)
    found = attempt(y, w)
    if found.shape != y.shape or abs(float(found.mean())) > 1e-6:
        return f"the potential must have shape {tuple(y.shape)} and mean 0; yours has shape {tuple(found.shape)} and mean {float(found.mean()):.3g}"
    where = scores(fine[:, None], y[:, None], found).argmin(1)
    share = torch.bincount(where, minlength=3) / len(fine)
    if not (share - w).abs().max() <= 1e-3:
        return f"with weights {w.tolist()} your cells receive {[round(s, 3) for s in share.tolist()]}; is a border where the mass to its left is right?"


check_line(potential_on_the_line)

# %% [markdown]
# ### Exercise 7.2 The gradient of a smooth potential
#
# `solve` smooths the minimum: $h_\varepsilon(v) = \mathbb E\big[-\varepsilon\log\sum_j e^{-(\|x-y_j\|^2-v_j)/\varepsilon}\big] + \sum_j w_j v_j$. Write its gradient in closed form, without autograd. What takes the place of "the share assigned to $j$"? `scores` is at hand.


# %%
def smooth_gradient(x, y, v, w, epsilon):
    """The gradient (J,) of the smoothed semi-dual at v, with x (N, D) as the source, targets y (J, D) and weights w (J,)."""
    ### BEGIN SOLUTION
    shares_of_each_point = torch.softmax(-scores(x, y, v) / epsilon, 1)  # (N, J): a point is divided among the targets
    return w - shares_of_each_point.mean(0)
    ### END SOLUTION


# %%
@exercise("7.2")
def check_smooth(attempt):
    x, y, w = some[:200], targets[:6], torch.tensor([1.0, 2, 3, 4, 5, 6]).double() / 21
    for epsilon in (1.0, 0.05):
        p = (0.1 * torch.arange(6).double()).requires_grad_()
        value = (-epsilon * torch.logsumexp(-scores(x, y, p) / epsilon, 1)).mean() + w @ p
        (expected,) = torch.autograd.grad(value, p)
        found = attempt(x, y, p.detach(), w, epsilon)
        if found.shape != expected.shape:
            return f"the gradient has one number a target, shape {tuple(expected.shape)}; yours has shape {tuple(found.shape)}"
        if found.sum().abs() > 1e-8:
            return "its entries must sum to 0: the weights sum to 1, and so do the shares into which a point is divided"
        if not (found - expected).abs().max() <= 1e-8:
            return f"at epsilon {epsilon} autograd finds {expected[0]:.4f} for the first entry, you {found[0]:.4f}; the sign, and where epsilon stands?"


check_smooth(smooth_gradient)

# %% [markdown]
# ### Exercise 7.3 A sharper fold
#
# Averaging with equal weights is one choice. Give each position in a patch its own weight, a window $g$ (1, $s^2$), for instance one that trusts the centre most: pixel = $\sum_i g_i a_i/\sum_i g_i$. Use `fold` twice (it takes means; their ratio is all you need). The check uses it on the moved
# patches of section 5: the picture should lose less energy.


# %%
def windowed_fold(patches, window, shape):
    """patches (1, N, C s^2), window (C s^2,) positive -> image of the given shape (1, C, H, W) on a torus."""
    ### BEGIN SOLUTION
    weighted = fold(patches * window, shape, periodic=True)
    return weighted / fold(window.expand_as(patches).contiguous(), shape, periodic=True)
    ### END SOLUTION


# %%
@exercise("7.3")
def check_window(attempt):
    shape, bell = fields[:1].shape, torch.tensor([0.1, 0.3, 0.1, 0.3, 1, 0.3, 0.1, 0.3, 0.1])
    if not (attempt(moved, torch.ones(9), shape) - image).abs().max() <= 1e-5:
        return "with equal weights it must be `fold`"
    if not (attempt(source, bell, shape) - fields[:1]).abs().max() <= 1e-4:
        return "untouched patches must give the image back whatever the window: do you divide by the sum of weights?"
    if attempt(moved, bell, shape).var() <= image.var():
        return "a window that trusts the centre should keep more variance than equal weights"


check_window(windowed_fold)

# %% [markdown]
# ### Exercise 7.4 Your own exemplar
#
# Return a texture of your own: a crop of `data.photo(...)`, another entry of `data.texture`, or a picture from your disk, as a `(C, H, W)` tensor in $[-1,1]$ with sides that 4 divides, at least 64. Is it stationary? The check fits Texto to it and compares
# patch laws with the Gaussian texture's; look at the picture yourself as well.


# %%
def my_exemplar():
    """A texture (1 or 3, H, W) in [-1, 1], sides multiples of 4 and at least 64."""
    ### BEGIN SOLUTION
    return data.texture("stars", 128)
    ### END SOLUTION


# %%
@exercise("7.4")
def check_exemplar(attempt):
    mine = attempt()
    if mine.ndim != 3 or mine.shape[0] not in (1, 3) or min(mine.shape[1:]) < 64 or mine.shape[1] % 4 or mine.shape[2] % 4:
        return f"its shape is {tuple(mine.shape)}; it must be (1 or 3, H, W), sides multiples of 4 and at least 64"
    if mine.abs().max() > 1.001:
        return "its values must lie in [-1, 1]"
    both_models = GaussianTexture(mine), Texto.fit(mine, scales=3, samples=samples, generator=seeded(0))
    distance = [patches_off(mine, model.synthesize(*mine.shape[1:], seeded(1))) for model in both_models]
    if trained and distance[1] >= distance[0] and distance[1] > 1.1 * patches_off(mine, mine):  # at the floor there is nothing to gain
        return f"Texto's patches are at {distance[1]:.4f}, the Gaussian's at {distance[0]:.4f}: is the exemplar stationary?"


check_exemplar(my_exemplar)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - A texture is a stationary law; a model chooses which statistics of one exemplar to keep. Mean and spectrum keep the grain and lose the edges.
# - Semi-discrete transport needs one number a target; the gradient is what a target should get minus what it gets; the map is a biased nearest neighbour.
# - The gap of the ascent's average falls like $1/K$, that of its last iterate like $1/\sqrt K$; one can compute both constants.
# - Texto moves 3x3 patches at each scale and pastes the double ones to go finer: any size, fast, independent beyond a reach that is known.
# - Without the potential mass is lost and the picture goes flat; averaging overlapping patches loses the variance of their opinions, which is the blur.
#
# ## References
#
# - Galerne, Gousseau and Morel 2011, *Random phase textures: theory and synthesis*. [link](https://doi.org/10.1109/TIP.2010.2052822)
# - Galerne, Leclaire and Rabin 2018, *A texture synthesis model based on semi-discrete optimal transport in patch space*. [link](https://doi.org/10.1137/18M1175781)
# - Gatys, Ecker and Bethge 2015, *Texture synthesis using convolutional neural networks*. [link](https://arxiv.org/abs/1505.07376)
# - Genevay, Cuturi, Peyré and Bach 2016, *Stochastic optimization for large-scale optimal transport*. [link](https://arxiv.org/abs/1605.08527)
# - Houdard, Leclaire, Papadakis and Rabin 2023, *A generative model for texture synthesis based on optimal transport between feature distributions*. [link](https://arxiv.org/abs/2007.03408)
# - Leclaire and Rabin 2021, *A stochastic multi-layer algorithm for semi-discrete optimal transport with applications to texture synthesis and style transfer*. [link](https://doi.org/10.1007/s10851-020-00975-4)
# - Mérigot 2011, *A multiscale approach to optimal transport*. [link](https://doi.org/10.1111/j.1467-8659.2011.02032.x)
# - Peyré and Cuturi 2019, *Computational Optimal Transport*. [link](https://arxiv.org/abs/1803.00567)
# - Polyak and Juditsky 1992, *Acceleration of stochastic approximation by averaging*. [link](https://doi.org/10.1137/0330046)
