# %% [markdown]
# # 00 Start here
#
# After this lesson you can
# - run the lessons on your own machine, on Colab or on a GPU, and know what each costs before you start it;
# - use the course's four verbs: **load, fit, sample, measure**;
# - read its claims, work its exercises, and look up its notation.
#
# **You need**: Python, PyTorch's tensors, and some probability. Nothing else.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 10 s | not measured |
# | peak memory | 0.8 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/00_start_here.ipynb) · [Slides](../slides/src/01_generative_modelling.md)

# %% [markdown]
# ## What this course is
#
# A hands-on course on generative adversarial networks and their relatives. Each lesson is a program that proves what it says: it shows a result first,
# explains why it works in one or two dimensions where everything can be seen, trains it live on two CPU cores, and ends with a table of **claims** that the run has just checked.
#
# Nothing is downloaded: all data ship with the Python packages that the course needs. On a GPU the same cells run at the size of the papers.
#
# Press **Shift + Enter** to run a cell and move to the next. The first code cell below installs the course on Colab, and does nothing elsewhere.

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import torch
from ipywidgets import FloatSlider, IntSlider
from matplotlib import pyplot as plt

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.models.gan import GAN
from course_lib.nn import mlp
from course_lib.training import fit, profile, profile_name
from course_lib.viz import draw_images, draw_map, draw_points, explore, image_grid, show
from course_lib.weights import load_pretrained

trained = profile_name() != "smoke"

# %% [markdown]
# ## Two minutes with a trained model
#
# Below is a network that writes digits. You choose *which* digit, and two of the eight numbers that decide the *handwriting*. Try the same handwriting on all ten digits.

# %%
writer = load_pretrained("digits_cvae")  # lesson 01 builds it
hand = torch.randn(8, generator=torch.Generator().manual_seed(3))  # a handwriting: eight numbers


@torch.no_grad()
def write(digit, slant, weight):
    styles = hand.clone()
    styles[0], styles[1] = slant, weight
    every = writer.decode(styles.repeat(10, 1), torch.arange(10))
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 2.4), layout="constrained", width_ratios=[1, 2.6])
    draw_images(axes[0], every[digit : digit + 1], title=f"a {digit}")
    draw_images(axes[1], every, columns=5, title="the same hand, all ten digits")
    return figure


explore(
    write,
    alt="Left: one digit written by the network. Right: the ten digits in the same handwriting, which changes with the sliders.",
    digit=IntSlider(value=4, min=0, max=9),
    slant=FloatSlider(value=0.0, min=-2.5, max=2.5, step=0.25, description="first number"),
    weight=FloatSlider(value=0.0, min=-2.5, max=2.5, step=0.25, description="second number"),
)

# %% [markdown]
# ## Four verbs
#
# Every method of the course is used in the same way. Here they are, once, on the smallest problem there is: points in the plane.
#
# ### Load
#
# `data.names()` says what there is. Images are tensors `(B, C, H, W)` with values in $[-1, 1]$; points in the plane are `(N, 2)`.

# %%
for name, choices in data.names().items():
    print(f"{name:11}", ", ".join(choices))

# %%
digits = data.digits("train")
moons = data.toy2d("moons", 1000, torch.Generator().manual_seed(0))
print("digits", tuple(digits.images.shape), f"from {digits.images.min():.0f} to {digits.images.max():.0f}")
print("moons ", tuple(moons.shape))

# %%
show(
    image_grid(digits.images[::100], columns=20, scale=0.9),
    alt="Forty handwritten digits of the training set, four of each class from 0 to 9.",
)

# %% [markdown]
# ### Fit
#
# A *system* owns its networks and says how one batch updates them; `fit` is the one training loop. The system here is a **GAN**: a *generator* turns noise into points, a *critic* gives each point a
# score, high where it believes the point to be real. Each learns from the other. Lesson 03 says why this works, and when it does not. About ten seconds:

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
gan = GAN(mlp([2, 64, 64, 2]), mlp([2, 64, 64, 1]), latent=2, penalty="r1", penalty_weight=0.1, learning_rate=2e-3, betas=(0.0, 0.99))
steps = profile(smoke=5, cpu=1500, gpu=1500)
history = fit(gan, lambda n, generator: data.toy2d("moons", n, generator), steps, batch_size=256, ema=0.99, preview=500)
history.ema.copy_to(gan)  # the running average of the weights is steadier than the last ones

# %% [markdown]
# `profile(smoke=, cpu=, gpu=)` chooses the size of the run. `history` holds the losses of each step, and samples from the same noise along the way.
#
# ### Sample

# %% tags=["nbval-ignore-output"]
made = gan.sample(500, torch.Generator().manual_seed(1))
figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained", sharey=True)
for ax, (step, points) in zip(axes, [history.previews[i] for i in (0, 1, 3)] + [("end", made)], strict=True):
    if step == "end":
        draw_map(ax, gan.critic, 3, kind="scores")
    draw_points(ax, real=moons[:500], generated=points, size=5)
    ax.set(title="the end, with the critic's score" if step == "end" else f"step {step}", xlim=(-3, 3), ylim=(-3, 3))
axes[0].legend(loc="lower left", markerscale=3)
show(
    figure,
    alt="Four plots: orange generated points start as a blob and move onto the two blue moons; the last shows the critic's score as a map.",
)

# %% [markdown]
# Blue is real and orange is generated, here and everywhere in the course. In the last picture the plane is coloured by the critic's score: blue where it bets on *real*, orange where it bets on *generated*.
# On the moons themselves it is pale: there the two kinds of points have become hard to tell apart, which is what the generator was after.
#
# ### Measure
#
# Are the samples where the data are? The mean distance from a generated point to the nearest real one, beside the same distance for fresh real points. Lesson 11 is about better rulers.

# %%
fresh = data.toy2d("moons", 500, torch.Generator().manual_seed(2))
nearest = {name: torch.cdist(points, moons).amin(1).mean().item() for name, points in (("fresh", fresh), ("generated", made))}
if trained:
    claim(
        "generated points are at most four times as far from the data as fresh real points",
        nearest["generated"] / nearest["fresh"],
        at_most=4,
    )
    upper = (made[:, 1] > 0).double().mean()  # of the upper moon 84 % lie there, of the lower 16 %
    claim("both moons are there: share of points in the upper half", upper, 0.3, 0.7)

# %% [markdown]
# ## Claims
#
# `claim(text, value, at_most=...)` prints `ok` and its text, or stops the notebook with the value and the band that it should be in. What you see is therefore always the result of *your* run.
# At the end of each lesson stands the table of all of its claims, with the values of this run. `make test` runs every notebook and compares.
#
# Numbers of a training differ from machine to machine in the third digit, so claims have bands: wide enough for another processor, narrow enough to fail when the method is broken.

# %% [markdown]
# ## Exercises
#
# An exercise is a stub to fill in, a check that says what is wrong, and a folded solution below it. The later cells never depend on your answer. Here is one to warm up.
#
# ### Exercise 0.1 From pixels to the course's range
#
# Photographs come as whole numbers from 0 to 255. Turn them into floating-point numbers from $-1$ to $1$.


# %%
def to_range(pixels):
    """pixels: a tensor of dtype uint8, 0 to 255. Returns float32 in [-1, 1]."""
    ### BEGIN SOLUTION
    return pixels.float() / 127.5 - 1
    ### END SOLUTION


# %%
@exercise("0.1")
def check_to_range(attempt):
    value = attempt(torch.tensor([0, 255], dtype=torch.uint8))
    if value.dtype != torch.float32:
        return f"the result should be float32, yours is {value.dtype} (whole numbers would overflow silently)"
    if value.tolist() == [0.0, 1.0]:
        return "that is the range [0, 1]; the course's images live in [-1, 1]"
    if not torch.allclose(value, torch.tensor([-1.0, 1.0])):
        return f"0 should become -1 and 255 should become 1; yours become {value.tolist()}"


check_to_range(to_range)

# %% [markdown]
# Prefer to start from empty stubs with no solutions in sight? `make student` writes that edition into `student/`.

# %% [markdown]
# ## The lessons
#
# Times and memory are measured on the machine named below the table, without a GPU.
#
# <!-- syllabus -->
# | Lesson | Time | Peak memory |
# |:---|---:|---:|
# | [00 Start here](00_start_here.ipynb) | 10 s | 0.8 GB |
# | [01a Generative modelling: likelihood and hidden variables](01a_generative_modelling.ipynb) | 20 s | 1.3 GB |
# | [01b Variational auto-encoders](01b_variational_autoencoders.ipynb) | 1 min 40 s | 1.2 GB |
# | [02a Normalizing flows: densities that can be computed](02a_flows.ipynb) | 2 min 10 s | 1.1 GB |
# | [02b Flows on images: likelihood in bits](02b_flows_images.ipynb) | 1 min 10 s | 1.4 GB |
# | [03a Generative adversarial networks](03a_gan.ipynb) | 20 s | 0.9 GB |
# | [03b Objectives, and why GANs are unstable](03b_gan_instability.ipynb) | 1 min 20 s | 0.8 GB |
# | [03c A generator of digits](03c_gan_digits.ipynb) | 2 min 20 s | 1.0 GB |
# | [04a Wasserstein GANs: a distance and its critics](04a_wgan.ipynb) | 30 s | 0.9 GB |
# | [04b Wasserstein GANs on images: why they work](04b_wgan_images.ipynb) | 2 min 30 s | 1.1 GB |
# | [07a Textures by optimal transport: patches and Texto](07a_textures_transport.ipynb) | 30 s | 1.0 GB |
# | [07b Textures by optimal transport: GOTEX](07b_gotex.ipynb) | 1 min 30 s | 1.2 GB |
# | [11a Evaluation: scores and distances](11a_evaluation.ipynb) | 30 s | 1.2 GB |
# | [11b Evaluation: what goes wrong, and fair comparisons](11b_evaluation.ipynb) | 1 min 50 s | 1.1 GB |
#
# Measured on one core of AMD EPYC, Python 3.11.7, PyTorch 2.14.1.
# <!-- /syllabus -->
#
# Part II puts the methods to work (inverse problems, constraints, representations, motion, video, segmentation), and part III measures a zoo of GANs against each other.

# %% [markdown]
# ## Where to run
#
# - **Your machine**: `make lab` in a clone of the repository creates an environment, installs, and opens this page.
# - **Colab**: the link on top of each lesson. The set-up cell installs `course_lib` and leaves Colab's own PyTorch alone.
# - **A GPU**: nothing to change. The profile becomes `gpu`, and the same cells run at the size of the papers, for hours instead of minutes.
# - **In seconds**: set `COURSE_PROFILE=smoke` before you start Jupyter. Networks then hardly train: it only shows that everything runs. `COURSE_PROFILE=cpu` forces the two-core size anywhere.
#
# A long training goes on where it stopped if you give `fit` a file: `fit(..., checkpoint="runs/mine.pt")`. Stop a cell with the ■ button: what has been learned is kept.

# %% tags=["nbval-ignore-output"]
print("this run's profile:", profile_name(), "· PyTorch", torch.__version__, "· GPU" if torch.cuda.is_available() else "· no GPU")

# %% [markdown]
# ## Notation
#
# | symbol | meaning | in the code |
# |:---|:---|:---|
# | $x$, $y$ | a datum (an image, a point); its label | `images (B, C, H, W)`, `labels (B,)` |
# | $z$, $p(z)$ | latent vector, its prior, nearly always $\mathcal N(0, I)$ | `z (B, d)` |
# | $p$ | distribution of the data | `data.*` |
# | $p_\theta$ | a model's density, with parameters $\theta$ | `log_density` |
# | $G$, $p_G$ | generator, and the distribution of $G(z)$ | `generator` |
# | $s(x)$ | the critic's raw score, any real number | `critic(x)` |
# | $\sigma(s)$ | $1/(1+e^{-s})$: the critic's probability that $x$ is real | never inside a network |
# | $\mu$, $\sigma$ | mean and standard deviation of a Gaussian (never with a score as argument) | `mean`, `log_variance` |
# | $f$ | a critic bound to be 1-Lipschitz; also a Kantorovich potential | `critic`, `potential` |
# | $q(z\mid x)$ | an encoder's guess of the posterior | `encode` |
# | $\mathbb E_p[\cdot]$ | mean over $x\sim p$ | `.mean()` over a batch |
# | $\mathrm{KL}(p\,\|\,q)$ | $\mathbb E_p[\log p-\log q]$ | nats |
# | $\mathrm{JS}(p,q)$ | $\tfrac12\mathrm{KL}(p\,\|\,m)+\tfrac12\mathrm{KL}(q\,\|\,m)$ with $m=\tfrac12(p+q)$; at most $\log 2$ | nats |
# | $W_1$, $W_2$ | Wasserstein distances with cost $\lVert x-y\rVert$ and $\lVert x-y\rVert^2$ (the root taken) | `ot` |
# | $B$, $C$, $H$, $W$, $N$, $D$, $K$ | batch, channels, height, width; samples, features, components | |
#
# Logarithms are natural. Equations are numbered anew in each lesson.

# %% [markdown]
# ## Claims of this lesson

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Load, fit, sample, measure: four verbs for every method.
# - Images are `(B, C, H, W)` in $[-1, 1]$; critics return raw scores; blue is real and orange is generated.
# - A claim is checked by your own run, within a band.
# - An exercise checks itself; its solution is folded.
# - Next: [01a Generative modelling](01a_generative_modelling.ipynb).
#
# ## References
#
# - Goodfellow et al. 2014, *Generative adversarial nets*. [arXiv:1406.2661](https://arxiv.org/abs/1406.2661)
