"""The results that the start page shows, drawn when the site is built, by networks that ship with the course."""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
import torch
from matplotlib import pyplot as plt

from course_lib import data, weights
from course_lib.viz import draw_images, to_png
from course_lib.weights.recipes.texture_gallery import exemplar


def real_and(network: str):
    """Left 30 real digits, right 30 that a shipped network made."""
    real = data.digits("test").images[::33][:30]
    with torch.no_grad():
        made = weights.load_pretrained(network).sample(30, generator=torch.Generator().manual_seed(0))
    figure, axes = plt.subplots(1, 2, figsize=(5, 2.7), layout="constrained")
    draw_images(axes[0], real, columns=6, title="real")
    draw_images(axes[1], made, columns=6, title="generated")
    return figure


def every_point():
    """The latent plane of two numbers, decoded on a grid that gives each cell the same share of the prior."""
    rows, columns = (torch.distributions.Normal(0.0, 1.0).icdf(torch.linspace(0.03, 0.97, n)) for n in (7, 12))
    with torch.no_grad():
        sheet = weights.load_pretrained("digits_vae2").decode(torch.cartesian_prod(rows.flip(0), columns).flip(1))
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    draw_images(axes, sheet, columns=12, title="two numbers a digit, decoded")
    return figure


def as_asked():
    """One handwriting a row, one class a column."""
    styles = torch.randn(6, 8, generator=torch.Generator().manual_seed(3)).repeat_interleave(10, 0)
    with torch.no_grad():
        sheet = weights.load_pretrained("digits_cvae").decode(styles, torch.arange(10).repeat(6))
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    draw_images(axes, sheet, columns=10, title="asked for 0 to 9, six handwritings")
    return figure


def between():
    """Four pairs of real digits, and what a flow decodes halfway between their codes."""
    flow, test = weights.load_pretrained("digits_glow"), data.digits("test").images
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        ends = [flow.encode(images, generator) for images in (test[[0, 200, 400, 800]], test[[100, 300, 500, 900]])]
        sheet = torch.stack([flow.decode((1 - w) * ends[0] + w * ends[1]) for w in torch.linspace(0, 1, 9)], 1).flatten(0, 1)
    figure, axes = plt.subplots(figsize=(5, 2.6), layout="constrained")
    draw_images(axes, sheet, columns=9, title="real at both ends, decoded between")
    return figure


def textures():
    """Three exemplars, and what GOTEX made of each."""
    gallery, names = weights.load_pretrained("texture_gallery"), ("gravel", "tissue", "brick")
    figure, axes = plt.subplots(2, len(names), figsize=(5, 3.7), layout="constrained")
    for column, name in enumerate(names):
        draw_images(axes[0, column], exemplar(name)[None], title="exemplar" if column == 1 else "")
        draw_images(axes[1, column], gallery.image(name, "GOTEX")[None], title="synthesised" if column == 1 else "")
    return figure


# name: (networks it needs, function, alt, title, text, lesson)
RESULTS = {
    "vae": (
        ("digits_vae",),
        lambda: real_and("digits_vae"),
        "Left, thirty handwritten digits from the test set; right, thirty that the variational autoencoder drew, a little softer.",
        "Digits from a variational autoencoder",
        "Trained on 4000 digits that ship with the course.",
        "01b_variational_autoencoders",
    ),
    "gan": (
        ("digits_gan",),
        lambda: real_and("digits_gan"),
        "Left, thirty handwritten digits from the test set; right, thirty that a generative adversarial network drew, as sharp.",
        "Digits from a GAN",
        "A generator and a critic, trained against each other on one core.",
        "03c_gan_digits",
    ),
    "texture": (
        ("texture_gallery",),
        textures,
        "Above, pictures of gravel, stained tissue and a brick wall; below, new pictures with the same grain, made from each of them.",
        "Textures by optimal transport",
        "New pictures with the patches of a given one; the critic is a transport problem, with no network to choose.",
        "07b_gotex",
    ),
    "flow": (
        ("digits_glow",),
        between,
        "Four rows of nine digits: at the ends real ones of two classes, between them what the flow decodes on the way.",
        "A density that can be computed",
        "A normalizing flow gives every image its likelihood, in bits, and a code that can be turned back.",
        "02b_flows_images",
    ),
    "plane": (
        ("digits_vae2",),
        every_point,
        "Seven rows of twelve digits, decoded from a grid of two numbers: neighbours look alike, and one class turns into the next.",
        "Every point is a picture",
        "Move two sliders and walk through all the digits that a model knows.",
        "01a_generative_modelling",
    ),
    "conditional": (
        ("digits_cvae",),
        as_asked,
        "Six rows of the digits 0 to 9, each row in a handwriting of its own, drawn by a conditional autoencoder.",
        "Digits to order",
        "Ask for a class and a hand; a classifier that saw only real digits reads what was asked for.",
        "01b_variational_autoencoders",
    ),
}


def draw_all(target: Path) -> list[str]:
    """Draws what the shipped networks allow; returns the names."""
    target.mkdir(parents=True, exist_ok=True)
    names = [name for name, (needs, *_) in RESULTS.items() if set(needs) <= set(weights.names())]
    with plt.rc_context({"axes.titlesize": 15}):  # a card shows its picture at half size
        for name in names:
            (target / f"{name}.png").write_bytes(to_png(RESULTS[name][1](), dpi=110))
    return names


def cards(names: list[str]) -> str:
    """The results as a grid of cards, each leading to its lesson where that is there."""
    blocks = []
    for name in names:
        _, _, alt, title, text, lesson = RESULTS[name]
        there = (Path(__file__).parents[1] / "notebooks" / f"{lesson}.ipynb").exists()
        link = f"\n\n[Open lesson {lesson.partition('_')[0]}](notebooks/{lesson}.ipynb)" if there else ""
        blocks.append(f":::{{grid-item-card}} {title}\n![{alt}](_static/figures/{name}.png)\n\n{text}{link}\n:::")
    return "::::{grid} 1 1 2 2\n:gutter: 3\n\n" + "\n\n".join(blocks) + "\n::::"
