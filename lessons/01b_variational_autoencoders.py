# %% [markdown]
# # 01b Variational auto-encoders
#
# After this lesson you can
# - derive the evidence lower bound, see its gap, and train through random draws;
# - write a variational auto-encoder, check it against an exact answer, choose what it draws, and measure how tight its bound is;
# - recognise its failures: a collapsed posterior, a bound taken for a likelihood, blurred samples.
#
# **You need**: [lesson 01a](01a_generative_modelling.ipynb): maximum likelihood, latent variables, and why their likelihood is out of reach.
#
# | cost | two CPU cores | Colab T4 |
# |:---|:---|:---|
# | time | 1 min 40 s | not measured |
# | peak memory | 1.2 GB | not measured |
# | download | none | none |
#
# [Open in Colab](https://colab.research.google.com/github/gan-course/gan-course/blob/main/notebooks/01b_variational_autoencoders.ipynb) · [Slides](../slides/src/01_generative_modelling.md)

# %% tags=["setup"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab only; its own torch stays
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "git+https://github.com/gan-course/gan-course"], check=True)

# %%
import math

import torch
from ipywidgets import FloatSlider, IntSlider
from matplotlib import pyplot as plt
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from course_lib import data
from course_lib.claims import claim, claims_table
from course_lib.exercises import exercise
from course_lib.losses import variational
from course_lib.models.vae import VAE, digit_vae
from course_lib.nn import mlp
from course_lib.training import fit, profile, profile_name
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, curves, draw_classes, draw_images, explore, image_grid, show
from course_lib.weights import load_pretrained

trained = profile_name() != "smoke"  # at smoke size nothing is learned, so claims about training are left out
seed = lambda number: torch.Generator().manual_seed(number)  # noqa: E731

# %% [markdown]
# ## 1. The result first
#
# The left sheet is made of digits that nobody wrote: samples of the network that this lesson builds. In the right pictures you move between two *real* digits: the encoder turns each into sixteen numbers, and
# the slider walks in a straight line from one to the other.

# %%
digits, test = data.digits("train"), data.digits("test")
shipped, plane_vae = load_pretrained("digits_vae"), load_pretrained("digits_vae2")
made = shipped.sample(60, seed(1))


@torch.no_grad()
def draw_walk(share, first, second):
    ends = shipped.encode(test.images[[100 * first + 7, 100 * second + 33]])[0]
    between = shipped.decode(torch.lerp(ends[:1], ends[1:], share))
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.9), layout="constrained", width_ratios=[3, 1, 1, 1])
    draw_images(axes[0], made, columns=12, title="samples")
    row = [test.images[100 * first + 7][None], between, test.images[100 * second + 33][None]]
    for ax, image, title in zip(axes[1:], row, ["real", f"{share:.0%} of the way", "real"], strict=True):
        draw_images(ax, image, title=title)
    return figure


explore(
    draw_walk,
    alt="Left: sixty sampled digits. Right: a real digit, a decoded digit in between, another real digit.",
    share=FloatSlider(value=0.5, min=0.0, max=1.0, step=0.05, description="way"),
    first=IntSlider(value=3, min=0, max=9, description="from the digit"),
    second=IntSlider(value=8, min=0, max=9, description="to the digit"),
)

# %% [markdown]
# ## 2. A bound we can train
#
# A latent variable model draws $z\sim p(z)=\mathcal N(0,I)$ and then $x\sim p_\theta(x\mid z)$. Its likelihood $p_\theta(x)=\int p_\theta(x\mid z)\,p(z)\,dz$ cannot be averaged from the prior (lesson 01a, section 5).
# So let $q(z\mid x)$ be any density, our guess of the posterior. Multiply and divide by it under the integral, and use Jensen's inequality for the concave logarithm:
#
# $$\log p_\theta(x)=\log\mathbb E_{q}\!\left[\frac{p_\theta(x,z)}{q(z\mid x)}\right]\ \ge\ \mathbb E_{q}\!\left[\log\frac{p_\theta(x,z)}{q(z\mid x)}\right]
# =\underbrace{\mathbb E_q[\log p_\theta(x\mid z)]}_{\text{reconstruction}}-\underbrace{\mathrm{KL}\big(q(z\mid x)\,\|\,p(z)\big)}_{\text{price of the code}}=:\mathrm{ELBO}.\tag{1}$$
#
# What was given away is known exactly. Write $p_\theta(x,z)=p_\theta(x)\,p_\theta(z\mid x)$ in the second expectation; $\log p_\theta(x)$ does not depend on $z$ and comes out:
# $\log p_\theta(x)-\mathrm{ELBO}=\mathrm{KL}\big(q(z\mid x)\,\|\,p_\theta(z\mid x)\big)\ge0$. A better guess tightens the bound.
# (EM is the same inequality, (6) of lesson 01a, with $q$ set to the exact posterior: the E step closes the gap, the M step raises the bound.)
#
# See it in one dimension, where all is known. The model: $x=2z+\varepsilon$, $\varepsilon\sim\mathcal N(0,0.8^2)$; one observation, $x=1.5$; guesses $q=\mathcal N(m,s^2)$.

# %%
observed, noise = torch.tensor(1.5), 0.8
log_evidence = Normal(0.0, math.sqrt(4 + noise**2)).log_prob(observed)
posterior = Normal(2 * observed / (4 + noise**2), noise / math.sqrt(4 + noise**2))


def elbo(m, s):
    """Equation (1) in closed form for the line model."""
    reconstruction = Normal(2 * m, noise).log_prob(observed) - (2 * s) ** 2 / (2 * noise**2)  # E_q of a quadratic
    return reconstruction - kl_divergence(Normal(m, s), Normal(0.0, 1.0))


def draw_guess(m, s):
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 2.9), layout="constrained", width_ratios=[1.6, 1])
    z, guess = torch.linspace(-2.5, 2.5, 300), Normal(torch.tensor(m), torch.tensor(s))
    axes[0].plot(z, posterior.log_prob(z).exp(), color=REAL, lw=3, alpha=0.5, label="posterior $p(z|x)$")
    axes[0].plot(z, guess.log_prob(z).exp(), color=GENERATED, label="guess $q(z|x)$")
    axes[0].plot(z, Normal(0.0, 1.0).log_prob(z).exp(), color=CRITIC, ls=":", label="prior $p(z)$")
    axes[0].set(xlabel="$z$", ylabel="density")
    axes[0].legend()
    bound, gap = elbo(guess.loc, guess.scale).item(), kl_divergence(guess, posterior).item()
    axes[1].barh([0], [bound + 6], left=-6, color=GENERATED)
    axes[1].barh([0], [gap], left=bound, color="#DDDDDD")
    axes[1].axvline(log_evidence, color=REAL, lw=3)
    axes[1].set(yticks=[], xlabel="nats", title=f"ELBO {bound:.2f} + KL {gap:.2f} = log p(x) {log_evidence:.2f}", xlim=(-6, -1.5))
    return figure


explore(
    draw_guess,
    alt="Left: posterior, guess and prior as curves. Right: an orange bar that ends at the ELBO, and the grey gap between it and log p(x).",
    m=FloatSlider(value=0.1, min=-1.5, max=1.5, step=0.05),
    s=FloatSlider(value=0.7, min=0.1, max=1.5, step=0.02),
)

# %% [markdown]
# However you move the guess, bar and gap end at the same line. Only when the curves coincide is the gap nought.

# %%
grid_m, grid_s = torch.meshgrid(torch.linspace(-1.5, 1.5, 31), torch.linspace(0.1, 1.5, 29), indexing="ij")
gap = log_evidence - elbo(grid_m, grid_s)
claim(
    "the gap of (1) is KL(q || posterior), for 899 guesses",
    (gap - kl_divergence(Normal(grid_m, grid_s), posterior)).abs().max(),
    at_most=1e-4,
)
claim("the exact posterior closes it", (log_evidence - elbo(posterior.loc, posterior.scale)).abs(), at_most=1e-5)

# %% [markdown]
# ### The price of the code, in closed form
#
# With $q(z\mid x)=\mathcal N(\mu,\mathrm{diag}\,\sigma^2)$ the second term of (1) needs no sampling:
#
# $$\mathrm{KL}\big(\mathcal N(\mu,\mathrm{diag}\,\sigma^2)\,\|\,\mathcal N(0,I)\big)=\tfrac12\sum_{j=1}^d\big(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2\big).\tag{2}$$
#
# The network gives $\log\sigma^2$, not $\sigma$: any real number is then allowed. Mixing up the two is a common mistake, and trains without an error (exercise 1.5).


# %%
def kl_to_prior(mu, log_variance):
    """Equation (2): (B, d), (B, d) -> (B,)."""
    return 0.5 * (mu**2 + log_variance.exp() - 1 - log_variance).sum(1)


mu, log_variance = torch.randn(2, 64, 16, generator=seed(5)).unbind()
by_torch = kl_divergence(Normal(mu, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
claim("the closed form (2) equals torch.distributions", (kl_to_prior(mu, log_variance) - by_torch).abs().max(), at_most=1e-4)
claim("and course_lib's", (kl_to_prior(mu, log_variance) - variational.kl_to_standard_normal(mu, log_variance)).abs().max(), at_most=1e-5)

# %% [markdown]
# ### A gradient through a draw
#
# The first term of (1) is an expectation over $q$, and $q$ is what we train. How does one differentiate $\mathbb E_{z\sim\mathcal N(\mu,\sigma^2)}[f(z)]$ in $\mu$? Two ways, both unbiased:
#
# $$\underbrace{\mathbb E\big[f(z)\,\tfrac{z-\mu}{\sigma^2}\big]}_{\text{score function}}\qquad\text{or}\qquad z=\mu+\sigma\epsilon,\ \ \underbrace{\mathbb E_{\epsilon}\big[f'(\mu+\sigma\epsilon)\big]}_{\text{reparametrised}}.\tag{3}$$
#
# The first knows only the *values* of $f$; the second its *slope*. What is the slope worth? Take $f(z)=(z-3)^2$, $\mu=0$, $\sigma=1$, where the true answer is $-6$.

# %%
epsilon = torch.randn(100_000, generator=seed(6))
score_function = (epsilon - 3) ** 2 * epsilon
reparametrised = 2 * (epsilon - 3)
claim("both gradients of (3) are unbiased: score function", score_function.mean(), -6.2, -5.8)
claim("reparametrised", reparametrised.mean(), -6.2, -5.8)
claim("the reparametrised one has at least 10 times less variance", score_function.var() / reparametrised.var(), at_least=10)

# %%
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
for values, colour, name in ((score_function, CRITIC, "score function"), (reparametrised, ACCENTS[0], "reparametrised")):
    means = values.reshape(-1, 10).mean(1)  # what a batch of 10 would say
    axes.hist(means, 120, range=(-25, 5), density=True, color=colour, alpha=0.5, label=name)
axes.axvline(-6, color=GENERATED, lw=1.5, label="true gradient")
axes.set(xlabel="gradient estimated from 10 draws", ylabel="density", yticks=[])
axes.legend()
show(figure, alt="Histograms of two gradient estimates around the true value of minus six: the score function's is several times as wide.")

# %% [markdown]
# ## 3. Is it right? A VAE whose answer is known
#
# Before any network is deep, make encoder and decoder **linear**. Then the model is probabilistic PCA (Tipping and Bishop 1999), its best likelihood is known in closed form, and `PCA.score` computes it.
# A VAE that is coded rightly must reach it. A diagonal $q$ is no handicap here: turning the latents changes nothing in the model, so the decoder is free to turn them until the exact
# posterior is diagonal ([Lucas et al. 2019](https://arxiv.org/abs/1911.02469)). Data: 8×8 digits, 64 pixels, 8 latents.
#
# A test is worth what it catches. So beside it stands a VAE with one mistake, a mean over the pixels against a sum over the latents, which is the same as a price 64 times too high. About ten seconds for both.


# %%
class LinearEncoder(nn.Module):
    """q(z|x) of probabilistic PCA: a linear mean and one variance a latent, the same for all x. (B, ...) -> (B, 2d)."""

    def __init__(self, pixels, latent):
        super().__init__()
        self.mean, self.log_variance = nn.Linear(pixels, latent), nn.Parameter(torch.zeros(latent))

    def forward(self, x):
        mean = self.mean(x.flatten(1))
        return torch.cat([mean, self.log_variance.expand_as(mean)], 1)


small = data.uci_digits("train").images.flatten(1)  # (1433, 64)
torch.manual_seed(0)
linear = VAE(LinearEncoder(64, 8), nn.Linear(8, 64), 8, lr=5e-3)
fit(linear, small, profile(smoke=5, cpu=2500, gpu=2500), batch_size=500, progress=False)
exact = PCA(8).fit(small.numpy()).score(small.numpy())  # nats an image, the best that any linear model can reach
torch.manual_seed(0)
mistaken = VAE(LinearEncoder(64, 8), nn.Linear(8, 64), 8, lr=5e-3, beta=64.0)  # mean over 64 pixels, sum over latents
fit(mistaken, small, profile(smoke=5, cpu=1000, gpu=1000), batch_size=500, progress=False)
with torch.no_grad():
    reached, missed = (torch.sub(*model.elbo_terms(small, generator=seed(0))).mean().item() for model in (linear, mistaken))

# %%
if trained:
    claim("a linear VAE reaches the exact likelihood of PCA within 1 %", abs(reached - exact) / abs(exact), at_most=0.01)
    claim("and does not exceed it by more than Monte-Carlo noise (nats)", reached - exact, at_most=0.1)
    claim("with the price 64 times too high it misses by more than 30 %", abs(missed - exact) / abs(exact), at_least=0.3)

# %% [markdown]
# A picture of the loss would not have told the two apart: both fall and settle. The number does, because the reconstruction term, its noise level, the price (2) and their balance must all be right to reach it.

# %% [markdown]
# ## 4. The variational auto-encoder on digits
#
# Kingma and Welling (2014) make both maps networks. The **encoder** gives $\mu(x)$ and $\log\sigma^2(x)$; the **decoder** gives the pixels' probabilities of ink. The loop, written out
# once: it is equation (1), with one draw (3) for each image. One encoder answers for all images at once, instead of a search for the best $\mu,\sigma$ of each: inference is **amortised**.
# Two latents, so that we can look; about 20 s.

# %%
torch.manual_seed(0)
latent = 2
encoder = mlp([784, 400, 200, 2 * latent])
decoder = mlp([latent, 200, 400, 784])
optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
bounds = []
for _ in range(profile(smoke=5, cpu=1000, gpu=5000)):
    x = digits.images[torch.randint(len(digits), (128,))]  # (128, 1, 28, 28)
    mu, log_variance = encoder(x).chunk(2, 1)  # (128, 2) each
    z = mu + (0.5 * log_variance).exp() * torch.randn_like(mu)  # (3)
    logits = decoder(z)  # (128, 784)
    ink = (x.flatten(1) + 1) / 2  # [-1, 1] -> probability of ink
    reconstruction = -F.binary_cross_entropy_with_logits(logits, ink, reduction="none").sum(1)  # log p(x|z), SUMMED over pixels
    bound = reconstruction - kl_to_prior(mu, log_variance)  # (1)
    optimiser.zero_grad()
    (-bound.mean()).backward()
    optimiser.step()
    bounds.append(bound.mean().item())

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", width_ratios=[1.4, 1])
curves({"ELBO": bounds}, ylabel="nats an image", smooth=25, axes=axes[0])
with torch.no_grad():
    draw_classes(axes[1], encoder(test.images)[:, :latent], test.labels)
axes[1].set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), title="1000 test digits, encoded")
show(
    figure,
    alt="Left: the evidence lower bound rises steeply, then slowly, over a thousand steps. Right: test digits in the latent plane, each class together, some classes overlapping.",
)

# %% [markdown]
# No label was used, yet each class lies together: some alone, like 0 and 1, some in a crowd. All together they fill about what the prior fills.
#
# `course_lib.models.vae.VAE` is the same model as a *system*: networks, an optimiser, and `step(batch, update)`, which the course's one training loop calls.
# First: is it the same? Give it our networks and compare the terms.

# %%
library = VAE(encoder, nn.Sequential(decoder, nn.Unflatten(1, (1, 28, 28))), latent, likelihood="bernoulli")
with torch.no_grad():
    log_likelihood, kl = library.elbo_terms(test.images[:200], generator=seed(1))
    mu, log_variance = encoder(test.images[:200]).chunk(2, 1)
    z = mu + (0.5 * log_variance).exp() * torch.randn(200, latent, generator=seed(1))
    by_hand = -F.binary_cross_entropy_with_logits(decoder(z), (test.images[:200].flatten(1) + 1) / 2, reduction="none").sum(1)
claim("the VAE of course_lib is the one written here: reconstruction", (log_likelihood - by_hand).abs().max(), at_most=1e-2)
claim("price of the code", (kl - kl_to_prior(mu, log_variance)).abs().max(), at_most=1e-4)

# %% [markdown]
# From here on we import. Sixteen latents and a convolutional decoder give better digits. Train yours now (about half a minute); beside it stands the network that
# ships with the course, made by the same code with more steps.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
vae = digit_vae(16, width=12, likelihood="bernoulli")
history = fit(vae, digits.images, profile(smoke=5, cpu=1000, gpu=20_000), batch_size=128, preview=8)
grids = [test.images[::20], vae.sample(50, seed(1)), shipped.sample(50, seed(1))]
show(
    image_grid(grids, ["test digits", "yours, just now", "the one that ships"], columns=10, scale=0.75),
    alt="Three grids of fifty digits: test digits, samples of the network trained live, samples of the shipped network; the last are cleaner.",
)

# %% [markdown]
# ### The latent plane
#
# What does a model with two latents learn, and how are the classes laid out? (Its widget stands in lesson 01a.) Decode a grid of points. To give each cell the same share of the prior, place it at the Gaussian's quantiles.

# %%
n = 15
quantiles = Normal(0.0, 1.0).icdf(torch.linspace(0.02, 0.98, n))
with torch.no_grad():
    sheet = plane_vae.decode(torch.cartesian_prod(quantiles.flip(0), quantiles).flip(1))
figure, axes = plt.subplots(figsize=(6.2, 6.2), layout="constrained")
draw_images(axes, sheet, columns=n)
ticks = [15 + 30 * i for i in (0, 3, 7, 11, 14)]
labels = [f"{quantiles[i]:.1f}" for i in (0, 3, 7, 11, 14)]
axes.set(xticks=ticks, xticklabels=labels, yticks=ticks, yticklabels=labels[::-1], xlabel="$z_1$", ylabel="$z_2$")
show(
    figure,
    alt="A fifteen by fifteen sheet of digits decoded from a grid in the latent plane: neighbouring digits look alike and classes change gradually.",
)

# %% [markdown]
# Neighbours look alike, and one class turns into the next. On the borders stand shapes that are no digit: the plane is connected, the set of digits is not.

# %% [markdown]
# ### Interpolation, and the honest check
#
# Walk in a straight line from one test digit's code to another's, and decode. Beside it the same walk in pixel space, which only fades. And since a model could simply have stored the training set,
# the last rows show each sample's nearest training digit.

# %%
with torch.no_grad():
    ends = shipped.encode(test.images[[210, 730]])[0]  # a 2 and a 7
    share = torch.linspace(0, 1, 10)[:, None]
    walk = shipped.decode(torch.lerp(ends[:1], ends[1:], share))
fade = torch.lerp(test.images[210:211], test.images[730:731], share[:, :, None, None])
samples = shipped.sample(10, seed(11))
nearest = digits.images[torch.cdist(samples.flatten(1), digits.images.flatten(1)).argmin(1)]
figure, axes = plt.subplots(4, 1, figsize=(6.4, 3.4), layout="constrained")
rows = {"latent walk": walk, "pixel fade": fade, "samples": samples, "nearest in\ntraining set": nearest}
for ax, (name, images) in zip(axes, rows.items(), strict=True):
    draw_images(ax, images, columns=10)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
show(
    figure,
    alt="Four rows of ten digits: a latent walk from a 2 to a 7, a pixel fade between them, ten samples, and their nearest training digits, which differ.",
)

# %%
distance, between_data = (
    torch.cdist(images.flatten(1), digits.images.flatten(1)).amin(1).mean() for images in (shipped.sample(200, seed(11)), test.images[::5])
)
claim(
    "samples are no copies: they lie at least 0.7 times as far from the training set as fresh digits", distance / between_data, at_least=0.7
)

# %% [markdown]
# ## 5. How tight is the bound? Importance weights
#
# The ELBO is what we trained, not $\log p(x)$. Averaging $K$ weights **inside** the logarithm tightens it (Burda et al. 2016):
#
# $$\mathcal L_K=\mathbb E\Big[\log\frac1K\sum_{k=1}^K\frac{p_\theta(x,z_k)}{q(z_k\mid x)}\Big],\qquad \mathcal L_1=\mathrm{ELBO}\le\mathcal L_K\le\mathcal L_{K+1}\le\log p_\theta(x).\tag{4}$$

# %%
few = test.images[::4]
weights = shipped.log_weights(few, 100, generator=seed(0))  # (100, 250)
levels = [1, 3, 10, 30, 100]
by_level = {k: variational.importance_bound(weights[:k]).mean().item() for k in levels}
by_level[1] = weights.mean().item()  # K = 1 averages all hundred draws
rises = torch.tensor(list(by_level.values())).diff()
claim("the bound (4) rises with K", rises.min(), at_least=0)
claim("from the ELBO to K = 100 by this many nats", by_level[100] - by_level[1], 0.5, 20)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.plot(levels, list(by_level.values()), "o-", color=REAL)
axes.set(xscale="log", xlabel="$K$", ylabel="nats an image", title="Importance-weighted bound on 250 test digits")
axes.set_xticks(levels, levels)
axes.minorticks_off()
show(figure, alt="The importance-weighted bound rises with the number of samples K, ever more slowly, and has not flattened at 100.")

# %% [markdown]
# The curve has not flattened yet: $q$ is not the posterior. A diagonal Gaussian is too simple for it, and one network must guess it for all images. What we report as "the likelihood of a VAE" is always a bound, and depends on $K$.
#
# One more caution. We read grey values as probabilities of ink. That is customary, and useful, but it is not a density of grey images. Bounds of two papers compare only when the likelihood is the same.

# %% [markdown]
# ## 6. Choosing the class: the conditional VAE
#
# Give encoder and decoder the label $y$ as well ([Kingma et al. 2014](https://arxiv.org/abs/1406.5298); Sohn et al. 2015, whose prior depends on $y$ too). Everything in (1) is then conditioned on $y$:
#
# $$\log p_\theta(x\mid y)\ \ge\ \mathbb E_{q(z\mid x,y)}[\log p_\theta(x\mid z,y)]-\mathrm{KL}\big(q(z\mid x,y)\,\|\,p(z)\big).\tag{5}$$
#
# The prior is the same for every class. A latent that said *which* digit would pay for what the label tells for nothing, so it learns to say only *how it is written*. Yours, with four latents (about 40 s), beside the one
# that ships, with eight and five times the steps.

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
cvae = digit_vae(4, classes=10, width=12, likelihood="bernoulli", lr=3e-3)
fit(cvae, digits, profile(smoke=5, cpu=1000, gpu=20_000), batch_size=128)
shipped_cvae = load_pretrained("digits_cvae")
asked, sheets = torch.arange(10).repeat(10), []
for model in (cvae, shipped_cvae):
    styles = torch.randn(10, model.latent, generator=seed(3)).repeat_interleave(10, 0)  # one handwriting a row
    with torch.no_grad():
        sheets.append(model.decode(styles, asked))
show(
    image_grid(sheets, ["yours: one handwriting a row, one class a column", "the one that ships"], columns=10),
    alt="Two sheets of one hundred digits. Columns hold the classes 0 to 9, rows a common handwriting: thick, thin, slanted.",
)

# %% [markdown]
# Does it write what it was asked for? A classifier that was trained on real digits only (99 % right on the test set) reads 1000 samples of each model.

# %%
reader = load_pretrained("digits_classifier")
asked = torch.arange(1000) % 10
with torch.no_grad():
    latents = {
        "live": torch.randn(1000, cvae.latent, generator=seed(2)),
        "shipped": torch.randn(1000, shipped_cvae.latent, generator=seed(2)),
    }
    read_right = {
        name: (reader(model.decode(latents[name], asked)).argmax(1) == asked).double()
        for name, model in (("live", cvae), ("shipped", shipped_cvae))
    }
    known = shipped_cvae.encode(digits.images, digits.labels)[0]  # where the encoder puts the training digits
away = torch.stack([(known[digits.labels == y] - z).norm(dim=1).min() for z, y in zip(latents["shipped"], asked, strict=True)])
near, far = read_right["shipped"][away <= away.median()].mean(), read_right["shipped"][away > away.median()].mean()
if trained:
    claim("the CVAE trained here is read as the class asked for, after a thousand steps", read_right["live"].mean(), at_least=0.85)
claim("the one that ships is read as the class asked for", read_right["shipped"].mean(), at_least=0.9)
claim("latents near a training code of the class asked for are read right", near, at_least=0.98)
claim("the more remote half of them is read wrong this much more often", near - far, at_least=0.03)

# %% [markdown]
# Where do the misread ones come from? The last two claims say it: from corners of the prior where the encoder put no digit of that class. The decoder was never trained there. The fewer latents
# and the longer the training, the fewer such corners. With eight latents and the same thousand steps many more are misread: try it.

# %% [markdown]
# ## 7. Beta, and a posterior that collapses
#
# Weigh the price: $\mathbb E_q[\log p_\theta(x\mid z)]-\beta\,\mathrm{KL}$ (Higgins et al. 2017). A large $\beta$ makes codes expensive. What if they are too expensive to be worth having?
# Train four small VAEs, about half a minute in all.

# %%
betas = [0.1, 1.0, 10.0, 100.0]
family = {}
for beta in betas:
    torch.manual_seed(0)
    model = VAE(mlp([784, 200, 16]), nn.Sequential(mlp([8, 200, 784]), nn.Unflatten(1, (1, 28, 28))), 8, likelihood="bernoulli", beta=beta)
    fit(model, digits.images, profile(smoke=5, cpu=800, gpu=5000), batch_size=128, progress=False)
    mean, log_variance = model.encode(test.images)
    price = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0).detach()  # (8,): (2) latent by latent
    with torch.no_grad():
        family[beta] = model.sample(8, seed(8)), model.decode(mean[::125]), price

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(len(betas), 3, figsize=(9, 3.9), layout="constrained", width_ratios=[2, 2, 1.2])
for row, (beta, (made, rebuilt, price)) in zip(axes, family.items(), strict=True):
    draw_images(row[0], made, columns=8)
    draw_images(row[1], rebuilt, columns=8)
    row[0].set_ylabel(f"$\\beta$ = {beta:g}", rotation=0, ha="right", va="center")
    row[2].bar(range(1, 9), sorted(price.tolist(), reverse=True), color=ACCENTS[0])
    row[2].set(ylim=(0, 8), xticks=[], yticks=[0, 4, 8])
for ax, title in zip(axes[0], ["samples", "test digits, rebuilt", "nats in each latent"], strict=True):
    ax.set_title(title)
show(
    figure,
    alt="Rows for four values of beta. Small beta: good reconstructions, poor samples, all latents used. Large beta: fewer latents, finally the mean image only.",
)

# %%
if trained:
    totals = {beta: price.sum().item() for beta, (_, _, price) in family.items()}
    claim("the code gets shorter as beta grows", max(totals[b] - totals[a] for a, b in zip(betas, betas[1:], strict=False)), at_most=0)
    claim("at beta = 100 the posterior has collapsed: nats in the code", totals[100.0], at_most=0.1)
    same = family[100.0][0]
    claim("and all samples are nearly one picture (mean difference of a pixel)", (same - same.mean(0)).abs().mean(), at_most=0.03)

# %% [markdown]
# From top to bottom the model forgets how to copy. At $\beta=0.1$ it rebuilds well, but codes lie where the prior never goes, so samples are poor. At $\beta=100$ every latent has been given up: the
# **posterior collapsed** onto the prior, the decoder ignores $z$, and draws the mean of all digits. It happens at $\beta=1$ too, when a decoder is strong enough to do without $z$
# ([Bowman et al. 2016](https://arxiv.org/abs/1511.06349)).
#
# ### When is a latent worth its price? The linear answer
#
# Is collapse a failure of the training? Ask the one model whose optimum is known. Let $\lambda_1\ge\lambda_2\ge\dots$ be the eigenvalues of the data's covariance, and hold the variance $\sigma^2$ of a pixel fixed.
# At the optimum of the linear VAE of section 3 the $j$-th latent holds
#
# $$\tfrac12\max\Big(0,\ \log\frac{\lambda_j}{\beta\,\sigma^2}\Big)\ \text{nats}.\tag{6}$$
#
# A direction in which the data vary less than $\beta\sigma^2$ is not worth a code: its latent collapses because that *is* the optimum (Tipping and Bishop 1999; Lucas et al. 2019).
# And $\sigma^2$ weighs as much as $\beta$: setting it to 1, as a plain squared error does, instead of learning it, has a price. Which one? About seven seconds.

# %%
torch.manual_seed(0)
fixed = VAE(LinearEncoder(64, 8), nn.Linear(8, 64), 8, lr=5e-3)
fixed.log_variance.requires_grad_(False).zero_()  # sigma^2 = 1 for good; section 3 learned it
fit(fixed, small, profile(smoke=5, cpu=2000, gpu=2500), batch_size=500, progress=False)
eigenvalues = torch.linalg.eigvalsh(torch.cov(small.T, correction=0)).flip(0)[:8]
nats = {}
for name, model in (("learned", linear), ("held at 1", fixed)):
    with torch.no_grad():
        mean, log_variance = model.encode(small)
        held = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0).sort(descending=True).values
        nats[name] = held, 0.5 * (eigenvalues / model.log_variance.exp()).log().clamp(min=0)  # trained; equation (6)
if trained:
    held, foretold = nats["held at 1"]
    claim("with sigma^2 = 1 each latent holds what (6) says (nats)", (held - foretold).abs().max(), at_most=0.1)
    claim("then at least three of eight latents are given up", (held < 0.05).sum(), at_least=3)
    claim("with the learned sigma^2 none is", (nats["learned"][0] < 0.5).sum(), at_most=0)

# %% tags=["nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained", sharey=True)
for ax, (name, (held, foretold)) in zip(axes, nats.items(), strict=True):
    ax.bar(range(1, 9), held, color=ACCENTS[0], label="trained")
    ax.plot(range(1, 9), foretold, "_", ms=22, mew=2, color=CRITIC, label="equation (6)")
    ax.set(title=f"$\\sigma^2$ {name}", xlabel="latent, largest first", xticks=range(1, 9))
axes[0].set(ylabel="nats")
axes[1].legend()
show(
    figure,
    alt="Bars of the nats in eight latents with dashes for the theory on their tops: all eight hold about a nat or more, or with fixed variance only four do.",
)

# %% [markdown]
# ## 8. Why do the samples blur?
#
# Two reasons. The decoder gives the **mean** of all pictures that are compatible with $z$, and a mean of shifted strokes is a smear. And maximum likelihood (lesson 01a) punishes missing a
# digit far more than making a bad one, so the model also covers the ground between digits. Reconstructions suffer from the first alone, samples from both. Measure sharpness as the mean absolute step between neighbouring pixels, on reals, reconstructions, and samples.


# %%
def sharpness(images):
    """Mean absolute difference of horizontal and vertical neighbours."""
    return (images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()).item()


with torch.no_grad():
    rebuilt = shipped.decode(shipped.encode(test.images)[0])
    sampled = shipped.sample(1000, seed(3))
    noisy = 2 * torch.bernoulli((sampled + 1) / 2, generator=seed(3)) - 1  # what the model really says: a coin for each pixel
ratio = {
    name: sharpness(images) / sharpness(test.images) for name, images in (("rebuilt", rebuilt), ("sampled", sampled), ("noisy", noisy))
}
claim("reconstructions are smoother than real digits", ratio["rebuilt"], 0.5, 0.97)
claim("and so are samples", ratio["sampled"], 0.5, 0.97)
claim("the model's honest samples, a coin a pixel, are rougher than real digits", ratio["noisy"], at_least=1.05)

# %%
choice = torch.arange(0, 1000, 100) + 7
figure, axes = plt.subplots(4, 1, figsize=(6.4, 3.4), layout="constrained")
rows = {"real": test.images[choice], "rebuilt": rebuilt[choice], "sampled": sampled[:10], "sampled, with\nits pixel noise": noisy[:10]}
for ax, (name, images) in zip(axes, rows.items(), strict=True):
    draw_images(ax, images, columns=10)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
show(
    figure, alt="Four rows of ten digits: real, reconstructed and slightly soft, sampled and soft, and sampled with pixel noise, speckled."
)

# %% [markdown]
# Reconstructions keep about five sixths of the real digits' sharpness, samples three quarters. The last row is what the model *says*: it believes in speckle. What everybody shows, and we too, is the mean. A pixel-wise likelihood has no word for "this edge is sharp, I just do not know where".
# To judge a picture as a whole one needs a critic that looks at the whole picture. That is lesson 03.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1.4 Two Gaussians
#
# Generalise (2): the KL divergence between two diagonal Gaussians, $\mathrm{KL}(\mathcal N(\mu_1,\sigma_1^2)\,\|\,\mathcal N(\mu_2,\sigma_2^2))$, summed over dimensions.


# %%
def kl_gaussians(mean1, log_variance1, mean2, log_variance2):
    """(B, d) each -> (B,)."""
    ### BEGIN SOLUTION
    difference = (mean1 - mean2) ** 2
    return 0.5 * (log_variance2 - log_variance1 + (log_variance1.exp() + difference) / log_variance2.exp() - 1).sum(1)
    ### END SOLUTION


# %%
@exercise("1.4")
def check_kl_gaussians(attempt):
    a, b, c, d = torch.randn(4, 6, 3, generator=seed(0)).unbind()
    if not torch.allclose(attempt(a, b, a, b), torch.zeros(6), atol=1e-5):
        return "the divergence of a Gaussian from itself is 0, yours is not"
    if torch.allclose(attempt(a, b, c, d), kl_divergence(Normal(c, (d / 2).exp()), Normal(a, (b / 2).exp())).sum(1), atol=1e-4):
        return "the two Gaussians are exchanged: KL is not symmetric, the first argument is the one we average under"
    if not torch.allclose(attempt(a, b, c, d), kl_divergence(Normal(a, (b / 2).exp()), Normal(c, (d / 2).exp())).sum(1), atol=1e-4):
        return "the value differs from torch.distributions; look at the factor 1/2 and at log-variance against standard deviation"


check_kl_gaussians(kl_gaussians)

# %% [markdown]
# ### Exercise 1.5 Find the mistake
#
# This line looks right and is not: `z = mu + log_variance * torch.randn_like(mu)`. It trains without an error. Write the right one.


# %%
def draw_code(mu, log_variance, epsilon):
    """A sample of N(mu, diag sigma^2) from standard normal epsilon, all (B, d)."""
    ### BEGIN SOLUTION
    return mu + (0.5 * log_variance).exp() * epsilon
    ### END SOLUTION


# %%
@exercise("1.5")
def check_draw_code(attempt):
    epsilon = torch.randn(50_000, 1, generator=seed(0))
    drawn = attempt(torch.full((50_000, 1), 2.0), torch.full((50_000, 1), math.log(9.0)), epsilon)
    spread = drawn.std().item()
    if abs(spread - math.log(9.0)) < 0.05:
        return "the log-variance itself was used as the standard deviation"
    if abs(spread - 9) < 0.2:
        return "that is the variance; a sample is spread by the standard deviation, its square root"
    if not abs(spread - 3) <= 0.05:
        return f"for a variance of 9 the samples' standard deviation should be 3, yours is {spread:.2f}"
    if not abs(drawn.mean().item() - 2) <= 0.1:
        return f"the spread is right, but the samples should lie about mu: their mean is {drawn.mean():.2f} where mu is 2"


check_draw_code(draw_code)

# %% [markdown]
# ### Exercise 1.6 How noisy is a pixel?
#
# With a Gaussian likelihood, $\log p_\theta(x\mid z)=\log\mathcal N(x;\hat x,\sigma^2 I)$, one number $\sigma^2$ balances reconstruction and price. Which $\sigma^2$ is most likely, given the reconstructions $\hat x$?
# (Setting it to 1 and taking the squared error is a frequent choice. Section 7 showed what it costs.)


# %%
def best_variance(images, rebuilt):
    """images, rebuilt: (B, C, H, W). Returns the variance of a pixel that maximises the likelihood, a scalar."""
    ### BEGIN SOLUTION
    return (images - rebuilt).square().mean()
    ### END SOLUTION


# %%
@exercise("1.6")
def check_best_variance(attempt):
    images = torch.randn(50, 1, 8, 8, generator=seed(0))
    rebuilt = images + 0.3 * torch.randn(50, 1, 8, 8, generator=seed(1))
    value = attempt(images, rebuilt)
    if getattr(value, "shape", torch.Size()).numel() > 1:
        return f"one number for all images and pixels was asked for, yours has the shape {tuple(value.shape)}"
    value = float(value)
    if abs(value - 0.09) < 0.01:
        return None
    if abs(value - 0.3) < 0.02:
        return "that is the standard deviation; the variance was asked for"
    if value > 2:
        return "this grows with the number of pixels: average over all of them, do not sum"
    return f"the residuals here have standard deviation 0.3, so the answer is about 0.09; yours is {value:.3f}"


check_best_variance(best_variance)

# %% [markdown]
# ## Claims
#
# What this run has just shown, with its own numbers.

# %% tags=["nbval-ignore-output"]
claims_table()

# %% [markdown]
# ## Summary
#
# - The ELBO replaces the posterior by a guess $q$ and loses exactly $\mathrm{KL}(q\,\|\,\text{posterior})$; EM is the case where the guess is exact.
# - Reparametrised draws carry the slope of what they feed, which makes the gradient usable.
# - A linear VAE reaches PCA's exact likelihood: a test that catches what falling losses hide.
# - Every "likelihood of a VAE" is a bound that depends on $K$ and on the pixels' likelihood; a latent that is not worth its price collapses.
# - Decoders give means, so samples blur. What is missing is a critic that looks at whole pictures: lesson 03.
#
# ## References
#
# - Tipping and Bishop 1999, *Probabilistic principal component analysis*. [doi:10.1111/1467-9868.00196](https://doi.org/10.1111/1467-9868.00196)
# - Kingma and Welling 2014, *Auto-encoding variational Bayes*. [arXiv:1312.6114](https://arxiv.org/abs/1312.6114)
# - Sohn, Lee and Yan 2015, *Learning structured output representation using deep conditional generative models*. [NeurIPS 2015](https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html)
# - Burda, Grosse and Salakhutdinov 2016, *Importance weighted autoencoders*. [arXiv:1509.00519](https://arxiv.org/abs/1509.00519)
# - Higgins et al. 2017, *beta-VAE: learning basic visual concepts with a constrained variational framework*. [OpenReview](https://openreview.net/forum?id=Sy2fzU9gl)
# - Kingma, Rezende, Mohamed and Welling 2014, *Semi-supervised learning with deep generative models*. [arXiv:1406.5298](https://arxiv.org/abs/1406.5298)
# - Bowman et al. 2016, *Generating sentences from a continuous space*. [arXiv:1511.06349](https://arxiv.org/abs/1511.06349)
# - Lucas, Tucker, Grosse and Norouzi 2019, *Don't blame the ELBO! A linear VAE perspective on posterior collapse*. [arXiv:1911.02469](https://arxiv.org/abs/1911.02469)
