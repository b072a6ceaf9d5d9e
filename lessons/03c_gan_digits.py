# %% [markdown]
# # 03c A generator of digits
#
# After this lesson you can
# - build a small DCGAN, and say what each of its rules is for;
# - train it on 4000 images in a minute or two, with four additions that make small data behave;
# - look at the result as a sceptic: neighbours, classes, a distance on features, and what the losses hide.
#
# **You need**: lessons 03a and 03b; convolutions.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 2 min 30 s | not measured |
# | peak memory | 1.0 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/03c_gan_digits.ipynb) · [Slides](../slides/src/03_gan.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import math

import torch
from ipywidgets import IntSlider
from matplotlib import pyplot as plt
from torch import nn
from torch.nn import functional as F

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.models import GAN
from course_lib.nn import Choice, dcgan_critic, dcgan_generator, mlp, mlp_critic, mlp_generator, random_shift
from course_lib.ot import gaussian_w2
from course_lib.training import fit, profile, profile_name
from course_lib.viz import CRITIC, GENERATED, draw_images, draw_points, explore, image_grid, show
from course_lib.weights import load_pretrained

trained = profile_name() != "smoke"  # at smoke size nothing is trained long enough to judge

# %% [markdown]
# ## 1. The result first
#
# The shipped generator has noise of 64 coordinates. The first twenty only *choose*: the largest of them becomes a one, the others zero. Pick an option:
# what do its images have in common? Nobody gave the options a meaning.

# %%
digits, test_digits = data.digits("train"), data.digits("test")
shipped = load_pretrained("digits_gan")


@torch.no_grad()
def draw_option(option=3):
    """Thirty images of one option, with the rest of the noise at random."""
    z = torch.randn(30, shipped.latent, generator=torch.Generator().manual_seed(0))
    z[:, :20] = F.one_hot(torch.tensor(option), 20).float()
    return image_grid(shipped.generator(z).contiguous(), f"option {option}", columns=10, scale=1.4)


# %% tags=["nbval-ignore-output"]
explore(
    draw_option,
    alt="Thirty generated digits that share an option: most are of one or two classes, in different handwriting.",
    option=IntSlider(value=3, min=0, max=19),
)

# %% [markdown]
# ## 2. The networks
#
# The **DCGAN** (Radford et al. 2016) was the first convolutional GAN that trained reliably. Its rules: strided convolutions instead of pooling,
# transposed ones on the way back; BatchNorm in the generator, but not after its last layer; $\tanh$ at the end, because images live in $[-1, 1]$; leaky ReLU
# in the critic; and no sigmoid, since our critics give raw scores. Follow two images through a small one.

# %%
torch.manual_seed(0)
generator, critic = dcgan_generator(64), dcgan_critic(hidden=256)
for name, network, start in (("generator", generator, torch.randn(2, 64)), ("critic", critic, digits.images[:2])):
    print(name)
    for layer in network:
        start = layer(start)
        print(f"  {type(layer).__name__:16} {tuple(start.shape)}")

# %% [markdown]
# A transposed convolution with kernel 4, stride 2 and padding 1 doubles the side; the convolution with the same numbers halves it. Each output pixel of
# the first hears exactly four positions of its input, so no checkerboard comes from uneven overlaps. With two levels a critic's unit sees only
# 10 x 10 pixels: strokes, not digits. The hidden linear layer at its end puts the strokes together.

# %%
up, down = nn.ConvTranspose2d(1, 1, 4, 2, 1), nn.Conv2d(1, 1, 4, 2, 1)
claim("up doubles 7 to 14", up(torch.zeros(1, 1, 7, 7)).shape[-1], 14, 14)
claim("down halves 28 to 14", down(torch.zeros(1, 1, 28, 28)).shape[-1], 14, 14)
with torch.no_grad():
    overlap = nn.functional.conv_transpose2d(torch.ones(1, 1, 7, 7), torch.ones(1, 1, 4, 4), stride=2, padding=1)[0, 0, 1:-1, 1:-1]
claim("every inner pixel of the larger map hears four positions (least)", overlap.min(), 4, 4)
claim("every inner pixel of the larger map hears four positions (most)", overlap.max(), 4, 4)

# %%
image = torch.zeros(1, 1, 28, 28, requires_grad=True)
unit = critic[:4](image)[0, 0, 3, 3]  # one unit after the two convolutions
(seen,) = torch.autograd.grad(unit, image)
claim("a unit of the critic's last map sees 10 x 10 pixels", (seen != 0).sum(), 100, 100)

# %% [markdown]
# The paper draws weights from $\mathcal N(0, 0.02^2)$. With BatchNorm behind each layer any scale would do; without it, as in our critic, that start is bad:
# every layer shrinks the signal. So the library uses it where BatchNorm is, and PyTorch's own elsewhere.

# %%
weights = torch.cat([m.weight.flatten() for m in generator.modules() if isinstance(m, nn.ConvTranspose2d | nn.Linear)])
claim("the generator's weights start with standard deviation 0.02", weights.std(), 0.019, 0.021)

# %% [markdown]
# ## 3. A choice in front
#
# The image of a connected set under a continuous map is connected. Gaussian noise is connected, and so is everything that a continuous generator makes of it: between
# a 1 and an 8 it must draw *something* (Khayatkhoei et al. 2018). In the plane this can be seen.

# %% tags=["nbval-ignore-output"]
clouds = {}
for name, front in (("continuous", nn.Identity()), ("with a choice of 8", Choice(8))):
    torch.manual_seed(0)
    ring = GAN(nn.Sequential(front, mlp([16, 64, 64, 2])), mlp([2, 64, 64, 1]), 16, penalty="r1", penalty_weight=0.02, learning_rate=2e-3)
    run = fit(ring, lambda n, g: data.toy2d("ring", n, g), profile(smoke=5, cpu=900, gpu=5000), batch_size=128, ema=0.99, progress=False)
    run.ema.copy_to(ring)
    clouds[name] = ring.sample(2000, torch.Generator().manual_seed(0))
between = {name: (torch.cdist(points, data.ring_centres()).min(1).values > 0.4).float().mean() for name, points in clouds.items()}

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(7, 3.5), layout="constrained")
for ax, (name, points) in zip(axes, clouds.items(), strict=True):
    draw_points(ax, data.ring_centres(), None, size=70, alpha=0.9)
    draw_points(ax, None, points, size=4)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=f"{name}: {between[name]:.0%} lie between modes")
show(figure, alt="Eight modes on a ring: the continuous generator leaves bridges of points between them, the one with a choice far fewer.")

# %%
if trained:
    claim("a choice in front leaves fewer points between the modes", between["continuous"] - between["with a choice of 8"], at_least=0.05)

# %% [markdown]
# ## 4. Train
#
# Two pairs of players see the same 1500 batches of 32 digits: plain perceptrons, for which every pixel is as far from every other, and the DCGAN. Then the
# DCGAN goes on alone. Four additions make training on small data behave, each a word in the cells below.
# - `r1` keeps the critic's slope small on real images: the friction of lesson 03b. Computing it at every eighth step is enough.
# - `random_shift` moves every image, real or fake, by up to a pixel before the critic sees it: 4000 images are harder to learn by heart.
# - `ema` averages the generator's weights over its last few hundred steps, and with them the circling.
# - `Choice`, here among twenty options, stands in front of the DCGAN.

# %% tags=["nbval-ignore-output"]
common = dict(latent=64, penalty="r1", penalty_weight=0.1, penalty_every=8, betas=(0.5, 0.99))
common["augment"] = lambda images: random_shift(images, 1)
rounds = profile(smoke=10, cpu=1500, gpu=10_000)
torch.manual_seed(0)
perceptron = GAN(mlp_generator(64, hidden=(128, 256)), mlp_critic(hidden=(256, 128)), learning_rate=1e-3, **common)
perceptron_run = fit(perceptron, digits, rounds, batch_size=32, ema=0.998)
perceptron_run.ema.copy_to(perceptron)

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
dcgan = GAN(nn.Sequential(Choice(20), dcgan_generator(64)), dcgan_critic(hidden=256), learning_rate=2e-3, **common)
first_run = fit(dcgan, digits, rounds, batch_size=32, ema=0.998, preview=10)
with first_run.ema.applied(dcgan):
    early = dcgan.sample(1000, torch.Generator().manual_seed(0))

# %% tags=["nbval-ignore-output"]
second_run = fit(dcgan, digits, profile(smoke=10, cpu=1300, gpu=20_000), batch_size=32, seed=1, ema=0.998)
last_weights = dcgan.sample(1000, torch.Generator().manual_seed(0))  # before the average replaces them
second_run.ema.copy_to(dcgan)

# %% [markdown]
# The rows show the same ten draws of noise all through the training.

# %% tags=["nbval-ignore-output"]
kept = [first_run.previews[k] for k in (0, 2, 4, -1)]
kept.append((len(first_run) + len(second_run), dcgan.sample(10, torch.Generator().manual_seed(0))))
figure, axes = plt.subplots(len(kept), 1, figsize=(5.5, 3.1), layout="constrained")
for ax, (step, images) in zip(axes, kept, strict=True):
    draw_images(ax, images, 10)
    ax.set_ylabel(f"step {step}", rotation=0, ha="right", va="center", fontsize=9)
show(figure, alt="Five rows of ten images from the same noise: grey fog at first, blobs, strokes, then digits.")

# %% [markdown]
# ## 5. Look
#
# What was trained just now, and the shipped generator, the same network with about three times as many batches.

# %% tags=["nbval-ignore-output"]
players = {"perceptrons": perceptron, "DCGAN": dcgan, "shipped": shipped}
samples = {name: system.sample(1000, torch.Generator().manual_seed(0)) for name, system in players.items()}
samples |= {"DCGAN, last weights": last_weights, "DCGAN, 1500 batches": early}
show(
    image_grid([samples[name][:40] for name in players], list(players), columns=8),
    alt="Three grids of generated digits: speckled from the perceptrons, cleaner from the short DCGAN, clean from the long one.",
)

# %% [markdown]
# Does the generator copy its training set? Beside each image stands the training image nearest to it, by the features of a digit
# classifier: mostly of the same class, and not the same strokes.

# %% tags=["nbval-ignore-output"]
classifier = load_pretrained("digits_classifier")


@torch.no_grad()
def features(images):
    """(N, 1, 28, 28) -> (N, D) features of the digit classifier."""
    return torch.cat([classifier.features(part) for part in images.split(500)])


real_features = features(digits.images)
picked = samples["shipped"][:20]
nearest = torch.cdist(features(picked), real_features).argmin(1)
show(
    image_grid([picked, digits.images[nearest]], ["generated", "nearest in the training set"], columns=10),
    alt="Twenty generated digits and their nearest training images: same classes, different handwriting.",
)

# %% [markdown]
# ## 6. Measure
#
# Two numbers. The first compares means $m$ and covariances $C$ of features of 1000 generated and 1000 real test images,
#
# $$d^2 = \lVert m - m'\rVert^2 + \mathrm{tr}\big(C + C' - 2\,(C^{1/2} C' C^{1/2})^{1/2}\big), \tag{1}$$
#
# the **Fréchet distance** (Heusel et al. 2017; it is called FID when the features are Inception's, and lesson 11 says what it can and cannot see). Its zero is not
# reachable with 1000 images: 1000 *training* images score the first row. The second number is how often the classifier sees each digit.


# %%
def frechet(one, other):
    """Equation (1) for features (N, D) and (M, D): the squared 2-Wasserstein distance between two Gaussians."""
    return gaussian_w2(one.mean(0), one.T.cov(), other.mean(0), other.T.cov()).item() ** 2


# %% tags=["nbval-ignore-output"]
test_features = features(test_digits.images)
subsets = [torch.randperm(len(digits), generator=torch.Generator().manual_seed(seed))[:1000] for seed in range(4)]
floor = sum(frechet(real_features[subset], test_features) for subset in subsets) / 4
print(f"{'':22}  Fréchet   x real   classes 0 to 9 (% of 1000)")
print(f"{'real training images':22}  {floor:7.3f}   {1:6.2f}")
times, shares = {}, {}
for name, images in samples.items():
    found = features(images)
    times[name] = frechet(found, test_features) / floor
    shares[name] = torch.bincount(classifier.head(found).argmax(1), minlength=10) / 10
    print(f"{name:22}  {times[name] * floor:7.3f}   {times[name]:6.2f}   " + " ".join(f"{share:4.1f}" for share in shares[name].tolist()))

# %%
if trained:
    claim("the DCGAN trained here is within 4 times the distance of real images", times["DCGAN"], at_most=4)
    claim("the shipped one within 2.5 times", times["shipped"], at_most=2.5)
    claim("every digit is among 1000 samples of the DCGAN trained here (rarest, %)", shares["DCGAN"].min(), at_least=1)
    claim("after the same batches convolutions beat perceptrons", times["perceptrons"] / times["DCGAN, 1500 batches"], at_least=1.5)
    claim("the average of the weights is better than the last ones", times["DCGAN, last weights"] / times["DCGAN"], at_least=1.0)

# %% [markdown]
# ## 7. What the losses hide
#
# What do the losses say about all this? Here they are, for the run whose images went from fog to digits.

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
for name, colour in (("critic", CRITIC), ("generator", GENERATED)):
    values = torch.tensor(first_run[name] + second_run[name])
    width = max(1, len(values) // 40)
    axes.plot(values.unfold(0, width, 1).mean(1), color=colour, label=name)
axes.axhline(2 * math.log(2), color=CRITIC, lw=0.6, ls=":")
axes.text(len(values), 2 * math.log(2) + 0.05, "2 log 2", fontsize=8, ha="right")
axes.set(xlabel="step", ylabel="loss (running mean)")
axes.legend(fontsize=8)
show(figure, alt="The generator's and critic's losses are flat or drift slowly through the whole run, although the images get much better.")

# %% [markdown]
# Nothing in these curves says when the digits became legible. Each player's loss is measured against an opponent that improves as well. Lesson 04 builds a critic
# whose loss does mean something.

# %% [markdown]
# ## 8. Exercises
#
# ### Exercise 3.9 Find the bug
#
# A colleague's critic never gets below a loss of about 1.006, however easy the data. The code:
# `F.binary_cross_entropy_with_logits(torch.sigmoid(real), ones) + F.binary_cross_entropy_with_logits(torch.sigmoid(fake), zeros)`, with `real` and
# `fake` the raw scores. Compute the smallest value that this can take, as proof that you found it.


# %%
def buggy_floor():
    """The infimum of the buggy loss over all raw scores: a number."""
    ### BEGIN SOLUTION
    return math.log(1 + math.exp(-1)) + math.log(2)  # a second sigmoid is applied: its argument stays in (0, 1)
    ### END SOLUTION


# %%
@exercise("3.9")
def check_floor(attempt):
    far = torch.full((1,), 40.0)
    lowest = F.binary_cross_entropy_with_logits(torch.sigmoid(far), torch.ones(1)) + F.binary_cross_entropy_with_logits(
        torch.sigmoid(-far), torch.zeros(1)
    )
    if abs(attempt() - lowest.item()) > 1e-4:
        return "the sigmoid is taken twice: what is the smallest loss when the inner one can only be between 0 and 1?"


check_floor(buggy_floor)

# %% [markdown]
# ### Exercise 3.10 How long is the memory of an average?
#
# The average of the weights is $\bar w \leftarrow \beta\,\bar w + (1-\beta)\,w$ after each step. After how many steps has the weight of the present $w$ fallen to one half?


# %%
def half_life(beta):
    """Number of steps (a real number) after which a weight's share in the average has halved."""
    ### BEGIN SOLUTION
    return math.log(0.5) / math.log(beta)  # beta^n = 1/2: about 346 steps for 0.998
    ### END SOLUTION


# %%
@exercise("3.10")
def check_half_life(attempt):
    for beta in (0.5, 0.99, 0.998):
        if abs(beta ** attempt(beta) - 0.5) > 1e-6:
            return (
                f"after {attempt(beta):.4g} steps with beta = {beta} the share is {beta ** attempt(beta):.3f} of what it was, not one half"
            )


check_half_life(half_life)

# %% [markdown]
# ### Exercise 3.11 The middle of a straight line
#
# In $D$ dimensions Gaussian noise has length about $\sqrt D$. What is the expected squared length of the middle $(z+z')/2$ of two independent draws, as
# a share of $D$? And which factor brings it back to the sphere on which $G$ was trained?


# %%
def straight_middle():
    """(share of D, factor)."""
    ### BEGIN SOLUTION
    return 0.5, math.sqrt(2)  # variances add: (1 + 1) / 4; hence walks along the sphere, as in lesson 03a
    ### END SOLUTION


# %%
@exercise("3.11")
def check_straight_middle(attempt):
    share, factor = attempt()
    z, other = torch.randn(2, 4000, 64, generator=torch.Generator().manual_seed(0))
    found = ((z + other) / 2).square().sum(1).mean().item() / 64
    if abs(share - found) > 0.02:
        return f"4000 pairs in 64 dimensions have a mean squared length of {found:.2f} D, not {share}"
    if abs(factor**2 * share - 1) > 1e-6:
        return "factor^2 x share should be 1"


check_straight_middle(straight_middle)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - A DCGAN is a mirror of strided convolutions, with BatchNorm where it does no harm and raw scores at the end.
# - A continuous generator cannot leave gaps; a choice among options in front of it can.
# - R1, shifted images and an average of the weights turn 4000 images and a minute or two into legible digits.
# - A distance on features, counts of classes and nearest neighbours each see something that the others do not.
# - The losses see none of it.
#
# ## References
#
# - Radford, Metz and Chintala 2016, *Unsupervised Representation Learning with Deep Convolutional GANs*. [link](https://arxiv.org/abs/1511.06434)
# - Mescheder, Geiger and Nowozin 2018, *Which Training Methods for GANs do actually Converge?* [link](https://arxiv.org/abs/1801.04406)
# - Khayatkhoei, Elgammal and Singh 2018, *Disconnected Manifold Learning for Generative Adversarial Networks*. [link](https://arxiv.org/abs/1806.00880)
# - Zhao, Liu, Lin, Zhu and Han 2020, *Differentiable Augmentation for Data-Efficient GAN Training*. [link](https://arxiv.org/abs/2006.10738)
# - Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter 2017, *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium*. [link](https://arxiv.org/abs/1706.08500)
