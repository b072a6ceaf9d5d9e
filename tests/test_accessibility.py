"""Colours that everybody can tell apart and read, headings in order, words for every figure."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

import build_notebooks
from course_lib.viz import style

ROOT = Path(__file__).parents[1]
LESSONS = [ROOT / "lessons" / "template.py", *sorted((ROOT / "lessons").glob("[0-9]*.py"))]
DECKS = sorted((ROOT / "slides" / "src").glob("*.md"))
# Machado, Oliveira and Fernandes 2009, table of severity 1.0, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour: str) -> np.ndarray:
    """`#rrggbb` as linear RGB."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""
    bright, dark = sorted((float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Linear RGB to CIE Lab, white point D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_of_known_pairs():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", ["REAL", "GENERATED", "CRITIC"])
def test_the_colours_with_a_meaning_can_be_read_as_text(name):
    assert contrast(getattr(style, name), "#ffffff") >= 4.5


@pytest.mark.parametrize("kind", BLINDNESS)
def test_real_generated_and_critic_differ_for_every_eye(kind):
    seen = {name: lab(np.array(BLINDNESS[kind]) @ linear(getattr(style, name))) for name in ("REAL", "GENERATED", "CRITIC")}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 25, f"{one} and {other} look alike under {kind}"


def test_text_on_slides_and_site_can_be_read():
    theme = (ROOT / "slides" / "theme.css").read_text()
    papers = {"--paper": "#ffffff", "--shade": re.search(r"--shade: (#\w{6})", theme)[1]}
    inks = {name: re.search(rf"{name}: (#\w{{6}})", theme)[1] for name in ("--ink", "--quiet", "--real")}
    inks |= {f"hljs {colour}": colour for colour in re.findall(r"\.hljs[^{]*\{ color: (#\w{6})", theme)}
    low = [(ink, paper) for ink, value in inks.items() for paper, ground in papers.items() if contrast(value, ground) < 4.5]
    assert not low
    course = (ROOT / "site" / "_static" / "course.css").read_text()
    for mode, ground in (("light", "#ffffff"), ("dark", "#14181e")):
        block = re.search(rf'data-theme="{mode}"\] \{{(.*?)\}}', course, re.S)[1]
        assert not [colour for colour in re.findall(r"#\w{6}", block) if contrast(colour, ground) < 4.5]


def check_order(levels: list[int], where: str) -> None:
    assert levels and levels[0] == 1 and levels.count(1) == 1, f"{where} has {levels.count(1)} titles"
    assert all(after <= before + 1 for before, after in pairwise(levels)), f"{where} skips a level of headings"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_headings_of_a_lesson_are_in_order(lesson):
    text = "\n".join(cell.source for cell in build_notebooks.compose(lesson).cells if cell.cell_type == "markdown")
    check_order([len(mark) for mark in re.findall(r"^(#+) ", text, re.M)], lesson.name)


@pytest.mark.parametrize("deck", DECKS, ids=lambda path: path.stem)
def test_headings_of_a_deck_are_in_order(deck):
    text = re.sub(r"```.*?```|<!--.*?-->", "", deck.read_text(), flags=re.S)
    check_order([len(mark) for mark in re.findall(r"^(#+) ", text, re.M)], deck.name)


def test_pages_of_the_site_have_one_title_and_words_for_pictures():
    for page in (ROOT / "site").glob("*.md"):
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        check_order([len(mark) for mark in re.findall(r"^(#+) ", text, re.M)], page.name)
        assert all(len(alt.split()) >= 4 for alt in re.findall(r"!\[([^\]]*)\]", text))
