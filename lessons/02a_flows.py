# %% [markdown]
# # 02a Normalizing flows: densities that can be computed
#
# After this lesson you can
# - derive the density of a transformed variable, on the line as areas and in the plane as a determinant;
# - build an invertible network from couplings, ActNorm and 1x1 convolutions, and check its determinant against autograd;
# - train it by exact likelihood, compare it with a mixture and with a VAE on the same test points, and say what no flow can do.
#
# **You need**: maximum likelihood and the ELBO (lessons 01a and 01b), determinants.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 2 min 10 s | not measured |
# | peak memory | 1.1 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/02a_flows.ipynb) · [Slides](../slides/src/02_flows.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import math

import numpy as np
import torch
from IPython.display import Markdown
from ipywidgets import IntSlider
from matplotlib import pyplot as plt
from torch.autograd.functional import jacobian
from torch.distributions import LogNormal, MultivariateNormal, Normal

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.losses.variational import normal_log_density
from course_lib.metrics import parzen_log_likelihood
from course_lib.models import glow
from course_lib.models.flow import Flow, spline_flow
from course_lib.models.gmm import fit_mixture
from course_lib.models.vae import VAE
from course_lib.nn import ActNorm, Chain, Coupling, Invertible1x1, channel_mask, conditioner, mlp
from course_lib.training import fit, profile, profile_name
from course_lib.viz import ACCENTS, TEN, draw_map, draw_points, explore, plane, show

trained = profile_name() != "smoke"  # at smoke size nothing is trained long enough to judge
seed = lambda number: torch.Generator().manual_seed(number)  # noqa: E731

# %% [markdown]
# ## 1. The result first
#
# A GAN makes points but cannot say how likely one is. A VAE bounds that likelihood from below. The model below **computes** it. It is one
# invertible network: run forwards it turns data into Gaussian noise, run backwards it turns noise into data, and on the way it keeps an account of how
# much it stretches space.
#
# It learns two moons here, in a few seconds. Then move the slider: at 0 you see data space, at 8 latent space, and in between what the layers do one by one.
# The grid is straight in latent space. A cell of it holds the same share of the points at every step. So where cells of the *middle* of latent space become small,
# points are likely; the thin cells on the outside come from the edge of latent space, where there is almost nothing to begin with.

# %% tags=["nbval-ignore-output"]
moons = data.toy2d("moons", 4000, seed(0))
torch.manual_seed(0)
first_flow = glow((2,), depth=8, rate=1e-2)  # its eight steps are built in sections 4 and 5
fit(first_flow, moons, profile(smoke=5, cpu=400, gpu=2000), batch_size=256, ema=0.99).ema.copy_to(first_flow)
steps_of = first_flow.layers.layers
line = torch.linspace(-3, 3, 121)
grid_lines = [torch.stack([torch.full_like(line, c), line][:: 1 if i else -1], 1) for i in (0, 1) for c in torch.arange(-3, 3.1, 0.5)]


@torch.no_grad()
def draw_layers(layer=0):
    """Data after that many steps, and the straight grid of latent space taken back to the same place."""
    points, lines = moons[:1500], torch.cat(grid_lines)
    for step in steps_of[:layer]:
        points = step(points)[0]
    for step in reversed(steps_of[layer:]):
        lines = step.inverse(lines)
    figure, axes = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    for path in lines.split(len(line)):
        axes.plot(*path.T, color="0.6", lw=0.6, zorder=0)
    draw_points(axes, points, size=5)
    (left, bottom), (right, top) = (points.mean(0) + sign * 3.2 * points.std(0) for sign in (-1, 1))
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="auto")
    axes.set_title("data space" if layer == 0 else "latent space" if layer == len(steps_of) else f"after step {layer}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_layers,
    alt="Two moons of data points under a bent grid, whose lines crowd on the moons; step by step points become a round cloud and lines straight.",
    layer=IntSlider(value=0, min=0, max=8),
)

# %% [markdown]
# ## 2. On the line: areas
#
# Let $x$ have density $p$ and let $z = f(x)$ with $f$ increasing. The points that fall between $x$ and $x + \mathrm dx$ are those that fall between
# $f(x)$ and $f(x + \mathrm dx)$. Probability is an **area under a density**, and no point is lost, so the two strips have the same area:
#
# $$p(x)\,\mathrm dx = p_z\big(f(x)\big)\,f'(x)\,\mathrm dx \quad\Longrightarrow\quad \log p(x) = \log p_z\big(f(x)\big) + \log |f'(x)|. \tag{1}$$
#
# (If $f$ decreases, the strips swap sides and keep their areas: hence the bars.) Where $f$ is steep a narrow strip of $x$ becomes a wide strip of $z$: many points must have stood close together, and the density is high. Take
# $f = \log$ and a standard normal $z$. Then (1) gives the density of $x = e^z$ without an integral.

# %%
edges = torch.tensor([0.15, 0.4, 0.7, 1.1, 1.7, 2.6, 4.5])  # of the strips, in x
x = torch.linspace(0.01, 5, 1000)
by_areas = (Normal(0.0, 1.0).log_prob(x.log()) + (1 / x).log()).exp()  # equation (1) with f = log, f' = 1/x
figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained")
z = torch.linspace(-3, 3, 1000)
for ax, values, density, cuts, name in (
    (axes[0], x, by_areas, edges, "x"),
    (axes[1], z, Normal(0.0, 1.0).log_prob(z).exp(), edges.log(), "z"),
):
    ax.plot(values, density, color="0.2", lw=1)
    for k in range(len(edges) - 1):
        inside = (values >= cuts[k]) & (values <= cuts[k + 1])
        ax.fill_between(values[inside], density[inside], color=TEN[k], alpha=0.6, lw=0)
    ax.set(xlabel=f"${name}$", ylabel=f"density of ${name}$", ylim=(0, None))
axes[1].set_title("$z = \\log x$: same strips, same areas")
show(figure, alt="A skewed density of x and a normal density of z cut into six coloured strips; strips of one colour have equal areas.")

# %%
claim(
    "equation (1) is the log-normal density (largest error)", (by_areas - LogNormal(0.0, 1.0).log_prob(x).exp()).abs().max(), at_most=1e-5
)
areas = [torch.trapezoid(by_areas[keep := (x >= a) & (x <= b)], x[keep]).item() for a, b in zip(edges[:-1], edges[1:], strict=True)]
strips = Normal(0.0, 1.0).cdf(edges.log()).diff()
claim("strips of x and of z have the same area (largest difference)", (torch.tensor(areas) - strips).abs().max(), at_most=5e-3)

# %% [markdown]
# ## 3. In the plane: determinants
#
# In $d$ dimensions a small cube becomes a small parallelepiped, whose volume is that of the cube times $|\det J|$, with $J = \partial z/\partial x$ the Jacobian:
#
# $$\log p(x) = \log p_z\big(f(x)\big) + \log\left|\det \frac{\partial f}{\partial x}(x)\right|. \tag{2}$$
#
# The last term is positive where the map stretches and negative where it squeezes; because of the bars it does not matter if it also mirrors. Check the area by drawing small squares through a map that is no layer of any flow.


# %%
def swirl(points):
    """(N, 2) -> (N, 2): turns more the further out, and stretches one side."""
    angle = points.square().sum(1) / 3
    turned = torch.stack(
        [points[:, 0] * angle.cos() - points[:, 1] * angle.sin(), points[:, 0] * angle.sin() + points[:, 1] * angle.cos()], 1
    )
    return torch.stack([turned[:, 0] + 0.3 * turned[:, 0].sin(), turned[:, 1]], 1)


side = 0.2
corner = side / 2 * torch.tensor([[-1.0, -1.0], [1, -1], [1, 1], [-1, 1]])
centres = data.grid_centres(5, 0.8)
squares = centres[:, None] + corner  # (25, 4, 2)
images = swirl(squares.reshape(-1, 2)).reshape(-1, 4, 2)
a, b = images, images.roll(-1, 1)
area = 0.5 * (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(1).abs()  # of each polygon, by the shoelace formula
determinants = torch.stack([jacobian(lambda p: swirl(p[None])[0], c).det().abs() for c in centres])

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.3), layout="constrained")
top = determinants.max()
for ax, shapes, title in ((axes[0], squares, "$x$: all squares alike"), (axes[1], images, "$z$: areas times |det J|")):
    for shape, value in zip(shapes, determinants, strict=True):
        ax.fill(*shape.T, color=plt.get_cmap("viridis")((value / top).item()), lw=0)
    ax.set(aspect="equal", title=title)
bar = plt.cm.ScalarMappable(plt.Normalize(0, top.item()), "viridis")
figure.colorbar(bar, ax=axes, label="|det J|")
show(figure, alt="A lattice of equal squares, and its image under a swirl: turned, sheared, larger where the determinant is larger.")

# %%
claim("small squares grow by |det J| (largest relative error)", (area / side**2 / determinants - 1).abs().max(), at_most=0.05)

# %% [markdown]
# ### 3.1 Why triangular
#
# Training needs (2) for each point of each batch. For a general network with $d$ outputs, $J$ costs $d$ backward passes and its determinant about $d^3/3$ multiplications:
# for an image of 784 pixels, 160 million, for each image. And nothing says that the network can be inverted at all. If $J$ is **triangular**, the
# determinant is the product of the diagonal and costs $d$; and the equations can be solved one after the other. Every layer of this lesson is either triangular or a
# small matrix that we keep factored.
#
# ## 4. The coupling
#
# Split $x$ into halves $x_a, x_b$. Leave the first, and move the second by what any network says about the first (Dinh et al. 2017):
#
# $$z_a = x_a, \qquad z_b = x_b \odot e^{s(x_a)} + t(x_a), \qquad \frac{\partial z}{\partial x} = \begin{pmatrix} I & 0\cr \ast & \operatorname{diag} e^{s(x_a)}\end{pmatrix}, \qquad \log\det = \sum_j s_j(x_a). \tag{3}$$
#
# The star is the derivative of a network, as wild as it likes: it does not enter the determinant. Nor need the network be inverted, for $x_a = z_a$ is known on the way back:
# $x_b = (z_b - t(z_a))\odot e^{-s(z_a)}$. The scale passes through a bound, $s = a \tanh r$ with $a$ learned, because $e^{s}$ of a raw output explodes.
#
# The first coupling, that of NICE (Dinh et al. 2015), had $s = 0$. Its determinant is 1: it moves points but can pack them no closer, so NICE ends with one learned scale for each coordinate.
# The name *normalizing flow* came to deep learning with Rezende and Mohamed (2015), who used flows as posteriors of a VAE. Papamakarios et al. (2021) survey them all.


# %%
def couple(x, network, a):
    """Equation (3) in the plane: x (B, 2), network (B, 1) -> (B, 2) gives t and r, a () bounds the scale -> z (B, 2), log_det (B,)."""
    t, r = network(x[:, :1]).split(1, 1)
    s = a * torch.tanh(r)
    return torch.cat([x[:, :1], x[:, 1:] * s.exp() + t], 1), s[:, 0]


def uncouple(z, network, a):
    """Its inverse, (B, 2) -> (B, 2)."""
    t, r = network(z[:, :1]).split(1, 1)
    return torch.cat([z[:, :1], (z[:, 1:] - t) * torch.exp(-a * torch.tanh(r))], 1)


def log_dets_by_autograd(function, x):
    """log |det| of the Jacobian at each point: (B, D) -> (B,)."""
    return torch.stack([torch.linalg.slogdet(jacobian(lambda p: function(p[None])[0], point)).logabsdet for point in x])


# %%
torch.manual_seed(0)
network, x = mlp([1, 32, 2]), torch.randn(200, 2)
with torch.no_grad():
    z, log_det = couple(x, network, 1.0)
    back = uncouple(z, network, 1.0)
reference = log_dets_by_autograd(lambda p: couple(p, network, 1.0)[0], x)
claim("inverse of forward is x in float32 (largest error)", (back - x).abs().max(), at_most=1e-5)
claim("log-determinant equals that of autograd's Jacobian (relative)", (log_det - reference).norm() / reference.norm(), at_most=1e-5)

# %% [markdown]
# The library's `Coupling` says the same with a **mask**: 1 where a number stays, 0 where it moves. The network sees the whole sample with the moving part set to zero,
# so one class serves halves of a vector, channels of an image and checkerboards (lesson 02b). Check it against ours: give it our network behind an adaptor.


# %%
class Adaptor(torch.nn.Module):
    """Our network as `Coupling` wants it: (B, 2) -> (B, 4), first t for both coordinates, then r; those of the first one are not used."""

    def forward(self, kept):
        t, r = network(kept[:, :1]).split(1, 1)
        return torch.cat([t, t, r, r], 1)


with torch.no_grad():
    library = Coupling(Adaptor(), channel_mask((2,)))(x)
claim(
    "the coupling written out is course_lib's (largest difference)",
    max((z - library[0]).abs().max(), (log_det - library[1]).abs().max()),
    at_most=1e-6,
)

# %% [markdown]
# ## 5. Mixing
#
# One coupling leaves half of the numbers where they are. So between couplings the roles must change: by a *permutation* (swap the halves), or by any
# invertible matrix. Kingma and Dhariwal (2018) learn that matrix. On images it acts on the channels of each pixel, which makes it a **1x1 convolution**. To keep its
# determinant cheap it is stored as a product
#
# $$W = P\,L\,\big(U + \operatorname{diag} s\big), \qquad \log|\det W| = \sum_j \log |s_j|, \tag{4}$$
#
# with a fixed permutation $P$, a lower triangular $L$ with ones on the diagonal, and a strictly upper triangular $U$. At $C$ channels the determinant costs $C$ instead of $C^3$, and the inverse takes two triangular solves.

# %%
torch.manual_seed(1)
mixing = Invertible1x1(12)
with torch.no_grad():
    for part in mixing.parameters():  # away from the rotation that it starts as
        part.add_(0.1 * torch.randn_like(part))
    pixels = torch.randn(3, 12, 7, 7)
    z, log_det = mixing(pixels)
    claim("Glow's LU log-determinant equals 49 x slogdet of W (relative)", (log_det[0] / (49 * torch.linalg.slogdet(mixing.weight()).logabsdet) - 1).abs(), at_most=1e-5)  # fmt: skip
    claim("triangular solves bring the pixels back (largest error)", (mixing.inverse(z) - pixels).abs().max(), at_most=1e-5)

# %% [markdown]
# The third layer, **ActNorm**, shifts and scales each channel. Its parameters are learned like any others, but they *start* so that the first batch comes out with mean 0 and deviation 1; afterwards no batch
# statistics are used, so that $f$ stays a fixed function of one point. (RealNVP has batch normalisation here. There $z$ depends on who else is in the batch, and on large images a batch has room for one or two, which makes its statistics mere noise.)

# %%
norm = ActNorm(2)
started = norm.initialise(5 + 3 * torch.randn(500, 2, generator=seed(0)))
before = norm.bias.clone()
norm.initialise(torch.randn(500, 2, generator=seed(1)))
claim("ActNorm's first batch leaves with mean 0 and deviation 1 (largest error)", max(started.mean(0).abs().max(), (started.std(0, correction=0) - 1).abs().max()), at_most=1e-5)  # fmt: skip
claim("ActNorm starts from its first batch and never again (change)", (norm.bias - before).abs().max(), at_most=0)

# %% [markdown]
# Does mixing matter? Six couplings on the moons, with nothing between them, with swaps, and with learned matrices. And since this is the first flow you train: the whole loop. The loss is minus the mean of (2). There is no second network, no sampling, no bound.


# %%
def train(flow, draw, steps, rate=5e-3, watch=None):
    """Maximum likelihood: `steps` batches of 256 points from draw(n); returns watch(flow) of 12 moments, evenly spaced."""
    flow.layers.initialise(draw(256))
    optimiser = torch.optim.Adam(flow.parameters(), rate, fused=True)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    record = []
    for step in range(steps):
        z, log_det = flow.layers(draw(256))
        loss = -(normal_log_density(z) + log_det).mean()  # minus equation (2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
        if watch and (step + 1) % max(1, steps // 12) == 0:
            record.append((step + 1, watch(flow)))
    return record


def six_couplings(mixing):
    """A flow of six couplings; mixing: "nothing", "swaps" or "matrices"."""
    layers = []
    for k in range(6):
        layers += [ActNorm(2)] + [Invertible1x1(2)] * (mixing == "matrices")
        layers += [Coupling(conditioner(2, 64, images=False), channel_mask((2,), flip=mixing == "swaps" and k % 2 == 1))]
    return Flow(Chain(*layers), (2,))


# %% tags=["nbval-ignore-output"]
held_out, mixed = data.toy2d("moons", 4000, seed(1)), {}
for kind in ("nothing", "swaps", "matrices"):
    torch.manual_seed(0)
    mixed[kind] = six_couplings(kind)
    generator = seed(2)
    train(mixed[kind], lambda n: data.toy2d("moons", n, generator), profile(smoke=5, cpu=400, gpu=2000), 1e-2)  # noqa: B023
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
score = {kind: flow.log_density(held_out).mean().item() for kind, flow in mixed.items()}
for ax, (kind, flow) in zip(axes, mixed.items(), strict=True):
    draw_map(ax, lambda p: flow.log_density(p).exp(), 3.0, 140)  # noqa: B023
    draw_points(ax, generated=flow.sample(400, seed(0)), size=7)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=f"{kind}: {score[kind]:.2f} nats a point")
show(
    figure,
    alt="Densities and samples of three flows on the moons: without mixing a band, widest in the middle; with swaps and with matrices two moons joined by mist.",
)

# %%
if trained:
    claim("without mixing, at least 0.1 nats a point are lost against swaps", score["swaps"] - score["nothing"], at_least=0.1)
    straight = mixed["nothing"].layers(held_out)[0][:, 0]
    claim("unmixed, the first coordinate is only rescaled (|correlation| with z)", torch.corrcoef(torch.stack([straight, held_out[:, 0]]))[0, 1].abs(), at_least=0.9999)  # fmt: skip

# %% [markdown]
# With nothing between the couplings the first coordinate can never be anything but a Gaussian; the model puts the same bell over any law.
# Swaps and matrices come out alike in the plane, where there is little to mix; on images, with 12 to 48 channels, the matrices win (Kingma and Dhariwal 2018, figure 3).
#
# ## 6. One table: a mixture, a VAE, two flows
#
# Now fairly: 500 training points of each law, 250 for choosing, 5000 for the test. Two of the contestants you know:
#
# - a **mixture of Gaussians** by EM (lesson 01a), the number of components chosen on the validation points;
# - a **VAE** (lesson 01b), of which one has a bound, here that of 100 importance samples. In so few dimensions we can also average $p(x\mid z)$ over 5000 latents from the prior, and see what the bound loses.
#
# And two flows: eight Glow steps with **affine** couplings, (3), and six with **splines**. A spline coupling (Durkan et al. 2019) replaces $x_b e^{s} + t$ by an
# increasing curve made of eight pieces, each a ratio of quadratics; the network says where its knots stand and how steep it is there. It has an explicit inverse, and its Jacobian is triangular too: in (3)
# the diagonal holds the slopes of the curves.
#
# With so few points the networks would learn them by heart, so in training each point is moved by a little noise (deviation 0.07). That has a price: the law they learn is wider than the truth (deviation 0.12 instead of 0.10 around the moons), and even learned
# perfectly it would lose 0.03 nats on the moons and 0.07 on the other two. And because we made the laws ourselves there is a fifth
# line, the **truth**: the noise around a curve is a mixture of Gaussians centred on it, as many as you like.


# %%
def truth(name, points):
    """The true log-density at points (N, 2), by 4000 centres along each arm of the curve."""
    share = (torch.arange(4000) + 0.5) / 4000
    circle = lambda angle: torch.stack([angle.cos(), angle.sin()], 1)  # noqa: E731
    if name == "moons":
        arc = circle(math.pi * share)
        arms, width = [arc - torch.tensor([0.5, 0.25]), torch.tensor([0.5, 0.25]) - arc], 0.1
        arms = [1.5 * arm for arm in arms]
    elif name == "spiral":
        turn = 3 * math.pi * share.sqrt()
        arms, width = [turn[:, None] / 4 * circle(turn + start) for start in (0, math.pi)], 0.08
    else:
        arms, width = [radius * circle(2 * math.pi * share) for radius in (1, 2)], 0.08
    return parzen_log_likelihood(points.double(), torch.cat(arms).double(), width)


def best_mixture(points, validation):
    """The mixture, among several numbers of components, under which the validation points are likeliest."""
    mixtures = [fit_mixture(points, k, seed(0), floor=1e-4) for k in profile(smoke=[4], cpu=[4, 8, 16, 24, 32], gpu=[4, 8, 16, 24, 32])]
    return max(mixtures, key=lambda mixture: mixture.log_density(validation).mean().item())


def moved(points):
    """Training batches for `fit`: points drawn with replacement, each moved by noise."""
    return lambda n, g: points[torch.randint(len(points), (n,), generator=g)] + 0.07 * torch.randn(n, 2, generator=g)


# %% tags=["nbval-ignore-output"]
laws = ("moons", "spiral", "circles")
table, models, tests = {}, {}, {}
for name in laws:
    points, validation, tests[name] = (data.toy2d(name, n, seed(k)) for k, n in enumerate((500, 250, 5000)))
    mixture = best_mixture(points, validation)
    torch.manual_seed(0)
    vae = VAE(mlp([2, 64, 64, 4]), mlp([2, 64, 64, 2]), latent=2, lr=2e-3)
    affine, splines = glow((2,), depth=8, rate=1e-2), spline_flow(2, depth=6, rate=1e-2)
    fit(vae, moved(points), profile(smoke=5, cpu=800, gpu=5000), batch_size=256, progress=False)
    for flow in (affine, splines):
        fit(flow, moved(points), profile(smoke=5, cpu=600, gpu=2000), batch_size=512, ema=0.99, progress=False).ema.copy_to(flow)
    models[name] = {"mixture": mixture, "affine flow": affine, "spline flow": splines}
    with torch.no_grad():
        table[name] = {kind: model.log_density(tests[name]).mean().item() for kind, model in models[name].items()}
        decoded = vae.decode(torch.randn(5000, 2, generator=seed(1)))  # p(x) is the mean over latents of a Gaussian around each of these
        table[name]["VAE"] = parzen_log_likelihood(tests[name], decoded, vae.log_variance.div(2).exp().item()).mean().item()
    table[name]["VAE (bound)"] = vae.bound(tests[name], 100, generator=seed(0)).mean().item()
    table[name]["truth"] = truth(name, tests[name]).mean().item()

# %% tags=["nbval-ignore-output"]
rows = ["truth", "mixture", "VAE (bound)", "VAE", "affine flow", "spline flow"]
Markdown(
    "| nats a test point | " + " | ".join(laws) + " |\n|:---|---:|---:|---:|\n"
    + "\n".join(f"| {kind} | " + " | ".join(f"{table[name][kind]:.3f}" for name in laws) + " |" for kind in rows)
)  # fmt: skip

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(3, 4, figsize=(9.5, 7.2), layout="constrained")
for row, name in zip(axes, laws, strict=True):
    densities = {"truth": lambda p: truth(name, p), **{k: m.log_density for k, m in models[name].items()}}  # noqa: B023
    for ax, (kind, log_density) in zip(row, densities.items(), strict=True):
        draw_map(ax, lambda p: log_density(p).exp(), 3.0, 110)  # noqa: B023
        ax.set(xticks=[], yticks=[], title=f"{kind}: {table[name][kind]:.2f}")
show(
    figure,
    alt="Three laws by four models as density maps: the mixture is beads on a string, the affine flow is smooth with streaks, the spline flow near the truth.",
)

# %%
xs, _, far = plane(6.0, 360)  # a grid wide enough to hold nearly all of any of these densities
cell = (xs[1] - xs[0]).item() ** 2
with torch.no_grad():
    totals = [models[name][kind].log_density(far).exp().sum().item() * cell for name in laws for kind in ("affine flow", "spline flow")]
claim("the density of every flow integrates to 1 (largest error)", max(abs(total - 1) for total in totals), at_most=1e-2)
if trained:
    claim(
        "moons: the spline flow's test likelihood beats the mixture's (nats)",
        table["moons"]["spline flow"] - table["moons"]["mixture"],
        at_least=0.005,
    )
    claim(
        "spiral: the spline flow's test likelihood beats the mixture's (nats)",
        table["spiral"]["spline flow"] - table["spiral"]["mixture"],
        at_least=0.005,
    )
    claim("the VAE's bound of 100 samples is near its likelihood (largest difference)", max(abs(table[n]["VAE"] - table[n]["VAE (bound)"]) for n in laws), at_most=0.05)  # fmt: skip
    claim("on all three laws both flows beat the VAE (least lead)", min(table[n][k] - table[n]["VAE"] for n in laws for k in ("affine flow", "spline flow")), at_least=0.05)  # fmt: skip
    claim("nobody beats the truth (largest lead)", max(table[n][k] - table[n]["truth"] for n in laws for k in rows[1:]), at_most=-0.02)

# %% [markdown]
# Read the table with a cool head. In the plane a mixture whose size was chosen with care is a strong opponent: a dozen beads string the moons well, and a chain of *affine* couplings does not beat it anywhere. Splines
# win by about a tenth of a nat, and they too are lumpy where the 500 points are. The mixture's trouble begins with dimension, where beads no longer fill anything; lesson 02b has 784 dimensions. The VAE's bound loses next to nothing here: the VAE itself is worse,
# for it has settled for a wide Gaussian around every decoded point. But to know that we had to average over its latents, which works in the plane and hardly anywhere else; the bound alone could not have ranked it, and a GAN could not have entered.
#
# ## 7. What a flow cannot do
#
# It cannot change the **dimension**: there are as many latents as numbers in the data. If the data lie on something thinner, a curve in the plane, the likelihood has no maximum: a flow that squeezes everything onto the curve gains without end (lesson 02b, section 3.1).
#
# And a map that is invertible and continuous both ways keeps the **topology**. Latent space is in one piece, without holes. So is everything that a flow makes: of two separate blobs it makes two blobs *and a bridge*. It can come as near to them
# as one likes, but the thinner the bridge, the larger the slope of the flow or of its inverse must be, without limit (Cornish et al. 2020, theorem 2.1).
#
# ### 7.1 The price on the line
#
# Let the data be $\tfrac12\mathcal N(-\mu,\sigma^2)+\tfrac12\mathcal N(\mu,\sigma^2)$. The increasing map $T$ from noise to data is unique, and by (1) its slope is $T'(z) = \varphi(z)/p(T(z))$. In the middle, where $T(0) = 0$,
#
# $$T'(0) = \frac{\varphi(0)}{p(0)} = \sigma\, e^{\mu^2/2\sigma^2}. \tag{5}$$
#
# For $\sigma = 0.1$ and centres only one unit apart, $\mu = 0.5$, that is 27,000. A network with a smaller Lipschitz constant must put points where there are none. More dimensions do not help: for these two blobs
# the slope in (5) is the least that any map from a Gaussian needs somewhere, by the Gaussian isoperimetric inequality. (Salmona et al. 2022 prove bounds of this kind for every generator that pushes a Gaussian forward: GANs and VAEs pay as well.)

# %%
sigma, z = 0.5, torch.linspace(-2.5, 2.5, 2001, dtype=torch.float64)
figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
errors = []
for mu, colour in zip((0.5, 1.0, 1.5, 2.0), ACCENTS, strict=True):
    where = torch.linspace(-5, 5, 200_001, dtype=torch.float64)
    cdf = (Normal(-mu, sigma).cdf(where) + Normal(mu, sigma).cdf(where)) / 2
    transport = torch.from_numpy(
        np.interp(Normal(0.0, 1.0).cdf(z).numpy(), cdf.numpy(), where.numpy())
    )  # T = quantile of the data at Phi(z)
    axes.plot(z, transport, color=colour, label=f"$\\mu={mu}$: slope {sigma * math.exp(mu**2 / 2 / sigma**2):.3g}")
    levels = Normal(0.0, 1.0).cdf(torch.tensor([-1e-5, 1e-5], dtype=torch.float64))
    steep = np.diff(np.interp(levels.numpy(), cdf.numpy(), where.numpy()))[0] / 2e-5
    errors.append(abs(steep / (sigma * math.exp(mu**2 / 2 / sigma**2)) - 1))
axes.set(xlabel="latent $z$", ylabel="$T(z)$", title="two Gaussians at $\\pm\\mu$, $\\sigma=0.5$")
axes.legend(fontsize=8)
show(figure, alt="Maps from noise to two Gaussians: the further apart the blobs, the steeper the map at zero, almost a jump at mu 2.")
claim("the slope in the middle is that of equation (5) (relative error)", max(errors), at_most=0.02)

# %% [markdown]
# ### 7.2 The bridges of a ring
#
# Eight Gaussians on a ring: neighbours are 15 standard deviations apart. As the flow learns, watch two numbers: the share of its samples on bridges, further than five standard deviations from
# every centre (the truth: 4 in a million), and the largest singular value of the Jacobian of its inverse, $z\mapsto x$, over 5000 latents. That is a lower bound of its Lipschitz constant. For comparison the same flow learns one blob, and
# two at $\pm1.5$ of deviation 0.5: the case $\mu=1.5$ of the last figure, for which an exact map needs a slope of 45.


# %%
def steepest(flow, n=5000):
    """Largest singular value of dx/dz over n latents from the prior."""
    z = torch.randn(n, 2, generator=seed(0)).requires_grad_()
    x = flow.layers.inverse(z)
    rows = [torch.autograd.grad(x[:, k].sum(), z, retain_graph=True)[0] for k in (0, 1)]
    return torch.linalg.svdvals(torch.stack(rows, 1)).max().item()


centres, separated, slopes = data.ring_centres(), {}, {}
for name in ("gaussian", "two_gaussians", "ring"):
    torch.manual_seed(0)
    separated[name], generator = spline_flow(2, depth=6), seed(0)
    watch = lambda flow: (steepest(flow), (torch.cdist(flow.sample(5000, seed(0)), centres).amin(1) > 0.5).float().mean().item())  # noqa: E731
    steps = profile(smoke=12, cpu=600 if name == "ring" else 300, gpu=4000)
    slopes[name] = train(separated[name], lambda n: data.toy2d(name, n, generator), steps, 1e-2, watch=watch)  # noqa: B023

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
draw_map(axes[0], lambda p: separated["ring"].log_density(p).clamp(min=-8) + 8, 2.8, 200)
axes[0].set(xticks=[], yticks=[], title="learned log-density, from $-8$ up")
draw_points(axes[1], generated=separated["ring"].sample(4000, seed(1)), size=2)
axes[1].set(xticks=[], yticks=[], xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), title="samples")
for (name, record), colour in zip(slopes.items(), ACCENTS, strict=False):
    moments, watched = zip(*record, strict=True)
    axes[2].semilogy(moments, [w[0] for w in watched], "o-", ms=3, color=colour, label=name.replace("_", " "))
axes[2].axhline(0.5 * math.exp(1.5**2 / 2 / 0.5**2), color=ACCENTS[1], ls=":", label="two, exact: (5)")
axes[2].set(xlabel="step", title="steepest slope of $z\\mapsto x$")
figure.legend(*axes[2].get_legend_handles_labels(), loc="outside right center", fontsize=8)
show(
    figure,
    alt="A ring of eight blobs joined by thin bridges; the steepest slope is near 1 for one blob, tens for two, hundreds or more for the ring.",
)

# %%
if trained:
    slope = {name: record[-1][1][0] for name, record in slopes.items()}
    bridges = [watched[1] for _, watched in slopes["ring"]]
    claim("a trained flow still leaves at least 0.3 % of its samples on bridges", bridges[-1], at_least=0.003)
    claim("the bridges thin out while it learns (last share over first)", bridges[-1] / bridges[0], at_most=0.5)
    claim("one blob needs no steep inverse", slope["gaussian"], at_most=2.5)
    claim("two blobs that nearly touch: at least 10 times as steep", slope["two_gaussians"] / slope["gaussian"], at_least=10)
    claim("eight blobs far apart: at least 50 times as steep", slope["ring"] / slope["gaussian"], at_least=50)

# %% [markdown]
# One blob needs hardly more than slope 1. Two blobs come more than half of the way to 45. Cut the ring in two by a line through its gaps: by the same inequality an exact map needs a slope of about $10^{12}$. The flow stops at a thousand or so, and pays the rest in bridges.
#
# A steep inverse also has a cost that one notices later: rounding errors in $z$ are multiplied by it (Behrmann et al. 2021 watch inverses explode to NaN), and training gets stiff.
# Ways out: more dimensions than data needs, noise that chooses among several flows (Cornish et al. 2020), a base law with several modes, or no bijection at all.
#
# ## 8. Exercises
#
# ### Exercise 2.1 The log-determinant of a coupling
#
# A coupling on images has raw scales `raw` $(B, C, H, W)$ from its network, a learned bound `factor` $(C, 1, 1)$ and a mask (1 = stays). Write its log-determinant. What do numbers that stay contribute?


# %%
def coupling_log_det(raw, factor, mask):
    """raw (B, C, H, W), factor (C, 1, 1), mask (C, H, W) -> (B,)."""
    ### BEGIN SOLUTION
    moving = 1 - mask  # what stays has slope 1 and log-slope 0
    return (moving * factor * torch.tanh(raw)).flatten(1).sum(1)
    ### END SOLUTION


# %%
@exercise("2.1")
def check_coupling_log_det(attempt):
    torch.manual_seed(0)
    generator, mask = seed(0), channel_mask((4, 2, 2))
    layer = Coupling(conditioner(4, 8, images=True), mask)
    layer.factor.data = torch.rand(4, 1, 1, generator=generator) + 0.5
    torch.nn.init.normal_(layer.network[-1].weight, generator=generator)
    x = torch.randn(3, 4, 2, 2, generator=generator)
    raw = layer.network(x * mask)[:, 4:]
    found, wanted = attempt(raw, layer.factor, mask), layer(x)[1]
    if found.shape != wanted.shape:
        return f"one number a sample is wanted, shape {tuple(wanted.shape)}; yours is {tuple(found.shape)}"
    if not (found - wanted).abs().max() <= 1e-4:
        return f"for the first sample it is {wanted[0]:.4f}, you say {found[0]:.4f}: which numbers move, and are their logarithms added or averaged?"


check_coupling_log_det(coupling_log_det)

# %% [markdown]
# ### Exercise 2.2 Find the bug
#
# This layer trains well; its "likelihood" even exceeds the truth. But samples are rubbish, and the inverse does not bring points back.
#
# ```python
# t, r = network(x).chunk(2, 1)
# s = torch.tanh(r)
# z = mask * x + (1 - mask) * (x * s.exp() + t)
# return z, s.sum(1)
# ```
#
# There are **two** mistakes. Write it right.


# %%
def repaired(x, network, mask):
    """x (B, D), network (B, D) -> (B, 2 D), mask (D,) of 1 and 0 -> z (B, D), log_det (B,)."""
    ### BEGIN SOLUTION
    shift, raw = network(mask * x).chunk(2, 1)  # it may see only what stays, or the inverse cannot ask it the same question
    bounded = (1 - mask) * raw.tanh()  # what stays is not stretched
    return x * bounded.exp() + (1 - mask) * shift, bounded.sum(1)
    ### END SOLUTION


# %%
@exercise("2.2")
def check_repaired(attempt):
    torch.manual_seed(0)
    inner, mask, x = mlp([4, 16, 8]), torch.tensor([1.0, 0, 1, 0]), torch.randn(20, 4)
    asked = []
    spy = lambda seen: asked.append(seen) or inner(seen)  # noqa: E731
    (z, log_det), _ = attempt(x, spy, mask), attempt(mask * x, spy, mask)  # the second time, what moves has another value
    if (z - x)[:, mask == 1].abs().max() > 1e-6:
        return "where the mask is 1, z must be x"
    if not (asked[0] - asked[-1]).abs().max() <= 1e-6:
        return "on the way back the network is asked about z; what may it look at, so that it gives the same answer as for x?"
    shift, raw = inner(mask * z).chunk(2, 1)
    if ((z - shift) * torch.exp(-raw.tanh()) - x)[:, mask == 0].abs().max() > 1e-4:
        return "where the mask is 0, z must be x e^s + t, with s = tanh r, and the network must see x times the mask"
    if not (log_det - log_dets_by_autograd(lambda p: attempt(p, inner, mask)[0], x)).abs().max() <= 1e-4:
        return "the log-determinant is not that of autograd's Jacobian: whose scales do you add up?"


check_repaired(repaired)

# %% [markdown]
# ### Exercise 2.3 A flow with an exact answer
#
# For Gaussian data $\mathcal N(m, \Sigma)$ the best flow is linear: $z = A(x - m)$, with $A$ lower triangular. Find $A$ and $\log|\det A|$ from $\Sigma$. Then (2) is the Gaussian density, to the last digit.


# %%
def whitening(covariance):
    """covariance (D, D) -> (A (D, D) lower triangular, log |det A| ())."""
    ### BEGIN SOLUTION
    root = torch.linalg.cholesky(covariance)  # covariance = root root^T, so z = root^-1 (x - m) has covariance I
    return torch.linalg.inv(root), -root.diagonal().log().sum()
    ### END SOLUTION


# %%
@exercise("2.3")
def check_whitening(attempt):
    torch.manual_seed(0)
    mean, root = torch.randn(3, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)
    covariance = root @ root.T + torch.eye(3, dtype=torch.float64)
    a, log_det = attempt(covariance)
    if a.triu(1).abs().max() > 1e-9:
        return "A must be lower triangular: which factorisation of the covariance gives one?"
    if not (a @ covariance @ a.T - torch.eye(3)).abs().max() <= 1e-6:
        return "A covariance A^T should be the identity"
    x = torch.randn(5, 3, dtype=torch.float64)
    found = normal_log_density((x - mean) @ a.T) + log_det
    if not (found - MultivariateNormal(mean, covariance).log_prob(x)).abs().max() <= 1e-6:
        return "the density of equation (2) is not the Gaussian's: what is the sign of log |det A|?"


check_whitening(whitening)

# %% [markdown]
# ### Exercise 2.4 How far apart?
#
# Turn (5) around. A flow's inverse has Lipschitz constant at most $K$. The two Gaussians have deviation $\sigma$. At which $\mu$ can it no longer be exact? For $K = 100$ and $\sigma = 0.1$, are you surprised?


# %%
def furthest(k, sigma):
    """The largest mu for which the slope in the middle is at most k (k > sigma)."""
    ### BEGIN SOLUTION
    return sigma * math.sqrt(2 * math.log(k / sigma))
    ### END SOLUTION


# %%
@exercise("2.4")
def check_furthest(attempt):
    for k, sigma in ((100, 0.1), (10, 1.0), (27000, 0.1)):
        mu = float(attempt(k, sigma))
        if mu < 0:
            return f"mu is half the distance of the two centres; yours is {mu:.3f}"
        middle = Normal(mu, sigma).log_prob(torch.tensor(0.0)).exp()  # p(0): half of each of two equal densities
        slope = Normal(0.0, 1.0).log_prob(torch.tensor(0.0)).exp() / middle
        if not abs(slope / k - 1) <= 1e-2:
            return f"at your mu of {mu:.3f} the slope is {slope:.4g}, but the flow allows {k}"


check_furthest(furthest)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Probability is conserved: $\log p(x) = \log p_z(f(x)) + \log|\det J|$, areas on the line, determinants above.
# - A coupling is invertible and triangular whatever its network is; ActNorm and LU matrices do the rest.
# - Training is plain maximum likelihood. The test likelihood is a number, not a bound.
# - In the plane a spline flow beats a well-chosen mixture narrowly; affine couplings do not.
# - A flow keeps topology: separate modes stay joined by bridges, and thin bridges need steep inverses.
#
# ## References
#
# - Behrmann, Vicol, Wang, Grosse and Jacobsen 2021, *Understanding and Mitigating Exploding Inverses in Invertible Neural Networks*. [link](https://arxiv.org/abs/2006.09347)
# - Cornish, Caterini, Deligiannidis and Doucet 2020, *Relaxing Bijectivity Constraints with Continuously Indexed Normalising Flows*. [link](https://arxiv.org/abs/1909.13833)
# - Dinh, Krueger and Bengio 2015, *NICE: Non-linear Independent Components Estimation*. [link](https://arxiv.org/abs/1410.8516)
# - Dinh, Sohl-Dickstein and Bengio 2017, *Density estimation using Real NVP*. [link](https://arxiv.org/abs/1605.08803)
# - Durkan, Bekasov, Murray and Papamakarios 2019, *Neural Spline Flows*. [link](https://arxiv.org/abs/1906.04032)
# - Kingma and Dhariwal 2018, *Glow: Generative Flow with Invertible 1x1 Convolutions*. [link](https://arxiv.org/abs/1807.03039)
# - Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan 2021, *Normalizing Flows for Probabilistic Modeling and Inference*. [link](https://arxiv.org/abs/1912.02762)
# - Rezende and Mohamed 2015, *Variational Inference with Normalizing Flows*. [link](https://arxiv.org/abs/1505.05770)
# - Salmona, De Bortoli, Delon and Desolneux 2022, *Can Push-forward Generative Models Fit Multimodal Distributions?*. [link](https://arxiv.org/abs/2206.14476)
