"""Costs are measured, said in words that fit, and written without touching anything else."""

import shutil
from pathlib import Path

import nbformat
import pytest

import build_notebooks
import costs
import syllabus

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "lessons" / "template.py"
COST = {"seconds": 133.0, "cpu_seconds": 140.0, "peak_mb": 1434}


def test_times_in_words():
    said = [syllabus.minutes(seconds) for seconds in (0.2, 4.4, 9.7, 42, 57, 119, 133)]
    assert said == ["1 s", "4 s", "10 s", "40 s", "1 min", "2 min", "2 min 10 s"]
    assert syllabus.gigabytes(1434) == "1.4 GB"


def test_headers_change_and_nothing_else(tmp_path):
    lesson, notebook = tmp_path / "template.py", tmp_path / "template.ipynb"
    shutil.copy(TEMPLATE, lesson)
    built = build_notebooks.compose(lesson)
    built.cells[4].outputs = [nbformat.v4.new_output("stream", text="kept")]
    nbformat.write(built, notebook)
    costs.write_headers(lesson, notebook, COST)
    before, after = TEMPLATE.read_text().splitlines(), lesson.read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["# | time | 2 min 10 s | not measured |", "# | peak memory | 1.4 GB | not measured |"]
    stored = nbformat.read(notebook, as_version=4)
    assert [cell.source for cell in stored.cells] == [cell.source for cell in build_notebooks.compose(lesson).cells]
    assert stored.cells[4].outputs[0].text == "kept"


def test_a_header_without_its_table_is_refused():
    with pytest.raises(ValueError, match="template.py shows"):
        costs.with_costs("# A lesson", COST)


@pytest.mark.parametrize("comment", ["", "# "])
def test_table_of_lessons_keeps_the_text_around_it(comment):
    text = costs.with_syllabus(f"before\n{comment}<!-- syllabus -->\nold\n{comment}<!-- /syllabus -->\nafter\n", "notebooks/", comment)
    assert text.startswith(f"before\n{comment}<!-- syllabus -->\n{comment}| Lesson |") and "old" not in text
    assert text.endswith(f"{comment}<!-- /syllabus -->\nafter\n") and "](notebooks/00_start_here.ipynb)" in text
    assert costs.with_syllabus(text, "notebooks/", comment) == text
    with pytest.raises(ValueError, match="no lines"):
        costs.with_syllabus("nothing here")


def test_every_lesson_has_a_header_that_can_be_read():
    for lesson in [syllabus.read(TEMPLATE), *syllabus.read_all(built=False)]:
        assert len(lesson.aims) == 3, f"{lesson.name} says {len(lesson.aims)} aims"
        assert lesson.needs and lesson.title


def test_the_machine_is_described():
    about = costs.this_machine()
    assert about["cores"] >= 1 and about["cpu"] and about["torch"][0].isdigit()


@pytest.mark.slow
def test_a_lesson_is_measured(tmp_path):
    cost = costs.measure(TEMPLATE, tmp_path)
    assert 0 < cost["cpu_seconds"] and 1 < cost["seconds"] < 300
    assert 100 < cost["peak_mb"] < 4000
