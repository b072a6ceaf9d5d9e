"""The results that the start page shows, drawn when the site is built, by networks that ship with the course."""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
import torch
from matplotlib import pyplot as plt

from course_lib import data, weights
from course_lib.viz import draw_images, to_png


def real_and(network: str):
    """Left 30 real digits, right 30 that a shipped network made."""
    real = data.digits("test").images[::33][:30]
    with torch.no_grad():
        made = weights.load_pretrained(network).sample(30, generator=torch.Generator().manual_seed(0))
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
    draw_images(axes[0], real, columns=6, title="real")
    draw_images(axes[1], made, columns=6, title="generated")
    return figure


def digits_read():
    """What a classifier that ships with the course reads in test digits."""
    picked = data.digits("test").images[7::56][:18]
    classifier = weights.load_pretrained("digits_classifier")
    with torch.no_grad():
        read = classifier(picked).argmax(1)
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    draw_images(axes, picked, columns=6, title="read as " + " ".join(str(int(label)) for label in read))
    return figure


# name: (networks it needs, function, alt, title, text, lesson)
RESULTS = {
    "vae": (
        ("digits_vae",),
        lambda: real_and("digits_vae"),
        "Left, thirty handwritten digits from the test set; right, thirty that the variational autoencoder drew, a little softer.",
        "Digits from a variational autoencoder",
        "Trained on 4000 digits that ship with the course.",
        "01_generative_modelling",
    ),
    "gan": (
        ("digits_gan",),
        lambda: real_and("digits_gan"),
        "Left, thirty handwritten digits from the test set; right, thirty that a generative adversarial network drew, as sharp.",
        "Digits from a GAN",
        "A generator and a critic, trained against each other on two cores.",
        "03a_gan",
    ),
    "classifier": (
        ("digits_classifier",),
        digits_read,
        "Eighteen handwritten digits in three rows, and above them the numbers that the course's own classifier reads in them.",
        "Every model is judged",
        "A classifier that the course trained itself reads the digits, and the metrics stand on what it sees.",
        "11_evaluation",
    ),
}


def draw_all(target: Path) -> list[str]:
    """Draws what the shipped networks allow; returns the names."""
    target.mkdir(parents=True, exist_ok=True)
    names = [name for name, (needs, *_) in RESULTS.items() if set(needs) <= set(weights.names())]
    for name in names:
        (target / f"{name}.png").write_bytes(to_png(RESULTS[name][1](), dpi=110))
    return names


def cards(names: list[str]) -> str:
    """The results as a grid of cards, each leading to its lesson where that is there."""
    blocks = []
    for name in names:
        _, _, alt, title, text, lesson = RESULTS[name]
        there = (Path(__file__).parents[1] / "notebooks" / f"{lesson}.ipynb").exists()
        link = f"\n\n[Open the lesson](notebooks/{lesson}.ipynb)" if there else ""
        blocks.append(f":::{{grid-item-card}} {title}\n![{alt}](_static/figures/{name}.png)\n\n{text}{link}\n:::")
    return "::::{grid} 1 1 2 2\n:gutter: 3\n\n" + "\n\n".join(blocks) + "\n::::"
