"""Figures of the deck on generative modelling. Those that need numbers compute them as lessons 01a and 01b do."""

import math

import torch
from matplotlib import pyplot as plt
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import Normal, kl_divergence

from course_lib import data
from course_lib.losses import variational
from course_lib.models.gmm import GaussianMixture, fit_mixture, kmeans_plus_plus
from course_lib.models.vae import VAE
from course_lib.nn import mlp
from course_lib.training import fit
from course_lib.viz import ACCENTS, CRITIC, GENERATED, REAL, draw_classes, draw_images, draw_map, draw_points
from course_lib.weights import load_pretrained


def seed(number):
    return torch.Generator().manual_seed(number)


def canvas(columns=1, width=9.0, height=3.6, **options):
    return plt.subplots(1, columns, figsize=(width, height), layout="constrained", **options)


def two_kinds():
    points = data.toy2d("moons", 700, seed(0))
    upper = (points[:, 1] > 0.35 * torch.cos(math.pi * (points[:, 0] + 0.75) / 1.5)).float()
    torch.manual_seed(0)
    classifier = mlp([2, 32, 32, 1])
    optimiser = torch.optim.Adam(classifier.parameters(), 1e-2)
    for _ in range(200):
        loss = nn.functional.binary_cross_entropy_with_logits(classifier(points)[:, 0], upper)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    density = fit_mixture(points.double(), 8, seed(0))
    where, stranger = (-4, 6.5, -5, 3.5), (5.3, -4.0)
    figure, axes = canvas(2)
    draw_map(axes[0], lambda x: torch.sigmoid(classifier(x)) - 0.5, where, kind="scores")
    draw_map(axes[1], lambda x: density.log_density(x.double()).exp() ** 0.3, where)
    for ax, ink, title in zip(axes, ("k", "w"), ("which moon is it?", "how likely is such a point?"), strict=True):
        ax.scatter(*points.T, s=4, color=ink, alpha=0.6, lw=0, rasterized=True)
        ax.plot(*stranger, marker="*", ms=18, color=ACCENTS[2], mec="k", mew=0.8)
        ax.set(title=title, xticks=[], yticks=[])
    return figure


def one_gaussian():
    x = torch.cat([torch.randn(400, generator=seed(1)) * 0.5 - 2, torch.randn(600, generator=seed(2)) * 0.8 + 1.5])
    line = torch.linspace(-5, 5, 400)
    figure, axes = canvas(height=3.0)
    axes.hist(x.numpy(), 50, density=True, color=REAL, alpha=0.4, label="data")
    axes.plot(line, Normal(x.mean(), x.std()).log_prob(line).exp(), color=GENERATED, lw=3, label="most likely Gaussian")
    axes.set(xlabel="$x$", ylabel="density")
    axes.legend()
    return figure


def ellipses(axes, mixture):
    for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        values, vectors = torch.linalg.eigh(covariance)
        width, height = (4 * values.flip(0).sqrt()).tolist()
        angle = math.degrees(math.atan2(vectors[1, 1], vectors[0, 1]))
        axes.add_patch(
            Ellipse(mean.tolist(), width, height, angle=angle, fc=GENERATED, alpha=0.06 + 0.5 * float(weight), ec=GENERATED, lw=1.5)
        )


def expectation_maximisation():
    points, k = data.toy2d("spiral", 800, seed(3)).double(), 12
    figure, axes = canvas(4, width=11.5, height=3.2, sharex=True, sharey=True)
    for ax, iterations in zip(axes, (0, 2, 8, 60), strict=True):
        start = torch.full((k,), 1 / k).double(), kmeans_plus_plus(points, k, seed(0), sweeps=0), torch.eye(2).double().repeat(k, 1, 1)
        mixture = GaussianMixture(*start)
        if iterations:
            mixture.fit(points, iterations=iterations, tolerance=0)
        draw_points(ax, real=points, size=4)
        ellipses(ax, mixture)
        score = mixture.log_density(points).mean()
        ax.set(title=f"{iterations} iterations: {score:.2f}", xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[])
    return figure


def touching_bounds():
    x = torch.cat([torch.randn(400, generator=seed(1)) * 0.5 - 2, torch.randn(600, generator=seed(2)) * 0.8 + 1.5])

    def joint(mu):
        left, right = Normal(-2.0, 1.5).log_prob(x), Normal(mu[:, None], 1.5).log_prob(x)
        return torch.stack([left.expand_as(right) + math.log(0.4), right + math.log(0.6)], 2)  # (G, N, 2)

    grid, mu = torch.linspace(-6, 5, 221), torch.tensor([-4.0])
    figure, axes = canvas(height=2.9)
    axes.plot(grid, joint(grid).logsumexp(2).mean(1), color=REAL, lw=3, label="log-likelihood")
    for step, colour in enumerate(ACCENTS[:3]):
        r = joint(mu)[0].softmax(1)
        bound = (r * joint(grid) + torch.special.entr(r)).sum(2).mean(1)
        axes.plot(grid, bound, color=colour, ls="--", label=f"bound after E step {step + 1}")
        axes.plot(mu, joint(mu).logsumexp(2).mean(), "o", color=colour)
        mu = (r[:, 1] @ x / r[:, 1].sum())[None]
    axes.set(xlabel="mean of the right component", ylabel="nats a point", ylim=(-4.6, -1.6))
    figure.legend(loc="outside right center")
    return figure


def mixture_digits():
    digits, test = data.digits("train"), data.digits("test")
    pca = PCA(30, random_state=0).fit(digits.images.flatten(1).numpy())
    train, held_out = (torch.from_numpy(pca.transform(part.images.flatten(1).numpy())).double() for part in (digits, test))
    sizes, scores = (1, 5, 20, 60, 150), {}
    for k in sizes:
        mixture = fit_mixture(train, k, seed(0), floor=0.5, iterations=15)
        scores[k] = mixture.log_density(train).mean(), mixture.log_density(held_out).mean()
        if k == 60:
            made = torch.from_numpy(pca.inverse_transform(mixture.sample(30, seed(4)).numpy())).float().reshape(-1, 1, 28, 28)
    figure, axes = canvas(2, width=10, height=3.4, width_ratios=[1, 1.5])
    for column, (name, colour) in enumerate((("training digits", ACCENTS[0]), ("test digits", REAL))):
        axes[0].plot(sizes, [float(scores[k][column]) for k in sizes], "o-", color=colour, label=name)
    axes[0].set(xscale="log", xlabel="components $K$", ylabel="nats a digit", xticks=sizes, xticklabels=sizes)
    axes[0].minorticks_off()
    axes[0].legend()
    draw_images(axes[1], made, title="drawn from 60 components")
    return figure


def monte_carlo():
    dimensions, short = (1, 2, 3, 5, 8, 12, 20), {100: [], 1000: [], 10_000: []}
    for d in dimensions:
        x = math.sqrt(4.09) * torch.randn(100, d, generator=seed(d))
        exact = Normal(0.0, math.sqrt(4.09)).log_prob(x).sum(1)
        for samples, record in short.items():
            z = torch.randn(samples, 1, d, generator=seed(0))
            guess = Normal(2 * z, 0.3).log_prob(x).sum(2).logsumexp(0) - math.log(samples)
            record.append(float((exact - guess).mean()))
    figure, axes = canvas(height=3.4)
    for (samples, record), colour in zip(short.items(), (ACCENTS[3], REAL, CRITIC), strict=True):
        axes.plot(dimensions, record, "o-", color=colour, label=f"{samples:,} draws from the prior")
    axes.set(xticks=(1, 5, 8, 12, 20), xlabel="latent dimension $d$", ylabel="nats missing")
    axes.legend()
    return figure


def bound_and_gap():
    x, noise = torch.tensor(1.5), 0.8
    evidence = Normal(0.0, math.sqrt(4 + noise**2)).log_prob(x)
    posterior = Normal(2 * x / (4 + noise**2), noise / math.sqrt(4 + noise**2))
    guesses = {"far off": Normal(-0.2, 0.5), "too wide": Normal(0.65, 0.8), "the posterior": posterior}
    line = torch.linspace(-2.2, 2.2, 300)
    figure, axes = canvas(2, width=10.5, height=3.3, width_ratios=[1.2, 1])
    axes[0].plot(line, posterior.log_prob(line).exp(), color=REAL, lw=6, alpha=0.35, label="posterior")
    for row, ((name, guess), colour) in enumerate(zip(guesses.items(), (GENERATED, ACCENTS[0], CRITIC), strict=True)):
        axes[0].plot(line, guess.log_prob(line).exp(), color=colour, label=f"$q$: {name}", ls="--" if row == 2 else "-")
        gap = float(kl_divergence(guess, posterior))
        axes[1].barh(row, float(evidence) - gap + 6, left=-6, color=colour)  # each bar starts at the left edge and ends at the ELBO
        axes[1].barh(row, gap, left=float(evidence) - gap, color="#d5dbe1")
    axes[0].set(xlabel="$z$", ylabel="density")
    axes[0].set_ylim(0, 1.6)
    axes[0].legend(loc="upper left", ncols=2)
    axes[1].axvline(float(evidence), color=REAL, lw=4)
    axes[1].set(
        xlim=(-6, -1.5),
        yticks=range(3),
        yticklabels=list(guesses),
        xlabel="nats: ELBO, and in grey the gap",
        title=f"$\\log p(x)$ = {evidence:.2f}",
    )
    axes[1].invert_yaxis()
    return figure


def two_gradients():
    noise = torch.randn(100_000, generator=seed(6))
    figure, axes = canvas(height=3.1)
    for values, colour, name in (((noise - 3) ** 2 * noise, CRITIC, "score function"), (2 * (noise - 3), ACCENTS[0], "reparametrised")):
        spread = float(values.std())
        axes.hist(
            values.reshape(-1, 10).mean(1).numpy(),
            120,
            range=(-30, 15),
            density=True,
            color=colour,
            alpha=0.5,
            label=f"{name}, std {spread:.1f}",
        )
    axes.axvline(-6, color=GENERATED, label="true gradient")
    axes.set(xlabel="gradient estimated from 10 draws", ylabel="density", yticks=[])
    axes.legend()
    return figure


def box(axes, x, text, colour, width=1.5, height=1.0):
    axes.add_patch(FancyBboxPatch((x - width / 2, -height / 2), width, height, boxstyle="round,pad=0.06", fc=colour, ec="none"))
    axes.text(x, 0, text, color="white", ha="center", va="center", fontsize=14)


def autoencoder():
    digit = data.digits("test").images[210:211]
    network = load_pretrained("digits_vae2")
    with torch.no_grad():
        rebuilt = network.decode(network.encode(digit)[0])
    figure, axes = canvas(width=11, height=2.2)
    for place, image, name in ((0, digit, "$x$"), (10.4, rebuilt, "$\\hat x$")):
        axes.imshow(image[0, 0], extent=(place - 0.7, place + 0.7, -0.7, 0.7), cmap="gray", zorder=2)
        axes.text(place, -1.0, name, ha="center", va="center", fontsize=15)
    box(axes, 2.4, "encoder", REAL)
    box(axes, 8.0, "decoder", GENERATED)
    axes.text(4.25, 0.32, "$\\mu$", ha="center", va="center", fontsize=16)
    axes.text(4.25, -0.32, "$\\log\\sigma^2$", ha="center", va="center", fontsize=16)
    axes.text(6.0, 0, "$z=\\mu+\\sigma\\,\\epsilon$", ha="center", va="center", fontsize=16)
    axes.text(6.0, -0.95, "$\\epsilon\\sim\\mathcal{N}(0, I)$", ha="center", va="center", fontsize=14, color=CRITIC)
    for start, end in ((0.8, 1.5), (3.3, 3.85), (4.7, 5.1), (6.9, 7.15), (8.9, 9.6)):
        axes.add_patch(FancyArrowPatch((start, 0), (end, 0), arrowstyle="-|>", mutation_scale=16, color=CRITIC))
    axes.add_patch(FancyArrowPatch((6.0, -0.72), (6.0, -0.25), arrowstyle="-|>", mutation_scale=14, color=CRITIC))
    axes.set(xlim=(-0.8, 11.2), ylim=(-1.25, 0.85), aspect="equal")
    axes.axis("off")
    return figure


def latent_codes():
    digits, network = data.digits("test"), load_pretrained("digits_vae2")
    with torch.no_grad():
        codes = network.encode(digits.images)[0]
    figure, axes = canvas(width=5.6, height=5.0)
    draw_classes(axes, codes, digits.labels, size=9, fontsize=19)
    axes.set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), aspect="equal")
    return figure


def latent_sheet():
    quantiles = Normal(0.0, 1.0).icdf(torch.linspace(0.02, 0.98, 14))
    with torch.no_grad():
        sheet = load_pretrained("digits_vae2").decode(torch.cartesian_prod(quantiles.flip(0), quantiles).flip(1))
    figure, axes = canvas(width=5.2, height=5.0)
    draw_images(axes, sheet, columns=14)
    axes.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def samples():
    digits, network = data.digits("test"), load_pretrained("digits_vae")
    figure, axes = canvas(2, width=10, height=3.0)
    draw_images(axes[0], digits.images[::34][:30], title="test digits")
    draw_images(axes[1], network.sample(30, seed(1)), title="samples")
    return figure


def walk():
    digits, network = data.digits("test"), load_pretrained("digits_vae")
    share = torch.linspace(0, 1, 10)[:, None]
    with torch.no_grad():
        ends = network.encode(digits.images[[210, 730]])[0]
        latent = network.decode(torch.lerp(ends[:1], ends[1:], share))
    fade = torch.lerp(digits.images[210:211], digits.images[730:731], share[:, :, None, None])
    figure, axes = plt.subplots(2, 1, figsize=(9, 2.3), layout="constrained")
    for ax, images, name in zip(axes, (latent, fade), ("in the latent", "in the pixels"), strict=True):
        draw_images(ax, images)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def importance():
    network, levels = load_pretrained("digits_vae"), (1, 3, 10, 30, 100)
    with torch.no_grad():
        weights = network.log_weights(data.digits("test").images[::5], 100, generator=seed(0))
    bounds = [float(weights.mean()) if k == 1 else float(variational.importance_bound(weights[:k]).mean()) for k in levels]
    figure, axes = canvas(height=2.9)
    axes.plot(levels, bounds, "o-", color=REAL)
    axes.set(xscale="log", xlabel="$K$", ylabel="nats a digit", xticks=levels, xticklabels=levels)
    axes.minorticks_off()
    return figure


def conditional():
    styles = torch.randn(6, 8, generator=seed(3)).repeat_interleave(10, 0)
    with torch.no_grad():
        sheet = load_pretrained("digits_cvae").decode(styles, torch.arange(10).repeat(6))
    figure, axes = canvas(width=6.6, height=4.1)
    draw_images(axes, sheet)
    axes.set(xlabel="the class asked for, 0 to 9", ylabel="one $z$ a row")
    return figure


def collapse():
    digits, test = data.digits("train"), data.digits("test")
    betas = (0.1, 1.0, 100.0)
    figure, axes = plt.subplots(3, 3, figsize=(10.5, 3.4), layout="constrained", width_ratios=[2, 2, 1])
    for row, beta in zip(axes, betas, strict=True):
        torch.manual_seed(0)
        decoder = nn.Sequential(mlp([8, 200, 784]), nn.Unflatten(1, (1, 28, 28)))
        model = VAE(mlp([784, 200, 16]), decoder, 8, likelihood="bernoulli", beta=beta)
        fit(model, digits.images, 400, batch_size=128, progress=False)
        with torch.no_grad():
            mean, log_variance = model.encode(test.images)
            rebuilt = model.decode(mean[::125])
        nats = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(0)
        draw_images(row[0], model.sample(8, seed(5)))
        draw_images(row[1], rebuilt)
        row[0].set_ylabel(f"$\\beta$ = {beta:g}", rotation=0, ha="right", va="center")
        row[2].bar(range(8), sorted(nats.tolist(), reverse=True), color=ACCENTS[0])
        row[2].set(ylim=(0, 8), xticks=[], yticks=[0, 8])
    for ax, title in zip(axes[0], ("samples", "test digits, rebuilt", "nats a latent"), strict=True):
        ax.set_title(title)
    return figure


def smear():
    x, shifts = torch.linspace(-3, 3, 600), torch.linspace(-0.9, 0.9, 19)
    strokes = [((x - shift).abs() < 0.5).float() for shift in shifts]
    figure, axes = canvas(height=2.8)
    for index, stroke in enumerate(strokes):
        axes.plot(x, stroke, color=REAL, lw=0.8, alpha=0.45, label="strokes that fit $z$" if index == 0 else None)
    axes.plot(x, torch.stack(strokes).mean(0), color=GENERATED, lw=3, label="their mean, which the decoder says")
    axes.set(xlabel="pixel", ylabel="ink", yticks=[0, 1])
    figure.legend(loc="outside right center")
    return figure


def blur():
    digits, network = data.digits("test"), load_pretrained("digits_vae")
    chosen = torch.arange(0, 1000, 100) + 7
    with torch.no_grad():
        rebuilt = network.decode(network.encode(digits.images[chosen])[0])
        sampled = network.sample(10, seed(3))
    noisy = 2 * torch.bernoulli(((sampled + 1) / 2).clamp(0, 1), generator=seed(3)) - 1
    figure, axes = plt.subplots(4, 1, figsize=(9, 3.9), layout="constrained")
    names = ("real", "rebuilt", "sampled", "sampled, with\nits pixel noise")
    for ax, images, name in zip(axes, (digits.images[chosen], rebuilt, sampled, noisy), names, strict=True):
        draw_images(ax, images)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


FIGURES = {
    "01_two_kinds": (
        two_kinds,
        "Two maps of the plane with two moons and a far star: the classifier is certain at the star, the density there is nearly nought.",
    ),
    "01_one_gaussian": (one_gaussian, "A histogram with two humps, and one broad Gaussian over both that peaks near the valley."),
    "01_em": (
        expectation_maximisation,
        "A spiral of points under twelve Gaussians, after 0, 2, 8 and 60 iterations: circles become ellipses along the arms.",
    ),
    "01_touch": (
        touching_bounds,
        "A log-likelihood as a curve over one mean, and three dashed bounds below it: each touches it at a dot and peaks above the next.",
    ),
    "01_mixture_digits": (
        mixture_digits,
        "Left, log-likelihood against components: training rises on, test turns down. Right, thirty rough digits drawn from a mixture.",
    ),
    "01_monte_carlo": (
        monte_carlo,
        "Three curves for 100, 1000 and 10,000 draws: the nats that the estimate misses grow steeply with the dimension.",
    ),
    "01_bound": (
        bound_and_gap,
        "Left, a posterior and three guesses. Right, three bars: the bound and a grey gap that always end at log p(x).",
    ),
    "01_gradients": (
        two_gradients,
        "Histograms of two gradient estimates around the true value: the score function's is several times as wide.",
    ),
    "01_autoencoder": (
        autoencoder,
        "A digit goes through an encoder to a mean and a log-variance, noise is added, and a decoder draws the digit anew.",
    ),
    "01_codes": (latent_codes, "A thousand test digits as points in the latent plane, coloured by class: each class has its region."),
    "01_sheet": (
        latent_sheet,
        "A sheet of digits decoded from a grid of the latent plane: neighbours look alike and classes change gradually.",
    ),
    "01_samples": (samples, "Two grids of thirty digits: test digits, and samples of the shipped network, a little softer."),
    "01_walk": (walk, "Two rows from a 2 to a 7: through the latent every step is a digit, through the pixels one fades into the other."),
    "01_importance": (importance, "The importance-weighted bound rises with the number of samples K and rises ever more slowly."),
    "01_conditional": (conditional, "A sheet of digits: the columns hold the classes 0 to 9, the rows a common handwriting."),
    "01_collapse": (
        collapse,
        "Rows for three values of beta: small, good rebuilding and poor samples; large, one grey mean digit and no nats in any latent.",
    ),
    "01_smear": (smear, "Nineteen sharp strokes at shifted places, and their mean, a smooth ramp up and down."),
    "01_blur": (blur, "Four rows of digits: real, rebuilt and a little soft, sampled and soft, and sampled with speckle of pixel noise."),
}
