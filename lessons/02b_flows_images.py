# %% [markdown]
# # 02b Flows on images: likelihood in bits
#
# After this lesson you can
# - turn an image into channels and back, factor out finished latents, and train RealNVP and Glow on digits;
# - say what a likelihood of pixels is: dequantise, keep the account of every logarithm, and report bits per dimension;
# - tell likelihood from quality of samples with two examples that separate them, and train with a backward pass that stores nothing.
#
# **You need**: couplings, ActNorm and 1x1 convolutions (lesson 02a).
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 1 min 10 s | not measured |
# | peak memory | 1.4 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/02b_flows_images.ipynb) · [Slides](../slides/src/02_flows.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import copy
import math
import time
import zlib

import torch
from IPython.display import Markdown
from ipywidgets import FloatSlider, IntSlider
from matplotlib import pyplot as plt

from course_lib import data, weights
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.losses.variational import normal_log_density
from course_lib.metrics import frechet_distance, parzen_log_likelihood
from course_lib.models import glow, realnvp
from course_lib.nn import Logit, Squeeze, channel_mask, checkerboard_mask
from course_lib.training import fit, profile, profile_name
from course_lib.training.memory import StoredBytes
from course_lib.viz import ACCENTS, CRITIC, REAL, TEN, draw_images, explore, image_grid, show
from course_lib.weights import load_pretrained

trained = profile_name() != "smoke"  # at smoke size nothing is trained long enough to judge
seed = lambda number: torch.Generator().manual_seed(number)  # noqa: E731
train, test = data.digits("train").images, data.digits("test").images  # (4000, 1, 28, 28), (1000, 1, 28, 28) in [-1, 1]

# %% [markdown]
# ## 1. The result first
#
# A small Glow, trained for 17 minutes on one core. The latents have the size of the image, 784 numbers, and every one of them was drawn from
# a normal law whose standard deviation is the **temperature**. At 1 you see the model. Move it down, then up. What happens to the strokes?

# %%
shipped = load_pretrained("digits_glow")


def draw_temperature(temperature=0.8):
    """Forty digits from the same latents, scaled."""
    return image_grid(shipped.sample(40, seed(1), temperature), f"temperature {temperature:.2f}", columns=10)


# %% tags=["nbval-ignore-output"]
explore(
    draw_temperature,
    alt="Forty generated digits at temperature 0.8: clean strokes, some of them digits, some not; specks appear when it is hotter.",
    temperature=FloatSlider(value=0.8, min=0, max=1.2, step=0.1),
)

# %% [markdown]
# The strokes are crisp, as those of the VAE never were, but not all add up to a digit. Section 7 asks why a model with an excellent likelihood does that. First, how it is made.
#
# ## 2. Which half?
#
# A coupling needs a part that stays and a part that moves. On images RealNVP uses two masks. On a **checkerboard** a pixel is moved by what the pixels of the other colour around it say. A **squeeze**
# turns every block of $2\times2$ pixels into 4 channels, $(C, H, W)\to(4C, H/2, W/2)$, and then half of the *channels* can stay. Both are permutations or masks: they cost nothing in (2) of lesson 02a.


# %%
def squeeze(x):
    """(B, C, H, W) -> (B, 4 C, H / 2, W / 2): pixel (2 i + a, 2 j + b) becomes channel 2 a + b of place (i, j)."""
    b, c, h, w = x.shape
    blocks = x.reshape(b, c, h // 2, 2, w // 2, 2)  # (B, C, i, a, j, b)
    return blocks.permute(0, 1, 3, 5, 2, 4).reshape(b, 4 * c, h // 2, w // 2)


# %%
some = torch.randn(2, 3, 6, 4, generator=seed(0))
claim("the squeeze written out is course_lib's (difference)", (squeeze(some) - Squeeze()(some)[0]).abs().max(), at_most=0)
claim("its inverse brings back every number (difference)", (Squeeze().inverse(squeeze(some)) - some).abs().max(), at_most=0)

# %%
digit = test[203:204]
figure, axes = plt.subplots(1, 4, figsize=(9.5, 2.6), layout="constrained", width_ratios=[1, 1, 2, 1])
draw_images(axes[0], digit, title="28 x 28")
draw_images(axes[1], torch.where(checkerboard_mask((1, 28, 28)) == 1, digit[0], torch.tensor(0.0))[None], title="checkerboard: white stays")
draw_images(axes[2], squeeze(digit).transpose(0, 1), columns=4, title="squeezed: 4 channels of 14 x 14")
draw_images(axes[3], (channel_mask((4, 14, 14)) * squeeze(digit)[0])[:, None], columns=2, title="channel mask: two stay")
show(figure, alt="A digit; the digit through a checkerboard; its four squeezed channels, each a small digit; and two of them blanked.")

# %% [markdown]
# ### 2.1 Several scales
#
# After some couplings half of the channels are declared finished: they *are* latents. Only the other half goes on, squeezed once more (Dinh et al. 2017, section 3.6). That halves the cost at each scale and lets
# gradients reach early layers at once. In `course_lib` this **factor-out** is one more invertible layer: `OnHalf(inner)` applies `inner` to half of the channels.
#
# ```python
# Chain(Logit(), Chain(Squeeze(), *steps, OnHalf(Chain(Squeeze(), *steps, Unsqueeze())), Unsqueeze()))
# ```
#
# Every chain ends as it began, so $z$ has the shape of the image, and log-determinants add up as always. What do the scales hold? Encode a digit, draw one scale's latents anew (with deviation 0.7), keep the others, decode.

# %%
flows = {"RealNVP": load_pretrained("digits_realnvp"), "Glow": shipped}
digits = test[[3, 105, 207, 309, 411, 513, 615, 717, 819, 921]]


@torch.no_grad()
def redraw(flow, images, scale):
    """The images with the latents of one scale (0: finished early, fine; 1: the rest, coarse) drawn anew."""
    halves = list(squeeze(flow.encode(images, seed(0))).chunk(2, 1))  # (B, 2, 14, 14) each
    halves[scale] = 0.7 * torch.randn(halves[scale].shape, generator=seed(1))
    return flow.decode(Squeeze().inverse(torch.cat(halves, 1)))


changed = [redraw(shipped, digits, scale) for scale in (0, 1)]
show(
    image_grid([digits, *changed], ["digits", "fine latents drawn anew", "coarse latents drawn anew"], columns=5),
    alt="Ten digits; with new fine latents they hardly change; with new coarse latents they become other shapes.",
)

# %%
moved_by = [(images - digits).square().mean().item() for images in changed]
claim("coarse latents decide the shape: drawn anew they change the image at least twice as much", moved_by[1] / moved_by[0], at_least=2)

# %% [markdown]
# ## 3. A likelihood of pixels
#
# ### 3.1 Why noise
#
# A pixel of our digits is one of 256 grey levels (81 % are exactly 0). A density can put an infinitely high, infinitely narrow spike on each of 256 numbers: its likelihood has no upper limit, and the model has learned nothing.
# Watch a mixture of 256 Gaussian spikes, each as high as its level is frequent. One curve scores the levels themselves, the other one levels to which uniform noise is added, so that each fills a cell of width 1:

# %%
levels = ((train[:500] + 1) / 2 * 255).round().long().flatten()  # (392000,) the grey levels
share = torch.bincount(levels, minlength=256).double() / len(levels)
entropy = -torch.xlogy(share, share).sum() / math.log(2)  # bits a pixel, when each is coded by its frequency
widths = 10.0 ** torch.arange(-4.0, 0.1, 0.25, dtype=torch.float64)
grey_levels = torch.arange(256, dtype=torch.float64)


def spike_bits(width, noise):
    """Bits a pixel of level + noise, on average over the noise (M,), under spikes of that width in the middle of every cell."""
    away = (grey_levels[:, None, None] + noise[:, None] - grey_levels - 0.5) / width  # (256, M, 256): of each place from each spike
    log_p = torch.logsumexp(share.log() - away.square() / 2 - math.log(width * math.sqrt(2 * math.pi)), 2)
    return -(share @ log_p.mean(1)).item() / math.log(2)


middle, everywhere = torch.tensor([0.5]), (torch.arange(32) + 0.5) / 32
spikes, cells = ([spike_bits(width.item(), noise) for width in widths] for noise in (middle, everywhere))

# %%
figure, axes = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axes.semilogx(widths, spikes, color=CRITIC, label="spikes, no noise")
axes.semilogx(widths, cells, color=ACCENTS[0], label="spikes, noise")
axes.axhline(entropy, color=REAL, label="entropy of the levels")
axes.set(xlabel="width of a spike, in grey levels", ylabel='"bits" a pixel', ylim=(-11, 12))
figure.legend(loc="outside right center", fontsize=9)
show(
    figure,
    alt="Without noise the apparent bits of spikes fall without limit as they get narrower; with noise they have a lowest point, just above the entropy.",
)

# %%
claim("ten times narrower spikes save log2(10) = 3.32 bits a pixel, for nothing", spikes[4] - spikes[0], 3.32, 3.33)
claim("with noise no width gets below the entropy (least excess, bits)", min(cells) - entropy, 0.0, 0.5)

# %% [markdown]
# The cure is **dequantisation**: add uniform noise $u\in[0,1)$ to the level $\ell$ and divide by 256. A spike narrower than its cell now misses most of it, and does not pay. Let $p$ be a density on $[0,1)^D$. The probability that it gives to
# an image $\ell$ is its integral over a cell of volume $256^{-D}$, and by Jensen's inequality (Theis et al. 2016)
#
# $$\log P(\ell) = \log \int_{[0,1)^D} p\Big(\frac{\ell+u}{256}\Big)\,256^{-D}\,\mathrm du \;\ge\; \mathbb E_u \log p\Big(\frac{\ell+u}{256}\Big) - D\log 256. \tag{1}$$
#
# What we compute bounds a true probability of true pixels, so on average over images it can never cost fewer bits than their entropy. One draw of $u$ estimates the right side without bias. The noise belongs there **at evaluation too**. (How much does
# Jensen's inequality lose? Nothing if $p$ is flat in each cell. Noise that is learned instead of uniform loses less: variational dequantisation.)
#
# ### 3.2 The account
#
# One more layer stands in front: couplings work on the whole line, pixels on $[0, 1)$, so $x \mapsto \operatorname{logit}(\alpha + (1-2\alpha)x)$, with $\log\det = \sum \log\frac{1-2\alpha}{y(1-y)}$, $y = \alpha+(1-2\alpha)x$
# (Dinh et al. write $1-\alpha$, which keeps $y$ from 0 but hardly from 1). The
# whole account of an image has four entries, and forgetting one of the last three is the commonest mistake with flows on images:
#
# $$\text{bits per dimension} = -\frac{1}{D\log 2}\Big(\underbrace{\log\mathcal N(z; 0, I)}_{\text{prior}} + \underbrace{\textstyle\sum\log\det}_{\text{layers}} + \underbrace{\log\det}_{\text{logit}} - \underbrace{D\log 256}_{\text{cells}}\Big). \tag{2}$$

# %%
with torch.no_grad():
    x = (((test[:200] + 1) / 2 * 255).round() + torch.rand(200, 1, 28, 28, generator=seed(0))) / 256
    y = 1e-3 + (1 - 2e-3) * x
    logit_log_det = ((1 - 2e-3) / (y * (1 - y))).log().sum((1, 2, 3))
    z, layers_log_det = shipped.layers.layers[1](torch.logit(y))
    entries = {
        "prior": normal_log_density(z),
        "layers": layers_log_det,
        "logit": logit_log_det,
        "cells": torch.full((200,), -784 * math.log(256)),
    }
    by_hand = -sum(entries.values()) / (784 * math.log(2))
    claim("the account written out is course_lib's (largest difference, bits)", (by_hand - shipped.bits_per_dimension(test[:200], seed(0))).abs().max(), at_most=1e-4)  # fmt: skip
    claim("the logit's entry is course_lib's (relative)", ((Logit()(x)[1] - logit_log_det) / logit_log_det).abs().max(), at_most=1e-5)

# %% tags=["nbval-ignore-output"]
rows = "\n".join(f"| {name} | {value.mean():+.0f} | {-value.mean() / 784 / math.log(2):+.2f} |" for name, value in entries.items())
Markdown(f"| entry | nats an image | bits a dimension |\n|:---|---:|---:|\n{rows}\n| **sum** | | {by_hand.mean():.2f} |")

# %% [markdown]
# The margin $\alpha$ matters more than one would think. The background is the cell $[0, 1/256)$. With the paper's $\alpha = 0.05$, made for photographs, the logit squashes it into a strip of width 0.07 beside strokes that reach to $+3$, and the
# flow spends its first steps on stretching that strip. With $\alpha=0.001$ the strip is 1.6 wide. After 200 steps of the same RealNVP that was the difference between 2.6 and 1.7 bits.
#
# ### 3.3 What is a bit worth?
#
# Bits per dimension are a *code length*: whoever knows $P(\ell)$ can code the image in $-\log_2 P(\ell)$ bits (Shannon; arithmetic coding does it). A flow knows only the bound (1), and a coder can reach that bound too (bits-back coding), so
# a model with 1.3 bits a dimension compresses to 1.3 bits a pixel. So compare with things that compress. Uniform pixels cost 8 bits. A histogram for each pixel of its own
# knows where ink may be. `zlib` is what is inside PNG.


# %%
def bits(flow, images, number=0):
    """Mean bits per dimension at one draw of the noise, in parts of 250."""
    generator = seed(number)
    with torch.no_grad():
        return torch.cat([flow.bits_per_dimension(part, generator) for part in images.split(250)])


def level_of(images, top):
    """Images (B, C, H, W) in [-1, 1] -> the grey levels 0 to top of their pixels, (pixels, B)."""
    return ((images + 1) / 2 * top).round().long().flatten(1).T


def histogram_bits(images, held_out, top, extra):
    """Bits per dimension of held-out images when each pixel is coded by its own histogram; `extra` is added to every count."""
    known, asked = level_of(images, top), level_of(held_out, top)
    counts = torch.full((len(known), top + 1), extra).scatter_add_(1, known, torch.ones(known.shape))
    return -(counts / counts.sum(1, keepdim=True)).log2().gather(1, asked).mean().item()


compressed = zlib.compress(level_of(test, 255).T.to(torch.uint8).numpy().tobytes(), 9)
table = {
    "uniform": 8.0,
    "a histogram for each pixel": histogram_bits(train, test, 255, 0.02),
    "zlib, all test images in one stream": 8 * len(compressed) / test.numel(),
}
scores = {name: bits(flow, test) for name, flow in flows.items()}
table |= {name: score.mean().item() for name, score in scores.items()}

# %% tags=["nbval-ignore-output"]
Markdown(
    "| code | bits per dimension of test digits |\n|:---|---:|\n" + "\n".join(f"| {name} | {value:.3f} |" for name, value in table.items())
)

# %%
for name, key in (("RealNVP", "digits_realnvp"), ("Glow", "digits_glow")):
    stated = weights.card(key)["figures"]["test_bits_per_dimension"]
    claim(f"{name}: the bits per dimension on its card are reproduced (difference)", abs(table[name] - stated), at_most=0.01)
claim(
    "another draw of the noise changes the mean by less than 0.005 bits",
    (bits(shipped, test, 1).mean() - table["Glow"]).abs(),
    at_most=0.005,
)
best_other = min(value for name, value in table.items() if name not in flows)
claim("both flows beat histograms and zlib (least lead, bits)", best_other - max(table[name] for name in flows), at_least=0.1)

# %% [markdown]
# ## 4. Train live
#
# Now yours. Digits of $8\times8$ pixels with 17 grey levels (0 to 16) are small enough to train both architectures in half a minute. Everything is as in 02a: `fit`, one loss, equation (2) with $\log 17$. The number to beat is
# $\log_2 17 = 4.09$, then that of a histogram for each pixel.

# %% tags=["nbval-ignore-output"]
small, small_test = data.uci_digits("train").images, data.uci_digits("test").images  # (1433, 1, 8, 8), (364, 1, 8, 8)
live, curves_of = {}, {}
for name, make, depth in (("RealNVP", realnvp, 3), ("Glow", glow, 6)):
    torch.manual_seed(0)
    live[name] = make((1, 8, 8), depth=depth, width=48, levels=17, rate=3e-3)
    history = fit(live[name], small, profile(smoke=4, cpu=450, gpu=5000), batch_size=64, ema=0.99, preview=20)
    history.ema.copy_to(live[name])
    curves_of[name] = history

# %%
histogram = histogram_bits(small, small_test, 16, 0.1)


def draw_training(preview=10):
    """The samples of both flows at one moment of their training, always from the same latents."""
    moments = {name: history.previews[min(preview, len(history.previews) - 1)] for name, history in curves_of.items()}
    return image_grid([images for _, images in moments.values()], [f"{name}, step {step}" for name, (step, _) in moments.items()], 5, 1.2)


# %% tags=["nbval-ignore-output"]
explore(
    draw_training,
    alt="Twenty small samples of RealNVP and of Glow late in training: blurred noise has become rough digits of eight by eight pixels.",
    preview=IntSlider(value=10, min=0, max=10),
)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(6.5, 2.6), layout="constrained")
for (name, history), colour in zip(curves_of.items(), ACCENTS, strict=False):
    axes.plot(history["bits_per_dimension"], color=colour, lw=1, label=f"{name}: test {bits(live[name], small_test).mean():.2f}")
axes.axhline(math.log2(17), color="0.6", ls=":", label=f"uniform: {math.log2(17):.2f}")
axes.axhline(histogram, color="0.6", label=f"histograms: {histogram:.2f}")
axes.set(xlabel="step", ylabel="bits per dimension", ylim=(1.5, 5))
figure.legend(loc="outside right center", fontsize=9)
show(
    figure, alt="Bits per dimension of both flows fall from above three to about two, below the lines of the uniform law and of histograms."
)

# %%
if trained:
    for name, flow in live.items():
        claim(
            f"{name} live: below a histogram for each pixel on test digits (lead, bits)",
            histogram - bits(flow, small_test).mean(),
            at_least=0.2,
        )

# %% [markdown]
# ## 5. Exact inference
#
# A GAN has no encoder. A VAE has one, and it is approximate. A flow **is** its encoder: $z = f(x)$, with nothing lost. Take the 1000 test digits through the 16 steps of Glow and back.

# %%
with torch.no_grad():
    x = shipped.dequantise(test, seed(0))
    z = shipped.layers(x)[0]
    back = shipped.layers.inverse(z)
claim("Glow, there and back in float32: share of the 784,000 pixels within 1e-5", (back - x).abs().le(1e-5).float().mean(), at_least=0.999)
claim("the largest error of all, in grey levels", 256 * (back - x).abs().max(), at_most=0.1)
claim(
    "every pixel of 1000 test digits comes back at its grey level (share)",
    (shipped.quantise(back) - test).abs().lt(1e-3).float().mean(),
    at_least=0.999,
)

# %% [markdown]
# So one can walk between two real digits. On the straight line between latents $z_0$ and $z_1$ each step is decoded. Beside it, the same walk in pixels: a cross-fade.

# %%
first, second = test[[10, 120, 230, 340, 450]], test[[660, 770, 880, 990, 110]]
walk = torch.linspace(0, 1, 9)
with torch.no_grad():
    ends = [shipped.encode(images, seed(k)) for k, images in enumerate((first, second))]
    latent = torch.stack([shipped.decode(torch.lerp(*ends, w)) for w in walk], 1).flatten(0, 1)  # five rows of nine
faded = torch.stack([torch.lerp(first, second, w) for w in walk], 1).flatten(0, 1)
show(
    image_grid([latent, faded], ["straight in latent space", "straight in pixels"], columns=9),
    alt="Five rows from one digit to another: in latent space strokes bend, break and join; in pixels one digit fades over the other.",
)

# %%
grey = lambda images: (images.abs() < 0.8).float().mean().item()  # noqa: E731
middle = [sheet.reshape(5, 9, 1, 28, 28)[:, 4] for sheet in (latent, faded)]
claim("half way, pixels are greyer than in latent space (share of grey pixels, ratio)", grey(middle[1]) / grey(middle[0]), at_least=1.2)

# %% [markdown]
# ## 6. Temperature
#
# In 784 dimensions almost all of a Gaussian lies in a thin shell of radius $\sqrt{784} = 28$; the mode $z=0$ is nowhere near it. A temperature $T$ below 1 draws from a shell of radius $28\,T$, where the prior is higher, and the most unusual details are
# cut off. It is a knob that trades variety for neatness, and with $T\ne1$ the samples are no longer those of the model whose bits we reported. (Is their law $p(x)^{1/T^2}$, made to sum to 1? Only where $\det J$ is constant, as in NICE.)
#
# The walk of section 5 was cold half way: the middle of two unrelated latents has radius $28/\sqrt2$, that of $T = 0.71$. That helps it to look neat.

# %%
temperatures = (0.0, 0.4, 0.7, 1.0, 1.15)
show(
    image_grid([shipped.sample(15, seed(4), t) for t in temperatures], [f"T = {t}" for t in temperatures], columns=3),
    alt="Fifteen samples at five temperatures: at 0 all alike, then plain strokes, then varied strokes, at 1.15 with specks and breaks.",
)

# %% [markdown]
# At $T=1$ something else happens, though rarely: in about one of 4000 samples of this Glow the steep inverse of lesson 02a, section 7, overflows, and the image is not a number (Behrmann et al. 2021). One such image would spoil every average.
# So before we measure we leave them out, and count.


# %%
def whole(flow, n, number, temperature=1.0):
    """Samples without those whose inverse overflowed: (about n, 1, 28, 28)."""
    images = flow.sample(n, seed(number), temperature)
    return images[images.isfinite().flatten(1).all(1)]


variety = [whole(shipped, 200, 5, t).std(0).mean().item() for t in temperatures]
claim("at T = 0 all samples are the same (variety)", variety[0], at_most=1e-3)
claim("variety grows with temperature up to 1 (least step)", min(b - a for a, b in zip(variety[:3], variety[1:4], strict=True)), at_least=0)

# %% [markdown]
# ## 7. High likelihood is not good samples, nor the reverse
#
# You have seen a first sign in section 3.3: our two flows have nearly the same bits, RealNVP a little fewer (by ten standard errors of the mean difference on these digits, so it is no accident of the test). Whose samples are better? Ask the course's digit classifier
# (lesson 11): the Fréchet distance between its features of 1000 samples and of the test digits.

# %%
features = load_pretrained("digits_classifier").features
with torch.no_grad():
    samples = {name: whole(flow, 1000, 0) for name, flow in flows.items()}
    distance = {name: float(frechet_distance(features(test), features(images))) for name, images in samples.items()}
show(
    image_grid(
        [samples[name][:30] for name in flows],
        [f"{name}: {table[name]:.3f} bits, Fréchet {distance[name]:.0f}" for name in flows],
        columns=10,
    ),
    alt="Thirty samples of RealNVP, many of them fragments, beside thirty of Glow, whose strokes are longer and more like digits.",
)

# %%
claim("of 1000 samples at most 10 overflow (most)", max(1000 - len(images) for images in samples.values()), at_most=10)
claim("RealNVP has fewer bits per dimension than Glow (lead)", table["Glow"] - table["RealNVP"], at_least=0.001)
claim(
    "Glow's samples are nearer to digits than RealNVP's (ratio of Fréchet distances)", distance["Glow"] / distance["RealNVP"], at_most=0.85
)

# %% [markdown]
# ### 7.1 Excellent likelihood, useless samples
#
# Mix Glow with noise: with probability 0.01 draw from Glow, else draw 784 uniform pixels (Theis et al. 2016). Of 100 samples, 99 are snow. Its likelihood of any image is at least 0.01 times Glow's, so
#
# $$\log P_\text{mix}(x) \ge \log P_\text{Glow}(x) - \log 100, \tag{3}$$
#
# a loss of 4.6 nats of about 700, or 0.0085 bits per dimension. No table of bits would show it.

# %%
log_glow = -scores["Glow"] * 784 * math.log(2)  # (1000,) nats of each test digit
log_noise = torch.tensor(-784 * math.log(256.0))
log_mix = torch.logaddexp(math.log(0.01) + log_glow, math.log(0.99) + log_noise)
mix_bits = -log_mix.mean().item() / (784 * math.log(2))
claim("99 % noise costs at most 0.0086 bits per dimension", mix_bits - table["Glow"], 0.0, 0.0086)

# %% [markdown]
# ### 7.2 Perfect samples, useless likelihood
#
# The opposite: a model that stores the 4000 training digits and draws one of them, give or take half a grey level. Its samples are perfect, by definition. As a density it is a Parzen window: a Gaussian of deviation 1/512 around every stored image.
# (A wider Gaussian is kinder to test digits, but the best width of all, 0.15, still costs 7.5 bits, and then the samples are under snow.)

# %%
x_test, x_train = test[:300].flatten(1) / 2 + 0.5, train.flatten(1) / 2 + 0.5
stored = -(parzen_log_likelihood(x_test, x_train, 1 / 512).mean().item() - 784 * math.log(256)) / (784 * math.log(2))
claim("perfect samples, yet more bits than uniform noise (ratio to 8 bits)", stored / 8, at_least=10)

# %%
snow = torch.randint(0, 256, (20, 1, 28, 28), generator=seed(0)) / 127.5 - 1
snow[7] = shipped.sample(1, seed(1), 0.8)[0]
copies = train[torch.randint(4000, (20,), generator=seed(1))]
titles = [f"1 % Glow, 99 % noise: {mix_bits:.2f} bits", f"stored digits: {stored:.0f} bits"]
show(
    image_grid([snow, copies], titles, columns=10),
    alt="Left twenty samples, all but one of them snow, with an excellent likelihood; right twenty perfect digits with a hopeless likelihood.",
)

# %% [markdown]
# ### 7.3 What is likeliest?
#
# Not a digit. Score images that the flow has never seen: an empty page, test digits at half contrast, digits turned upside down, and their negatives.

# %%
others = {
    "empty page": -torch.ones(50, 1, 28, 28),
    "half contrast": (test[::5] - 1) / 2,
    "upside down": test[::5].flip(2),
    "test digits": test[::5],
    "negatives": -test[::5],
}
seen = {name: bits(shipped, images) for name, images in others.items()}

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained", width_ratios=[1, 2.2])
draw_images(axes[0], torch.cat([images[43:44] for images in others.values()]), columns=5, title="one of each")
for (name, values), colour in zip(seen.items(), (CRITIC, ACCENTS[2], TEN[7], REAL, TEN[6]), strict=True):
    style = (
        {"histtype": "step", "lw": 1.8, "zorder": 3} if name == "upside down" else {"alpha": 0.7}
    )  # an outline, for it lies on the test digits
    axes[1].hist(values.clamp(max=6).numpy(), bins=torch.linspace(0, 6, 61).tolist(), density=True, color=colour, label=name, **style)
axes[1].set(xlabel="bits per dimension (6 stands for 6 or more)", yticks=[], ylim=(0, 6))
axes[1].legend(fontsize=8)
show(
    figure, alt="Histograms of bits: the empty page far left of all test digits, upside-down digits near test digits, negatives far right."
)

# %%
claim("the empty page is likelier than every test digit (gap in bits)", seen["test digits"].min() - seen["empty page"].max(), at_least=0.05)
claim("digits upside down cost less than 20 % more than digits", seen["upside down"].mean() / seen["test digits"].mean(), 0.9, 1.2)

# %% [markdown]
# A flow prices pixels: background is cheap, edges are dear, whatever they depict. The empty page costs 0.1 bits, so nearly all of a digit's 1.3 bits pay for strokes and the grey levels along their edges; the difference between a digit and a stroke that is none drowns in them. That is why its samples can fail as digits while
# its likelihood is excellent, and why a likelihood alone is a poor detector of strange inputs (Nalisnick et al. 2019).
#
# ## 8. The price: memory, and how not to pay it
#
# Backpropagation keeps what each layer needs for its gradient, so memory grows with depth. A flow need not: each layer's input **can be computed from its output**. The reversible backward pass (Gomez et al. 2017) walks the chain from the end, inverts a layer, differentiates it alone and forgets it.
#
# It costs a little accuracy, for what is computed anew is rounded anew, and with a steep inverse (lesson 02a, section 7) that would show. And it costs time. A plain step is one forward and a backward of about twice that: 3. Inverting and running each layer again would make it 5, a ratio of 1.67. In a coupling the network sees the same numbers on both ways, so one evaluation serves for the inverse and for the gradient: 4, a ratio of 1.33. (Measured on two cores: 1.3 to 1.4.)


# %%
def gradients(flow, x):
    """The gradient of the mean log-density, all parameters in one vector, and the most bytes that autograd held at once."""
    flow.zero_grad()
    with StoredBytes(flow) as held:
        flow.log_density(x).mean().backward()
    return torch.cat([parameter.grad.flatten() for parameter in flow.parameters()]), held.peak


batch, depths = torch.rand(32, 1, 28, 28, generator=seed(0)), (4, 8, 16, 32)
peaks = {"plain": [], "reversible": []}
for depth in depths:
    torch.manual_seed(0)
    plain = realnvp((1, 28, 28), depth=depth // 4, width=32)
    plain.layers.initialise(batch)
    reversible = copy.deepcopy(plain)
    reversible.layers.reversible = True
    found = {name: gradients(flow, batch) for name, flow in (("plain", plain), ("reversible", reversible))}
    for name, (_, peak) in found.items():
        peaks[name].append(peak / 2**20)
    if depth == 16:
        pair, difference = (plain, reversible), (found["plain"][0] - found["reversible"][0]).norm() / found["plain"][0].norm()

# %%
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
for (name, values), colour in zip(peaks.items(), (CRITIC, ACCENTS[0]), strict=True):
    axes.plot(depths, values, "o-", color=colour, label=name)
axes.set(xlabel="coupling layers", ylabel="stored, MiB", ylim=(0, None), xticks=depths)
axes.legend()
show(
    figure,
    alt="Stored bytes grow in proportion to the number of layers with the plain backward pass and stay flat with the reversible one.",
)

# %%
claim("the reversible backward gives the same gradient (relative difference)", difference, at_most=1e-4)
claim("at 16 layers it stores at most half of the bytes (share)", peaks["reversible"][2] / peaks["plain"][2], at_most=0.5)
claim("from 16 to 32 layers its memory does not grow (ratio)", peaks["reversible"][3] / peaks["reversible"][2], at_most=1.05)

# %% tags=["nbval-ignore-output"]
seconds = {name: [] for name in peaks}
for _ in range(5):  # taken in turns; the best counts
    for name, flow in zip(seconds, pair, strict=True):
        start = time.perf_counter()
        flow.log_density(batch).mean().backward()
        seconds[name].append(time.perf_counter() - start)
print(f"16 layers: {min(seconds['reversible']) / min(seconds['plain']):.2f} times the time of the plain backward pass")

# %% [markdown]
# ## 9. Exercises
#
# ### Exercise 2.5 From nats to bits
#
# Another group dequantises 8-bit pixels to $x\in[0, 256)$, does **not** divide by 256, and models $y = \operatorname{logit}(x/256)$. They report `log_p`, the log-density of $y$ in nats. Write the bits per dimension of the pixels. Mind every change of variables: how large is a cell of $x$?


# %%
def bits_from_logit(log_p, x):
    """log_p (B,): log-density of y = logit(x / 256) in nats; x (B, D) in (0, 256) -> bits per dimension of the pixels, (B,)."""
    ### BEGIN SOLUTION
    unit = x / 256
    slope = (1 / (256 * unit * (1 - unit))).log().sum(1)  # of x -> logit(x / 256); a cell has volume 1 here
    return -(log_p + slope) / (x.shape[1] * math.log(2))
    ### END SOLUTION


# %%
@exercise("2.5")
def check_bits_from_logit(attempt):
    x = 256 * (0.05 + 0.9 * torch.rand(6, 10, generator=seed(0)))
    uniform = torch.distributions.TransformedDistribution(torch.distributions.Uniform(0.0, 1.0), torch.distributions.SigmoidTransform().inv)
    log_p = uniform.log_prob(torch.logit(x / 256)).sum(1)  # the law of y when pixels are uniform
    found = attempt(log_p, x)
    if found.shape != (6,):
        return f"one number an image is wanted, shape (6,); yours is {tuple(found.shape)}"
    if not (found - 8).abs().max() <= 1e-3:
        return f"uniform pixels cost 8 bits; you find {found.mean():.3f}"


check_bits_from_logit(bits_from_logit)

# %% [markdown]
# ### Exercise 2.6 How much likelier is a cold sample?
#
# Latents of $D$ dimensions are drawn at temperature $T$. What is the expected log-density of the prior $\mathcal N(0, I)$ at them, compared with latents at temperature 1? Give the difference in bits per dimension. It does not depend on $D$. Is a cold sample's image likelier by the same amount?


# %%
def cold_bonus(temperature):
    """Expected gain of log2 N(z; 0, I) per dimension, against temperature 1."""
    ### BEGIN SOLUTION
    return (1 - temperature**2) / 2 / math.log(2)  # E z^2 = T^2; the determinant changes too, so the image's gain is another
    ### END SOLUTION


# %%
@exercise("2.6")
def check_cold_bonus(attempt):
    z = torch.randn(1000, 784, generator=seed(0))
    for t in (0.5, 0.8, 1.2):
        wanted = ((normal_log_density(t * z) - normal_log_density(z)).mean() / 784 / math.log(2)).item()
        if not abs(float(attempt(t)) - wanted) <= 5e-3:
            return f"at T = {t} a simulation gains {wanted:.3f} bits a dimension, you say {float(attempt(t)):.3f}"


check_cold_bonus(cold_bonus)

# %% [markdown]
# ### Exercise 2.7 How much noise may hide?
#
# By (3), how large a share of a model's samples can be noise if its bits per dimension may rise by at most $\varepsilon$, in $D$ dimensions? What is it for the third decimal, $\varepsilon=0.001$, of a photograph with $3\times32\times32$ numbers?


# %%
def hidden_noise(epsilon, dimension):
    """The largest share of noise."""
    ### BEGIN SOLUTION
    return 1 - 2 ** (-epsilon * dimension)
    ### END SOLUTION


# %%
@exercise("2.7")
def check_hidden_noise(attempt):
    for epsilon, dimension in ((0.0085, 784), (0.001, 3072), (0.01, 2)):
        share_of_noise = float(attempt(epsilon, dimension))
        if not 0 <= share_of_noise < 1:
            return f"{share_of_noise:.3g} is not a share"
        loss = -math.log2(1 - share_of_noise) / dimension
        if not abs(loss / epsilon - 1) <= 1e-3:
            return f"your share {share_of_noise:.4f} costs up to {loss:.5f} bits per dimension, allowed are {epsilon}"


check_hidden_noise(hidden_noise)

# %% [markdown]
# ## Claims

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - Squeeze, masks and factor-out make couplings work on images at several scales; $z$ keeps the image's size.
# - Pixels are levels: dequantise, at evaluation too, and count the logit and the $\log 256$. Bits per dimension are a code length.
# - Inference is exact: every pixel comes back. Temperature trades variety for neatness.
# - Likelihood prices pixels, not digits: 99 % noise costs 0.0085 bits, stored digits cost hundreds, an empty page is the likeliest image.
# - An invertible chain needs no stored activations: the same gradient, a fraction of the memory, about a third more time.
#
# ## References
#
# - Behrmann, Vicol, Wang, Grosse and Jacobsen 2021, *Understanding and Mitigating Exploding Inverses in Invertible Neural Networks*. [link](https://arxiv.org/abs/2006.09347)
# - Dinh, Sohl-Dickstein and Bengio 2017, *Density estimation using Real NVP*. [link](https://arxiv.org/abs/1605.08803)
# - Gomez, Ren, Urtasun and Grosse 2017, *The Reversible Residual Network: Backpropagation Without Storing Activations*. [link](https://arxiv.org/abs/1707.04585)
# - Kingma and Dhariwal 2018, *Glow: Generative Flow with Invertible 1x1 Convolutions*. [link](https://arxiv.org/abs/1807.03039)
# - Nalisnick, Matsukawa, Teh, Gorur and Lakshminarayanan 2019, *Do Deep Generative Models Know What They Don't Know?*. [link](https://arxiv.org/abs/1810.09136)
# - Theis, van den Oord and Bethge 2016, *A note on the evaluation of generative models*. [link](https://arxiv.org/abs/1511.01844)
