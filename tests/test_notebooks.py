"""The form of lessons and notebooks: built from their lessons, run in order, described, short, and strict where it matters."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
from build_notebooks import compose  # noqa: E402

LESSONS = sorted((ROOT / "lessons").glob("[0-9]*.py"))
PAIRS = [pytest.param(lesson, ROOT / "notebooks" / f"{lesson.stem}.ipynb", id=lesson.stem) for lesson in LESSONS]
pairs = pytest.mark.parametrize(("lesson", "path"), PAIRS)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def test_every_notebook_has_a_lesson():
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == {lesson.stem for lesson in LESSONS} != set()


@pairs
def test_notebook_is_built_from_its_lesson(lesson, path):
    built, stored = compose(lesson), nbformat.read(path, 4)
    assert [(c.cell_type, c.source, tags(c)) for c in built.cells] == [(c.cell_type, c.source, tags(c)) for c in stored.cells]


@pairs
def test_notebook_ran_in_order_without_errors(lesson, path):
    cells = code(nbformat.read(path, 4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


@pairs
def test_every_figure_has_alt_text(lesson, path):
    for cell in code(nbformat.read(path, 4)):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                assert len(alt.split()) >= 4 and ".png" not in alt, cell.source[:60]
        assert "plt.show()" not in cell.source, "figures are shown by viz.show, with words"


@pairs
def test_cells_and_files_are_short(lesson, path):
    notebook = nbformat.read(path, 4)
    assert max(len(cell.source.splitlines()) for cell in code(notebook)) <= 40
    assert sum(len(cell.source.splitlines()) for cell in code(notebook)) <= 450
    assert len(notebook.cells) <= 90
    assert path.stat().st_size <= 1.5e6


@pairs
def test_no_commands_and_the_same_set_up_cell(lesson, path):
    cells = code(nbformat.read(path, 4))
    first = compose(LESSONS[0])
    assert [c.source for c in cells if "setup" in tags(c)] == [c.source for c in first.cells if "setup" in tags(c)]
    assert not [cell for cell in cells if re.search(r"^\s*[!%]", cell.source, re.M)]


@pairs
def test_claims_are_strict_and_most_cells_are_compared(lesson, path):
    cells = code(nbformat.read(path, 4))
    ignored = [cell for cell in cells if "nbval-ignore-output" in tags(cell)]
    text = json.dumps([cell.outputs for cell in cells if cell not in ignored])
    assert text.count("ok  ") > 0 and len(ignored) < len(cells) / 2
    assert not [cell for cell in ignored if re.search(r"^\s*claim\(", cell.source, re.M)], "a claim's text must be compared"
    assert cells[-1].source.strip() == "claims_table()"


@pairs
def test_anatomy(lesson, path):
    text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    levels = [len(found) for found in re.findall(r"^(#+) ", text, re.M)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    for part in ("After this lesson you can", "**You need**", "| cost |", "Open in Colab", "## Summary", "## References"):
        assert part in text, part
    assert f"/blob/main/notebooks/{path.name})" in text
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        assert (path.parent / target).resolve().exists(), f"{target} is linked but not there"
