"""The student edition: no solution is left, its stubs run, and the solutions, put back, satisfy their checks."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import build_notebooks
import student

ROOT = Path(__file__).parents[1]

LESSONS = [ROOT / "lessons" / "template.py", *sorted((ROOT / "lessons").glob("[0-9]*.py"))]
lessons = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)


def run(notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch) -> None:
    """Runs it at smoke size."""
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()


def printed(cells: list[nbformat.NotebookNode]) -> str:
    return "".join(output.text for cell in cells for output in cell.get("outputs", []) if output.output_type == "stream")


def exercises(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]


@lessons
def test_no_solution_is_left_and_stubs_are_python(lesson):
    notebook = build_notebooks.compose(lesson)
    edition = student.student_edition(notebook)
    kept = "\n".join(cell.source for cell in edition.cells)
    region = [found[0] for found in build_notebooks.REGION.finditer(lesson.read_text())]
    assert len(region) == len(exercises(edition)), "each exercise keeps its stub"
    kept = [line.strip() for line in kept.splitlines()]
    for solution in region:  # a lesson may teach a line that an answer needs, but not two of them in a row
        lines = [line.strip() for line in solution.splitlines()[1:-1]]
        for together in zip(lines, lines[1:], strict=False) if len(lines) > 1 else [lines]:
            if max(map(len, together)) > 25:  # a short line may well be said twice
                found = [kept[i : i + len(together)] for i in range(len(kept))]
                assert list(together) not in found, f"the student edition still says {together}"
    assert not [line for line in kept if "SOLUTION" in line]
    for cell in exercises(edition):
        ast.parse(cell.source)
        assert build_notebooks.STUB in cell.source


@pytest.mark.slow
@lessons
def test_it_runs_unattempted_and_the_solutions_satisfy_the_checks(lesson, tmp_path, monkeypatch):
    """The student edition from top to bottom, then each solution with its check, as a student would paste it in."""
    notebook = build_notebooks.compose(lesson)
    edition = student.student_edition(notebook)
    solutions = [cell for cell in notebook.cells if student.is_solution(cell)]
    count = len(exercises(edition))
    assert len(solutions) == count
    edition.cells = edition.cells + solutions
    run(edition, tmp_path, monkeypatch)
    before, after = printed(edition.cells[: -count or None]), printed(solutions)
    assert before.count("not attempted yet") == count, before
    assert after.count("ok  exercise") == count and after.count("exercise") == count, after
