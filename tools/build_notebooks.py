"""lessons/NN_topic.py -> notebooks/NN_topic.ipynb, run top to bottom with outputs.

An exercise is written once in the lesson: a function whose answer stands between `### BEGIN SOLUTION` and `### END SOLUTION`, then a
cell that ends with its check. In the notebook it becomes a stub to fill in, the check, and the solution, folded.
"""

import os
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
REGION = re.compile(r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[^\n]*\n.*?^[ \t]*### END SOLUTION[^\n]*$", re.M | re.S)
MARKERS = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[^\n]*\n?", re.M)
STUB = 'raise NotImplementedError("your code here")'


def split_exercise(function: nbformat.NotebookNode, check: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """[stub, check, folded solution] from a cell with a solution region and the cell after it, whose last line is the check."""
    new = nbformat.v4.new_code_cell
    solution = MARKERS.sub("", function.source).rstrip() + "\n\n\n" + check.source.rstrip().splitlines()[-1]
    folded = new(solution, metadata={"tags": ["solution", "hide-input"], "jupyter": {"source_hidden": True}, "collapsed": False})
    stub = new(REGION.sub(lambda found: found["indent"] + STUB, function.source), metadata={"tags": ["exercise"]})
    return [stub, check, folded]


def compose(lesson: Path) -> nbformat.NotebookNode:
    """The notebook of a lesson, not yet run: exercises split, cell ids stable, no metadata that varies."""
    notebook = jupytext.read(lesson)
    cells, sources = [], iter(notebook.cells)
    for cell in sources:
        if cell.cell_type == "code" and REGION.search(cell.source):
            cells += split_exercise(cell, next(sources))
        else:
            cells.append(cell)
    for index, cell in enumerate(cells):
        cell["id"] = f"{lesson.stem[:3].strip('_')}-{index:03d}"
    notebook.cells = cells
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    }
    return notebook


def build(lesson: Path) -> Path:
    """Runs a lesson's notebook in the `cpu` profile and writes it with its outputs."""
    notebook = compose(lesson)
    os.environ["COURSE_PROFILE"] = "cpu"
    target = ROOT / "notebooks" / f"{lesson.stem}.ipynb"
    resources = {"metadata": {"path": str(target.parent)}}
    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", record_timing=False, store_widget_state=False, resources=resources
    )
    client.execute()
    for cell in notebook.cells:  # widget models live in the kernel only: their ids would be noise, and dead when opened
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    nbformat.write(notebook, target)
    return target


def main(names: list[str]) -> None:
    for lesson in sorted((ROOT / "lessons").glob("[0-9]*.py")):
        if not names or any(lesson.stem.startswith(name) for name in names):
            start = time.perf_counter()
            print(f"{build(lesson).relative_to(ROOT)}  {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
