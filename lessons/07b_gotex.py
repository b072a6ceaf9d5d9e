# %% [markdown]
# # 07b Textures by optimal transport: GOTEX
#
# After this lesson you can
# - turn a transport distance between patch laws into a loss, as a game whose critic is a vector of potentials;
# - optimise an image, or a network that draws at any size, and say what each term of the loss adds;
# - measure a synthesis: patch distances per scale, time, and how much of it is copied.
#
# **You need**: semi-discrete transport (lesson 07a), the critic of a Wasserstein GAN (lesson 04a).
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 1 min 30 s | not measured |
# | peak memory | 1.2 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/07b_gotex.ipynb) · [Slides](../slides/src/07_textures.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import time

import torch
from IPython.display import Markdown
from ipywidgets import Dropdown, IntSlider
from matplotlib import pyplot as plt
from torch.nn import functional as F

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.models import Gatys, GaussianTexture, Gotex
from course_lib.models.gatys import gram, random_filters
from course_lib.models.texture import Canvas, TextureNetwork, patch_features, positions
from course_lib.ot import SemiDiscrete, exact, extract, patch_w2
from course_lib.training import fit, profile, profile_name
from course_lib.viz import ACCENTS, CRITIC, GENERATED, draw_images, explore, show
from course_lib.weights import load_pretrained
from course_lib.weights.recipes.texture_gallery import METHODS, exemplar

trained = profile_name() != "smoke"  # at smoke size nothing is learned long enough to judge
steps = profile(smoke=2, cpu=120, gpu=500)
seeded = lambda seed: torch.Generator().manual_seed(seed)  # noqa: E731


# %%
def side_by_side(pictures, width=2.2):
    """A figure with the images (C, H, W) of a dictionary in one row, each under its name."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(width * len(pictures), width + 0.4), layout="constrained", squeeze=False)
    for ax, (name, image) in zip(axes[0], pictures.items(), strict=True):
        draw_images(ax, image[None], title=name)
    return figure


def measure(target, image, scales=3):
    """Squared W_2 between patch laws, finest scale first (scales,): each time the same 500 random places in the one and 500 in the other."""
    return patch_w2(target, image.detach(), scales=scales, n=500, generator=seeded(0))


# %% [markdown]
# ## 1. The result first
#
# Lesson 07a moved the patches of a Gaussian field to those of an exemplar, one scale after another, and the average of overlapping
# patches left a blur. GOTEX (Houdard et al. 2023) asks for the same thing, equal patch laws at every scale, but as a **loss**.
# Whatever draws images can then learn by gradient descent: the pixels of one image, or a network.
#
# Here is such a network. It has seen one photograph of stained tissue, 128 pixels wide. Choose a size and a seed: each picture is new,
# takes one pass, and can be larger than anything the network was shown.

# %%
drawer = load_pretrained("texture_tissue")
tissue = data.texture("tissue", 128)


def draw_tissue(size=192, seed=0):
    """The exemplar, and a sample of the network at the same scale."""
    figure, panels = plt.subplots(1, 2, figsize=(7.6, 5.4), width_ratios=[128, size], layout="constrained")
    draw_images(panels[0], tissue[None], title="exemplar, 128 x 128")
    draw_images(panels[1], drawer.sample(1, seeded(seed), size=(size, size)), title=f"the network, {size} x {size}")
    return figure


# %% tags=["nbval-ignore-output"]
explore(
    draw_tissue,
    alt="Stained tissue, brown strands on pale blue, and a larger image by the network with strands of like colour and width.",
    size=Dropdown(options=[64, 128, 192, 256, 384], value=192),
    seed=IntSlider(value=0, min=0, max=20),
)

# %% tags=["nbval-ignore-output"]
drawn = [drawer.sample(1, seeded(seed))[0] for seed in (0, 1)]
tissue_gaussian = GaussianTexture(tissue).synthesize(128, 128, seeded(0))
print("network ", measure(tissue, drawn[0]).tolist())
print("Gaussian", measure(tissue, tissue_gaussian).tolist())

# %%
claim("two seeds of the shipped network give different pictures (mean absolute difference)", (drawn[0] - drawn[1]).abs().mean(), at_least=0.05)  # fmt: skip
ratio = measure(tissue, drawn[0]) / measure(tissue, tissue_gaussian)
claim("at every scale the shipped network's patches are nearer to the exemplar's than the Gaussian texture's (largest ratio)", ratio.max(), at_most=0.85)  # fmt: skip

# %% [markdown]
# Honest, please: the network has strands and gaps, which the Gaussian texture has not, but it is too smooth for the finest grain of the photograph. It has 67 000 weights; section 9 shows how far one
# image gets whose pixels are free. And look at several seeds: nearly each picture has *one* pale streak, as the photograph has, in another place. The loss compares the patches of a single picture with those of the
# exemplar, so every picture must hold them all, in the same proportions.

# %% [markdown]
# ## 2. A distance between patch laws is a game
#
# Let $u$ be an image and $P_i u\in\mathbb R^d$ its patch number $i$ of $N$; with $4\times4$ pixels $d$ is 16 in grey and 48 in colour. The patch law of $u$
# is $\mu_u=\frac1N\sum_i\delta_{P_iu}$, and the exemplar's is $\nu=\frac1J\sum_j\delta_{y_j}$ on $J$ of its patches. Lesson 07a gave the semi-dual,
#
# $$W_2^2(\mu_u,\nu)=\max_{v\in\mathbb R^J}\ h(u,v),\qquad h(u,v)=\frac1N\sum_i\min_j\big(|P_iu-y_j|^2-v_j\big)+\frac1J\sum_j v_j. \tag{1}$$
#
# To synthesise is to make it small, over $u$, so the problem has two players:
#
# $$\min_u\ \max_v\ h(u,v). \tag{2}$$
#
# You have met this before. In lesson 04 a generator played against a critic, and the critic's best score was a distance. What has changed?
#
# | | WGAN (lesson 04) | GOTEX |
# |:---|:---|:---|
# | what is compared | images | patches of one image |
# | transport cost | $\lvert x-y\rvert$ | $\lvert x-y\rvert^2$ |
# | critic | a network, its slope held by a penalty | $x\mapsto\min_j(\lvert x-y_j\rvert^2-v_j)$, $J$ numbers |
# | is its problem concave? | no | yes, in $v$ |
# | the generator's gradient | by backpropagation through the critic | in closed form: towards one exemplar patch |
#
# The critic has no architecture to choose and no constraint to hold: every $v$ gives a lower bound of $W_2^2$, and gradient ascent finds the best.
#
# Both gradients follow from (1). Call $T(x)=y_{j(x)}$ with $j(x)$ the index at which the minimum is reached. Almost everywhere it does not change when $x$ or $v$ move a little, so
#
# $$\frac{\partial h}{\partial v_j}=\frac1J-\frac{\#\{i:\,j(P_iu)=j\}}N,\qquad \nabla_u h=\frac2N\sum_i P_i^{\top}\big(P_iu-T(P_iu)\big). \tag{3}$$
#
# The first makes a target dearer when too many patches choose it. The second pulls each patch towards the one it was given,
# and $P_i^\top$ writes a patch back at its place: a pixel of the interior feels sixteen pulls.


# %%
def scores(x, y, v):
    """|x_i - y_j|^2 - v_j for patches x (N, D), targets y (J, D) and potentials v (J,): (N, J)."""
    return x.square().sum(1, keepdim=True) - 2 * x @ y.T + y.square().sum(1) - v


def semi_dual(x, y, v):
    """Equation (1), a scalar."""
    return scores(x, y, v).amin(1).mean() + v.mean()


# %% [markdown]
# ### 2.1 Is it the distance?
#
# First without any image: two clouds of patches that stand still. The potential is found by a solver, and the value of (1) must
# be the optimal cost of the linear programme, which lesson 04a trusted too.

# %%
gravel = exemplar("gravel")  # (1, 96, 96) in [-1, 1]
field = GaussianTexture(gravel).synthesize(96, 96, seeded(1))
few = [extract(image[None], 4)[0][torch.randperm(93**2, generator=seeded(seed))[:n]].double()
       for seed, (image, n) in enumerate(((field, 300), (gravel, 60)))]  # fmt: skip
best = SemiDiscrete(few[1]).solve(few[0])
by_programme = exact(*few, p=2).cost

# %%
claim("at the best potential the loss is the exact squared W2 (relative error)", abs(semi_dual(*few, best.potential) / by_programme - 1), at_most=1e-3)  # fmt: skip
lower = torch.stack([semi_dual(*few, share * best.potential) for share in (0.0, 0.5, 0.9, 1.1)])
claim("other potentials give less: the largest of four, over the exact distance", lower.max() / by_programme, at_most=1.0)

# %% [markdown]
# ## 3. The alternate scheme
#
# A max inside a min needs, in principle, the exact $v$ for each $u$. In practice $u$ moves little between two steps, and so does the best $v$:
# a few uphill steps from where $v$ stood are enough to stay close. This is the whole method on one scale.


# %%
def alternate(rows, y, image, steps, dual_steps=10, size=0.1, rate=0.02):
    """Equation (2): an image (C, H, W), potentials (J,) and the loss at each step.

    rows: images (1, C, H, W) -> patches (N, D); y: targets (J, D). Dual steps have size C * size, with C the unit of lesson 07a.
    """
    pixels, v, trace = image.clone().requires_grad_(), torch.zeros(len(y)), []
    unit = 2 * len(y) ** 0.5 * y.var(0, unbiased=False).sum()
    optimiser = torch.optim.Adam([pixels], rate)
    for _ in range(steps):
        x = rows(pixels[None])
        for _ in range(dual_steps):  # up: the critic
            chosen = scores(x.detach(), y, v).argmin(1)
            v = v + unit * size * (1 / len(y) - torch.bincount(chosen, minlength=len(y)) / len(x))
        loss = semi_dual(x, y, v)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()  # down: the image
        trace.append(loss.item())
    return pixels.detach(), v, trace


# %% [markdown]
# `Gotex` of the library does this for any number of feature laws. With one scale and every row looked at, it must
# make the same image, the same potential, and the same loss. The exemplar here is a piece of gravel, 64 pixels wide, and the start is the Gaussian texture.

# %%
piece = gravel[:, :64, :64].contiguous()
start = GaussianTexture(piece).synthesize(64, 64, seeded(0))
finest = lambda images: extract(images, 4)[0]  # noqa: E731
library = Gotex(piece, Canvas(start), patch_features(4, 1), targets=500, sample=None, learning_rate=0.02)
targets = library.transports[0].targets
history = fit(library, piece[None], 4, batch_size=1, progress=False)
ours, potential, trace = alternate(finest, targets, start, 4)

# %%
claim(
    "our alternate scheme and the library make the same image (largest difference)", (ours - library.sample(1)[0]).abs().max(), at_most=1e-4
)
claim("... with the same distances (largest relative difference)", (torch.tensor(trace) / torch.tensor(history["distance"]) - 1).abs().max(), at_most=1e-4)  # fmt: skip
claim("... and the same potentials (largest difference)", (potential - library.transports[0].potential).abs().max(), at_most=1e-4)

# %% [markdown]
# The library does one thing more cleverly. It does not differentiate through the minimum: it finds the indices $j(x)$ without a graph and uses the second half of (3).
# The gradients agree, which the next cell checks, and the matrix of all distances need not be kept.

# %%
leaf = start[None].clone().requires_grad_()
(by_graph,) = torch.autograd.grad(semi_dual(finest(leaf), targets, potential), leaf)
frozen = SemiDiscrete(targets)
frozen.potential = potential
(by_formula,) = torch.autograd.grad(frozen.distance(finest(leaf)), leaf)
claim("the closed form of the image's gradient is autograd's (relative difference)", (by_graph - by_formula).norm() / by_graph.norm(), at_most=1e-4)  # fmt: skip

# %% [markdown]
# ## 4. All scales, live
#
# Small patches say nothing about where one stone stands beside another. So take patches of $4\times4$ pixels also from the image at
# half size, a quarter, and so on, and add up the distances, each with potentials of its own:
#
# $$\min_u\ \sum_{s=0}^{S-1}\max_{v^s}\ h_s(u, v^s). \tag{4}$$
#
# A pixel at scale $s$ covers $2^s$ pixels of $u$. With three scales a coarse patch is 16 pixels wide, about a stone.
# Start from the Gaussian texture and watch the stones appear. `preview` keeps the image on the way.

# %% tags=["nbval-ignore-output"]
live = Gotex(gravel, Canvas(field), patch_features(4, 3), targets=1000, sample=1024, learning_rate=0.02)
history = fit(live, gravel[None], steps, batch_size=1, preview=1, preview_every=max(1, steps // 8))
stages = {step: images[0] for step, images in history.previews}

# %% tags=["nbval-ignore-output"]
kept = list(stages)[:2] + list(stages)[3::5]
show(
    side_by_side({"exemplar": gravel, **{f"step {step}": stages[step] for step in kept}}, 2.6),
    alt="Gravel, then the synthesis on its way: the grain of the Gaussian texture gathers into stones with edges and gaps.",
)

# %% tags=["nbval-ignore-output"]
falling = torch.stack([measure(gravel, image) for image in stages.values()])  # (9, scales)
figure, panel = plt.subplots(figsize=(7, 2.8), layout="constrained")
for scale, colour in enumerate((GENERATED, CRITIC, ACCENTS[0])):
    panel.plot(list(stages), falling[:, scale], "o-", ms=3, color=colour, label=f"scale {scale}")
panel.set(xlabel="step", ylabel="patch $W_2^2$ per pixel value", ylim=(0, None))
figure.legend(loc="outside right center")
show(figure, alt="At all three scales the patch distance falls steeply in the first quarter of the run and then slowly.")

# %% [markdown]
# The loss is the semi-dual to 1000 targets. The curves above are something else, a judge from outside: the exact distance between 500 random patches of each image.
# Even an image with the right law would not score zero there, as two draws of 500 from one law differ. How near to the maximum was the critic at the end?
# Compare its value with the exact distance for the patches as they stand now.

# %%
now = live.features(live.sample(1))[0]
critic_value, exact_value = live.transports[0].dual(now).double(), exact(now, live.transports[0].targets, p=2).cost
if trained:
    claim(
        "after ten steps a turn the critic's value is near the exact distance (ratio, finest scale)", critic_value / exact_value, 0.9, 1.001
    )
    claim("the patch distance at the finest scale falls to at most 80 % of where it began", falling[-1, 0] / falling[0, 0], at_most=0.8)

# %% [markdown]
# A WGAN's critic never gets that close. The reason is the size of its problem: one image and a finite list of targets.
#
# ## 5. What does each term add?
#
# Take parts away, on the small piece of gravel, with the same number of steps.
#
# - **One scale**: only patches of the full size.
# - **No dual steps**: $v=0$ for ever, and each patch goes to its plain nearest neighbour in the exemplar.
# - **Everything**: three scales, ten dual steps.

# %% tags=["nbval-ignore-output"]
ablation = {"exemplar": piece, "start": start}
for name, scales, dual_steps in (("one scale", 1, 10), ("no dual steps", 3, 0), ("everything", 3, 10)):
    made = Gotex(piece, Canvas(start), patch_features(4, scales), targets=1000, dual_steps=dual_steps, sample=1024, learning_rate=0.02)
    fit(made, piece[None], steps, batch_size=1, progress=False)
    ablation[name] = made.sample(1)[0]
show(
    side_by_side(ablation),
    alt="Gravel; Gaussian grain; with one scale worms instead of stones; without dual steps a smooth grey flow; with everything, stones.",
)

# %% tags=["nbval-ignore-output"]
ablated = {name: measure(piece, image) for name, image in ablation.items()}
Markdown("| | scale 0 | scale 1 | scale 2 |\n|:---|---:|---:|---:|\n" + "\n".join(
    f"| {name} | " + " | ".join(f"{value:.4f}" for value in values) + " |" for name, values in ablated.items()))  # fmt: skip

# %% [markdown]
# The first row is the floor: two random draws of 500 patches from the exemplar itself (at scale 2 all 169, hence 0).

# %%
if trained:
    claim("one scale only: coarse patches stay farther away than with three (ratio, scale 1)", ablated["one scale"][1] / ablated["everything"][1], at_least=1.2)  # fmt: skip
    claim("no dual steps: fine patches end farther away than where they began (ratio, scale 0)", ablated["no dual steps"][0] / ablated["start"][0], at_least=1.2)  # fmt: skip
    claim("with everything: nearer than at the start at every scale (largest ratio)", (ablated["everything"] / ablated["start"]).max(), at_most=0.85)  # fmt: skip

# %% [markdown]
# Nearest neighbours fail in an instructive way. Each patch is happy: it lies *on* an exemplar patch, and the loss is low. But they have all
# gone to the same few, smooth and grey, and edges and bright stones are never asked for. This is mode collapse, the disease of lesson 03,
# and the potential is the cure: it raises the price of a patch that too many want. Count how many of the 1000 exemplar patches are used.


# %%
def used(image):
    """The share of 1000 exemplar patches that are the nearest to some patch of the image."""
    some = extract(piece[None], 4)[0][torch.randperm(61**2, generator=seeded(0))[:1000]]
    return len(SemiDiscrete(some).assign(extract(image[None], 4)[0]).unique()) / 1000


if trained:
    claim("without potentials at most half as many exemplar patches are used as with them", used(ablation["no dual steps"]) / used(ablation["everything"]), at_most=0.5)  # fmt: skip

# %% [markdown]
# ## 6. A failure on purpose
#
# In lesson 07a the steps of the ascent had to shrink, like $1/\sqrt k$, for the potential to come to rest. Here they have one constant size, a tenth of the unit. Why? The image moves, so the best
# potential moves too, and a critic whose steps shrank would fall behind it. But the size matters. Run the scheme of section 3 once with steps of thirty units, and once with one tiny step a turn.
# Predict: which of the two is worse, and what does the loss do?

# %% tags=["nbval-ignore-output"]
kinds = {
    "0.1 units": {},
    "30 units": {"size": 30.0},
    "one tiny step a turn": {"dual_steps": 1, "size": 0.001},
}
failures = {name: alternate(finest, targets, start, profile(smoke=2, cpu=50, gpu=50), **settings) for name, settings in kinds.items()}
figure = side_by_side({"exemplar": piece, **{name: image for name, (image, _, _) in failures.items()}})
show(
    figure,
    alt="Gravel; steps of a tenth of the unit give grains with edges; thirty units wipe everything out to one grey; tiny steps give a smooth grey flow.",
)

# %% tags=["nbval-ignore-output"]
figure, panel = plt.subplots(figsize=(7, 2.6), layout="constrained")
for (name, (_, _, losses)), colour in zip(failures.items(), (GENERATED, CRITIC, ACCENTS[0]), strict=True):
    panel.plot(losses, color=colour, label=name)
panel.set(xlabel="step of the image", ylabel="semi-dual")
panel.set_yscale("symlog", linthresh=0.01)
figure.legend(loc="outside right center")
show(
    figure,
    alt="With steps of a tenth of the unit the semi-dual settles; with thirty units it is far below zero all the time; tiny steps keep it low.",
)

# %% [markdown]
# $W_2^2$ cannot be negative, and the semi-dual is at most $W_2^2$. A **negative** loss therefore says that the critic is bad, not that the image is good. With large steps
# each move overshoots: a target that many patches chose gets so dear that all of them jump to another, and at the next step to a third. At any moment all patches are pulled to one target;
# over the run that is their average, plain grey, while the potentials spread ever farther and the loss falls into the hundreds below zero. Tiny steps fail on the other side: the critic lags behind, and we are back at nearest neighbours.

# %%
if trained:
    claim("large dual steps drive the loss below zero (median over the run)", torch.tensor(failures["30 units"][2]).median(), at_most=-0.1)  # fmt: skip
    off = {name: measure(piece, image, 1)[0] for name, (image, _, _) in failures.items()}
    worse = min(off["30 units"], off["one tiny step a turn"]) / off["0.1 units"]
    claim("both failures end farther from the exemplar's patches (smaller ratio)", worse, at_least=1.2)

# %% [markdown]
# ## 7. A network instead of an image
#
# Optimising an image takes minutes for each new one. Replace $u$ by $g_\theta(Z)$ with noise $Z$, and minimise over $\theta$ instead: the same loss, the same potentials,
# one more link in the chain rule. Noise enters at several scales, and coarse features are doubled and joined to finer ones (Ulyanov et al. 2016). All layers are
# convolutions, so the size is free. The network of section 1 took 4000 steps, the last 2500 of them at a fifth of the learning rate: these took another tenth off the
# patch distances. A small one, for a few seconds, shows that it learns.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
learner = Gotex(piece, TextureNetwork(1, scales=4), patch_features(4, 3), targets=500, dual_steps=5, sample=512)
history = fit(learner, piece[None], profile(smoke=2, cpu=150, gpu=2000), batch_size=1, preview=1)
first, *_, last = [images[0] for _, images in history.previews]
show(
    side_by_side({"exemplar": piece, "before training": first, "after": last, "another seed": learner.sample(1, seeded(5))[0]}),
    alt="Gravel; speckle from the untrained network; after 150 steps two different images, dark spots on grey and a few bright ones.",
)

# %%
if trained:
    claim(
        "150 steps bring the network's patches nearer (ratio, finest scale)",
        measure(piece, last)[0] / measure(piece, first)[0],
        at_most=0.8,
    )

# %% [markdown]
# ## 8. Other features, other distances
#
# Nothing in (4) needs patches. Any map from an image to rows of numbers has a law: a patch is what a bank of $16$ one-pixel filters would see. Take random filters with a ReLU at several scales
# instead (Ustyuzhaninov et al. 2016), and `positions` makes each place of the maps a row. The paper uses the layers of VGG-19.
#
# Gatys et al. (2015) compare the same maps by less: only the **Gram matrix**, the mean product of any two of them,
#
# $$G_{ab}=\frac1{hw}\sum_p F_a(p)F_b(p). \tag{5}$$
#
# Second moments only, where transport compares whole laws. `vgg_maps()` gives VGG-19's features where its weights (548 MB) can be had. Here we stay offline, with random filters, and
# start from white noise with a high learning rate of 0.05: from the Gaussian texture the second moments are almost right already, and Gatys' image hardly leaves it.

# %% tags=["nbval-ignore-output"]
filters = random_filters(1, (3, 7), 16, 3)
noise = 0.3 * torch.randn(piece.shape, generator=seeded(0))
others = {"exemplar": piece, "GOTEX, patches": ablation["everything"]}
by_law = Gotex(piece, Canvas(start), positions(filters), targets=1000, sample=1024, learning_rate=0.02)
for name, made in (("GOTEX, random filters", by_law), ("Gatys, random filters", Gatys(piece, Canvas(noise), learning_rate=0.05))):
    history = fit(made, piece[None], steps, batch_size=1, progress=False)
    others[name] = made.sample(1)[0]
show(
    side_by_side(others, 2.6),
    alt="Gravel; stones by patches; by random filters in GOTEX and in Gatys' loss: grains of the right size with rougher edges.",
)

# %%
first_gram = (gram(filters(start[None])[0]) - gram(filters(piece[None])[0])).norm() / gram(filters(piece[None])[0]).norm()
claim("the Gaussian texture has nearly the exemplar's Gram matrix already (relative difference)", first_gram, at_most=0.2)

# %% [markdown]
# Random filters with one layer see edges and spots but no shapes, and their images are rougher than those of patches. They need no training data at all, though, and
# Gatys' loss needs no potentials: a step costs half of GOTEX's.
#
# ## 9. Gallery
#
# Seven textures that ship, 96 pixels wide: brick, grass and gravel at half their size in grey, and four in colour. (Roof tiles and pebbles, which the papers like, have no
# large enough crop among the pictures that ship.) The images were made once, by the recipe `texture_gallery`: 200 steps of GOTEX at four scales, 150 of Gatys with random filters,
# Texto with 50 000 samples a scale. What is *measured* on them is computed here and now. The sheet shows the top left 64 pixels of each, the menu below it the whole.

# %%
gallery = load_pretrained("texture_gallery")
names = ("brick", "grass", "gravel", "petals", "foliage", "tissue", "stars")


def draw_gallery(texture="gravel"):
    """One texture by all methods."""
    return side_by_side({"exemplar": exemplar(texture), **{method: gallery.image(texture, method) for method in METHODS}}, 2.6)


# %%
figure, axes = plt.subplots(7, 5, figsize=(7.2, 11), layout="constrained")
for line, name in zip(axes, names, strict=True):
    for ax, method in zip(line, ("exemplar", *METHODS), strict=True):
        picture = exemplar(name) if method == "exemplar" else gallery.image(name, method)
        draw_images(ax, picture[None, :, :64, :64], title=f"{name}: exemplar" if method == "exemplar" else method)
show(
    figure,
    alt="Seven textures in rows: exemplar, Gaussian, Texto, Gatys and GOTEX. GOTEX is the sharpest, with bricks closed by joints and a flower that looks copied.",
    dpi=64,
)

# %% tags=["nbval-ignore-output"]
explore(
    draw_gallery,
    alt="Gravel by four methods: Gaussian grain, blurred stones, rough stones, and stones with edges.",
    texture=Dropdown(options=names, value="gravel"),
)

# %% tags=["nbval-ignore-output"]
clock = time.process_time()
table = torch.stack([torch.stack([measure(exemplar(name), gallery.image(name, method)) for method in METHODS]) for name in names])
floor = [measure(exemplar(name), exemplar(name)) for name in names]
print(f"measured in {time.process_time() - clock:.0f} s")
three = lambda values: " / ".join(f"{1000 * value:.1f}" for value in values)  # noqa: E731
lines = ["| texture | floor | " + " | ".join(METHODS) + " |", "|:---|---:|" + "---:|" * len(METHODS)]
for name, least, values, seconds in zip(names, floor, table, gallery.seconds, strict=True):
    cells = [f"{three(value)} ({s:.0f} s)" for value, s in zip(values, seconds, strict=True)]
    lines.append(f"| {name} | {three(least)} | " + " | ".join(cells) + " |")
Markdown("\n".join(lines))

# %% [markdown]
# Each cell: patch $W_2^2$ per pixel value times 1000 at the scales 0 / 1 / 2, and the CPU-seconds that the image took (for Texto, learning included).
# The floor is the exemplar against itself: two random draws of 500 of its patches (at scale 2 there are only 441, so both draws are all of them). GOTEX was trained on this very quantity, so of course it does well. At the finest
# scale most of its images lie even *below* the floor (with other draws of patches bricks and stars may not: few patches hold a star, and much depends on how many of them are drawn). Better than real? No: between few points in many dimensions an empirical distance is smaller for a cloud that is a little too narrow, since its points lie nearer to all others.
# Measure the narrowness: the variance of the differences of neighbouring pixels, over that in the exemplar.

# %%
finest_scale = table[:, :, 0]  # (texture, method)
gaussian_, texto_, gatys_, gotex_ = finest_scale.T
claim("GOTEX is nearer than Texto at the finest scale for all seven textures (largest ratio)", (gotex_ / texto_).max(), at_most=0.99)
claim("GOTEX is nearer than Gatys with random filters for all seven (largest ratio)", (gotex_ / gatys_).max(), at_most=0.95)
claim("Texto is nearer than the Gaussian texture for all seven (largest ratio)", (texto_ / gaussian_).max(), at_most=0.95)
claim("... at the two coarser scales not for the petals (larger ratio)", (table[3, 1, 1:] / table[3, 0, 1:]).max(), at_least=1.0)
grain = [(gallery.image(name, "GOTEX").diff(dim=2).var() / exemplar(name).diff(dim=2).var()).item() for name in names]
claim(
    "at the finest scale most GOTEX images lie below the floor (median ratio)", (gotex_ / torch.stack(floor)[:, 0]).median(), at_most=0.98
)
claim("... and all seven are a little too smooth (largest ratio of variances of differences)", max(grain), at_most=0.97)
print("variance of differences over the exemplar's:", {name: round(share, 2) for name, share in zip(names, grain, strict=True)})

# %% [markdown]
# The order GOTEX, Texto, Gaussian holds for all seven at the finest scale, for grass, gravel and foliage by so little that another draw of patches can turn the first two round. And a short distance and a sharp picture are not the same: GOTEX, whose pixels are pulled by sixteen patches at once, ends a little flat, and the ruler rewards it.
# Petals strain the assumption behind the whole lesson: a flower has a middle and a rim, it is no *stationary* field. Texto's synthesis loses the dark middle, and at the coarser scales it is no nearer than the Gaussian texture.
# Gatys' images of the colour textures are speckled: 150 steps from coloured noise, seen through random filters
# of which three in four ignore the mean colour, do not remove it all. On gravel, where form is in the edges, it does well.
#
# And GOTEX's flower? It looks like the exemplar. Too much so.

# %% [markdown]
# ## 10. Is it a copy?
#
# A synthesis with perfect patch laws is easy to have: the exemplar itself, shifted. So look for copies. For each $8\times8$ patch of the synthesis find the nearest of the exemplar, and
# paint the **displacement** between the two places: red for down, green for right. A large area of one colour is a piece that was taken over as it is.
# One number: the share of neighbouring patches whose displacement is the same. A verbatim copy has 1.


# %%
def displacement(target, image, size=8):
    """(h, w, 2) from each patch of the image to where its nearest patch stands in the target (rows, columns)."""
    height, width = (side - size + 1 for side in image.shape[1:])
    index = SemiDiscrete(extract(target[None], size)[0]).assign(extract(image[None], size)[0]).view(height, width)
    across = target.shape[2] - size + 1
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([index // across - rows, index % across - columns], 2)


def copied(moves):
    """The share of neighbours, to the right and below, with the same displacement."""
    right, below = (moves[:, 1:] == moves[:, :-1]).all(2), (moves[1:] == moves[:-1]).all(2)
    return torch.cat([right.flatten(), below.flatten()]).float().mean()


# %% tags=["nbval-ignore-output"]
suspects = {"exemplar, shifted": gravel.roll((30, 45), (1, 2)), **{method: gallery.image("gravel", method) for method in METHODS}}
suspects["GOTEX, 3 scales"] = stages[max(stages)]
moves = {name: displacement(gravel, image) for name, image in suspects.items()}
figure, axes = plt.subplots(2, 6, figsize=(9.6, 3.8), layout="constrained")
for (name, image), (top, bottom) in zip(suspects.items(), axes.T, strict=True):
    draw_images(top, image[None], title=name)
    colours = torch.cat([moves[name] / 89, torch.zeros(89, 89, 1)], 2)  # (h, w, 3), each number in [-1, 1]
    draw_images(bottom, colours.permute(2, 0, 1)[None], title=f"copied: {copied(moves[name]):.2f}")
show(
    figure,
    alt="Gravel images above, displacement maps below: a few plain rectangles for the shifted exemplar, confetti for Gaussian and Gatys, patches of colour for GOTEX.",
    dpi=72,
)

# %%
claim("a shifted exemplar is found out: the share of equal displacements is near one", copied(moves["exemplar, shifted"]), at_least=0.75)
claim("GOTEX's gravel lies well below that", copied(moves["GOTEX"]), at_most=0.65)
claim("... but above Texto's (difference)", copied(moves["GOTEX"]) - copied(moves["Texto"]), at_least=0.05)
claim("four scales copy more than three (difference)", copied(moves["GOTEX"]) - copied(moves["GOTEX, 3 scales"]), at_least=0.02)

# %%
drift = {name: displacement(exemplar(name), gallery.image(name, "GOTEX")) for name in ("gravel", "petals", "tissue")}
around = {name: (move - move.flatten(0, 1).median(0).values).float().norm(dim=2).median() for name, move in drift.items()}
claim("GOTEX's petals stand near one place: displacements spread at most half as far as gravel's (ratio of medians)", around["petals"] / around["gravel"], at_most=0.5)  # fmt: skip
claim("GOTEX's tissue is the boldest copy of the three: share of equal displacements", copied(drift["tissue"]), at_least=0.55)

# %% [markdown]
# Confetti with a drift of colour is what independent patches give, and it does not score 0, as overlapping patches tend to agree. GOTEX has islands of one colour, a stone or two wide.
# The coarse scales are where copies come from: with four scales the coarsest image of this exemplar has 12 x 12 pixels and 81 patches, each a third of it wide,
# and a law with so few atoms leaves little freedom. On a flower it leaves next to none: the only way to have those patches is to be that flower, and most of them stand where they stood, give or take a dozen pixels.
# Tissue, whose strands are smooth, is copied in the largest pieces. Larger exemplars and fewer scales copy less: with three scales the share for gravel falls to Texto's.
#
# ## 11. Exercises
#
# ### Exercise 7.5 The gradient by hand
#
# Write $\nabla_u h$, the second half of (3), without autograd: image `(C, H, W)`, targets `y` `(J, C * 16)`, potentials `v` `(J,)`, patches of $4\times4$. `F.fold` is $P^\top$: it **sums** what
# patches `(1, C * 16, N)` say about a pixel. The check compares with autograd.


# %%
def gradient_by_hand(image, y, v):
    """The gradient of the semi-dual with respect to the image, (C, H, W)."""
    ### BEGIN SOLUTION
    patches_here = extract(image[None], 4)[0]  # (N, C * 16)
    pull = 2 * (patches_here - y[scores(patches_here, y, v).argmin(1)]) / len(patches_here)
    return F.fold(pull.T[None], image.shape[1:], 4)[0]
    ### END SOLUTION


# %%
@exercise("7.5")
def check_gradient(attempt):
    image, y = torch.randn(2, 9, 11, generator=seeded(0)), torch.randn(20, 32, generator=seeded(1))
    v = torch.randn(20, generator=seeded(2))
    inner = image[None].clone().requires_grad_()
    wanted = torch.autograd.grad(semi_dual(extract(inner, 4)[0], y, v), inner)[0][0]
    found = attempt(image, y, v)
    if found.shape != image.shape:
        return f"the gradient has the shape of the image, {tuple(image.shape)}; yours has {tuple(found.shape)}"
    if torch.allclose(found, wanted, atol=1e-5):
        return None
    if torch.allclose(found * (wanted.norm() / found.norm()), wanted, atol=1e-5):
        return f"the direction is right, the length is off by a factor {found.norm() / wanted.norm():.3g}: 2 / N"
    return "wrong direction: does the assignment use v, and does each pixel get the sum over its patches?"


check_gradient(gradient_by_hand)

# %% [markdown]
# ### Exercise 7.6 Weights on scales
#
# You want $\sum_s w_s\,W_2^2(\mu^s,\nu^s)$, for instance to care more for coarse scales, and may not touch `Gotex`. Its only door is `features`. Write features that do it.
# (How does $W_2^2$ change when all points are multiplied by $a$?)


# %%
def weighted_features(weights):
    """Images -> one (N, C * 16) a scale, finest first, so that scale s counts weights[s] times in Gotex."""
    ### BEGIN SOLUTION
    plain_rows = patch_features(4, len(weights))  # W2^2 of a x is a^2 times that of x, hence the root
    return lambda images: [weight**0.5 * rows for weight, rows in zip(weights, plain_rows(images), strict=True)]
    ### END SOLUTION


# %%
@exercise("7.6")
def check_weights(attempt):
    values = []
    for weights in ([1.0, 1.0], [4.0, 1.0], [1.0, 9.0]):
        judge = Gotex(piece, Canvas(start), attempt(weights), targets=200, dual_steps=0)
        values.append(
            [transport.distance(rows).item() for transport, rows in zip(judge.transports, judge.features(start[None]), strict=True)]
        )
    for wanted, values_here, scale in ((4, values[1], 0), (9, values[2], 1)):
        found = values_here[scale] / values[0][scale]
        if not abs(found / wanted - 1) <= 1e-2:
            return f"with weight {wanted} scale {scale} should count {wanted} times; in yours it counts {found:.3g} times"


check_weights(weighted_features)

# %% [markdown]
# ### Exercise 7.7 A Gram matrix
#
# Equation (5), for maps `(B, C, h, w)`. Images of different sizes must be comparable.


# %%
def gram_matrix(maps):
    """(B, C, h, w) -> (B, C, C)."""
    ### BEGIN SOLUTION
    return torch.einsum("bihw,bjhw->bij", maps, maps) / (maps.shape[2] * maps.shape[3])
    ### END SOLUTION


# %%
@exercise("7.7")
def check_gram(attempt):
    maps = torch.randn(2, 3, 5, 7, generator=seeded(0))
    found = attempt(maps)
    if found.shape != (2, 3, 3):
        return f"for maps (2, 3, 5, 7) the result has shape (2, 3, 3); yours has {tuple(found.shape)}"
    if not torch.allclose(attempt(maps.repeat(1, 1, 2, 2)), found, atol=1e-5):
        return "the same texture on four times the area has another Gram matrix: divide by the number of places"
    if not torch.allclose(found, gram(maps), atol=1e-5):
        return "the values differ from the library's: no mean over maps is taken, and none is subtracted"


check_gram(gram_matrix)

# %% [markdown]
# ### Exercise 7.8 Find the bug
#
# This dual step came with a GOTEX loop whose images turned smooth and whose loss sank below zero.
#
# ```python
# least, chosen = scores(x, y, v).min(1)
# share = torch.bincount(chosen, minlength=len(y)) / len(x)
# return v + size * (share - 1 / len(y))
# ```
#
# What does it do to a target that is chosen too often? Write it right.


# %%
def dual_step(x, y, v, size):
    """The potentials (J,) after one step uphill of the given size."""
    ### BEGIN SOLUTION
    taken = torch.bincount(scores(x, y, v).argmin(1), minlength=len(y)) / len(x)
    return v + size * (1 / len(y) - taken)  # too popular: v falls, |x - y|^2 - v rises, the target gets dearer
    ### END SOLUTION


# %%
@exercise("7.8")
def check_dual_step(attempt):
    x, y = torch.randn(500, 2, generator=seeded(0)), 0.5 * torch.randn(10, 2, generator=seeded(1)) + 1
    v = torch.zeros(10)
    popular = torch.bincount(scores(x, y, v).argmin(1), minlength=10).argmax()
    if attempt(x, y, v, 0.1)[popular] >= 0:
        return "the target that is chosen most often must lose potential, so that it becomes dearer; yours gains or stays"
    before = semi_dual(x, y, v)
    for _ in range(200):
        v = attempt(x, y, v, 0.1)
    top = semi_dual(x, y, SemiDiscrete(y).solve(x).potential)
    if not 0.98 * top <= semi_dual(x, y, v) <= 1.001 * top:
        return f"200 steps should climb from {before:.3f} to the top, {top:.3f}; yours end at {semi_dual(x, y, v):.3f}"


check_dual_step(dual_step)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - GOTEX asks for equal patch laws at every scale, measured by $W_2^2$, and makes that a loss for an image or a network.
# - The semi-dual makes it a game whose critic is a vector of potentials: concave, without constraint, nearly exact after a few steps a turn.
# - The image's gradient pulls each patch to the exemplar patch it was given; without the potentials all go to a few, and the image turns smooth.
# - The potentials follow a moving image with steps of constant, small size; a negative loss means a bad critic.
# - Judge by patch distances at every scale, by time, by a copying map, and by eye.
#
# ## References
#
# - Galerne, Gousseau and Morel 2011, *Random phase textures: theory and synthesis*. [link](https://doi.org/10.1109/TIP.2010.2052822)
# - Galerne, Leclaire and Rabin 2018, *A texture synthesis model based on semi-discrete optimal transport in patch space*. [link](https://doi.org/10.1137/18M1175781)
# - Gatys, Ecker and Bethge 2015, *Texture synthesis using convolutional neural networks*. [link](https://arxiv.org/abs/1505.07376)
# - Genevay, Cuturi, Peyré and Bach 2016, *Stochastic optimization for large-scale optimal transport*. [link](https://arxiv.org/abs/1605.08527)
# - Houdard, Leclaire, Papadakis and Rabin 2023, *A generative model for texture synthesis based on optimal transport between feature distributions*. [link](https://arxiv.org/abs/2007.03408)
# - Leclaire and Rabin 2021, *A stochastic multi-layer algorithm for semi-discrete optimal transport with applications to texture synthesis and style transfer*. [link](https://doi.org/10.1007/s10851-020-00975-4)
# - Ulyanov, Lebedev, Vedaldi and Lempitsky 2016, *Texture networks: feed-forward synthesis of textures and stylized images*. [link](https://arxiv.org/abs/1603.03417)
# - Ustyuzhaninov, Brendel, Gatys and Bethge 2016, *Texture synthesis using shallow convolutional networks with random filters*. [link](https://arxiv.org/abs/1606.00021)
