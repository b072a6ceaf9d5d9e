"""notebooks/NN_topic.ipynb -> student/NN_topic.ipynb: the same notebook without its folded solutions.

The stored outputs stay: they show a student what to expect. Nothing runs here.
"""

import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "student"


def is_solution(cell: nbformat.NotebookNode) -> bool:
    return "solution" in cell.metadata.get("tags", [])


def student_edition(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without the cells that hold a solution."""
    edition = notebook.copy()
    edition.cells = [cell for cell in notebook.cells if not is_solution(cell)]
    return edition


def main(names: list[str]) -> None:
    TARGET.mkdir(exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        if not names or path.stem.startswith(tuple(names)):
            nbformat.write(student_edition(nbformat.read(path, as_version=4)), TARGET / path.name)
            print(f"student/{path.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
