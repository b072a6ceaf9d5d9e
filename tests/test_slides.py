"""The build of the slides sees what is wrong with a deck; the decks themselves are of the shape that the course wants."""

import re
import shutil
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

import build_slides
import make_figures

ROOT = Path(__file__).parents[1]
DECKS = sorted((ROOT / "slides" / "src").glob("[0-9]*.md"))
decks = pytest.mark.parametrize("deck", DECKS, ids=lambda path: path.stem)


def bars():
    figure, axes = plt.subplots()
    axes.bar([1, 2], [2, 1])
    return figure


@pytest.fixture
def draft(tmp_path, monkeypatch):
    """A function that prepares a deck of given text whose one figure is 01_bars, and returns (text, faults)."""
    monkeypatch.setattr(build_slides, "BUILD", tmp_path / "build")
    (tmp_path / "build").mkdir()
    monkeypatch.setattr(make_figures, "figures", lambda deck: {"01_bars": (bars, "Two bars, the left one higher.")})

    def prepare(text):
        deck = tmp_path / "01_draft.md"
        deck.write_text(f"---\nmarp: true\n---\n\n{text}\n")
        copy, faults = build_slides.prepare(deck)
        return copy.read_text(), faults

    return prepare


def test_words_come_with_the_figure(draft):
    text, faults = draft("![w:900](figures/01_bars.svg)")
    assert "![w:900 Two bars, the left one higher.](figures/01_bars.svg)" in text and not faults
    assert "lang: en" in text


def test_own_words_stay(draft):
    text, faults = draft("![Bars of another kind, h:300](figures/01_bars.svg)")
    assert "Bars of another kind" in text and "Two bars" not in text and not faults


@pytest.mark.parametrize("image", ["![A fine figure of nothing](figures/01_gone.svg)", "![A picture from elsewhere](https://a.b/c.png)"])
def test_a_missing_figure_is_a_fault(draft, image):
    assert "there is no figure" in draft(image)[1][0]


def test_poor_words_are_a_fault(draft):
    assert "alternative text" in draft("![w:300 bars](figures/01_bars.svg)")[1][0]


def test_links_to_lessons_are_checked(draft):
    text, faults = draft("[a](../../notebooks/template.ipynb#2.-Why-it-works)")
    assert "/blob/main/notebooks/template.ipynb#2.-Why-it-works)" in text and not faults
    assert "no lesson 99_none" in draft("[a](../../notebooks/99_none.ipynb)")[1][0]
    assert "has no section 7.-Nowhere" in draft("[a](../../notebooks/template.ipynb#7.-Nowhere)")[1][0]


def test_tex_errors_are_read():
    assert build_slides.tex_errors('<g data-mjx-error="Missing close brace">') == ["Missing close brace"]
    assert build_slides.tex_errors('<g data-mml-node="mtext" fill="red" stroke="red">') == ["undefined macro"]
    assert not build_slides.tex_errors('<g data-mml-node="mtext">')


def test_formulas_are_named_by_their_tex():
    drawn = '<mjx-container><svg role="img"></svg></mjx-container>'
    named = build_slides.name_formulas(drawn + drawn, r"cost \$3, `$x$`, $a<b$ and $$ \frac12 $$ <!-- $n$ -->")
    assert 'aria-label="a&lt;b"' in named and r'aria-label="\frac12"' in named
    with pytest.raises(ValueError, match="1 formulas in the deck and 2"):
        build_slides.name_formulas(drawn + drawn, "$a$")


@decks
def test_a_deck_has_the_shape_of_the_course(deck):
    text = deck.read_text()
    head, *_ = text.split("\n---\n", 1)
    assert "math: mathjax" in head and "theme: course" in head and "paginate: true" in head
    slides = re.split(r"^---$", text, flags=re.M)[2:]
    assert 15 <= len(slides) <= 40, f"{len(slides)} slides"  # a deck of a single lesson is shorter than that of a group
    assert sum("<!--" in slide.replace("<!-- _", "") for slide in slides) >= len(slides) / 2, "speaker notes on at least half of the slides"
    assert "../../notebooks/" in text, "a deck leads to its lessons"
    assert "http" not in re.sub(r"\]\(https?://[^)]*\)|href=\"[^\"]*\"", "", text), "nothing but links points outside"


@pytest.mark.slow
def test_a_figure_is_drawn_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(make_figures, "BUILD", tmp_path)
    name, (function, _) = next(iter(make_figures.figures("01_generative_modelling").items()))
    first = make_figures.draw(name, function).read_bytes()
    assert make_figures.draw(name, function).read_bytes() == first


@pytest.mark.slow
def test_text_that_leaves_its_slide_is_measured(tmp_path, monkeypatch):
    if not (build_slides.CHROMIUM and (ROOT / "node_modules" / ".bin" / "marp").exists()):
        pytest.skip("needs Chromium and `npm ci`")
    monkeypatch.setattr(build_slides, "BUILD", tmp_path)
    shutil.copy(ROOT / "slides" / "theme.css", tmp_path)
    low = "\n\n".join(f"line {i}" for i in range(30))
    wide = "```python\n" + "x = " + "1 + " * 60 + "1\n```"
    head = "---\nmarp: true\ntheme: course\nmath: mathjax\nlang: en\n---\n\n"
    (tmp_path / "deck.md").write_text(head + "\n\n---\n\n".join(["# Fits", low, wide, r"$\frac{1}$ $\nothing$"]))
    build_slides.marp("deck.md")
    faults = build_slides.outside([tmp_path / "deck.html"])
    assert any("slide 2" in fault for fault in faults) and any("slide 3" in fault for fault in faults)
    assert not any("slide 1:" in fault for fault in faults)
    assert len(build_slides.tex_errors((tmp_path / "deck.html").read_text())) == 2
