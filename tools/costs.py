"""Measures what each lesson costs on this machine and writes it where readers look: the lesson's header, README, and the site's syllabus.

`make costs` runs each notebook from top to bottom in a fresh kernel, in the `cpu` profile, and stores time, processor time and peak
memory with the machine's description in lessons/costs.json. The header is changed in lessons/NN.py and in the built notebook alike,
so that nothing need be built again. `make costs NAME=01` measures some lessons only, `NAME=--write` none.
"""

import json
import os
import platform
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import syllabus
from build_notebooks import compose

ROOT = syllabus.ROOT
ASK = """import json, resource
own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]  # in kB
print(json.dumps({"cpu_seconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
                  "peak_mb": (int(peak[0].split()[1]) if peak else own.ru_maxrss) / 1024}))"""
TIME, MEMORY = (re.compile(rf"^((?:# )?\| {name} \| )([^|]+)( \|.*)$", re.M) for name in ("time", "peak memory"))


def measure(lesson: Path, folder: Path) -> dict[str, float]:
    """Runs a lesson in a fresh kernel: seconds from its start to the end of the last cell, processor seconds, peak memory in MiB."""
    notebook = compose(lesson)
    question = nbformat.v4.new_code_cell(ASK)
    notebook.cells.append(question)
    environment = {**os.environ, "COURSE_PROFILE": "cpu"}
    client = NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    start = time.perf_counter()
    client.execute(env=environment)
    seconds = time.perf_counter() - start
    answer = json.loads("".join(output.text for output in question.outputs if output.output_type == "stream"))
    return {"seconds": round(seconds, 1), "cpu_seconds": round(answer["cpu_seconds"], 1), "peak_mb": round(answer["peak_mb"])}


def this_machine() -> dict[str, str | int]:
    """The machine in the words of costs.json: cores, processor, Python, PyTorch."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = min(cores, int(os.environ.get("OMP_NUM_THREADS", cores)))  # what a run may really use
    models = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M) if Path("/proc/cpuinfo").exists() else []
    cpu = re.sub(r"\((R|TM)\)|\bCPU\b|\s+@.*", "", models[0] if models else platform.processor() or platform.machine())
    return {"cores": cores, "cpu": " ".join(cpu.split()), "python": platform.python_version(), "torch": torch.__version__.partition("+")[0]}


def with_costs(text: str, cost: dict[str, float]) -> str:
    """A lesson's header, as .py or as Markdown, with the measured time and memory in the column of two CPU cores."""
    for row, value in ((TIME, syllabus.minutes(cost["seconds"])), (MEMORY, syllabus.gigabytes(cost["peak_mb"]))):
        if not row.search(text):
            raise ValueError("the header has no rows '| time | ...' and '| peak memory | ...'; lessons/template.py shows its shape")
        text = row.sub(rf"\g<1>{value}\g<3>", text, count=1)
    return text


def write_headers(lesson: Path, notebook: Path, cost: dict[str, float]) -> None:
    """Puts the cost into a lesson and, where it is built, into the first cell of its notebook; outputs stay as they are."""
    lesson.write_text(with_costs(lesson.read_text(), cost))
    if notebook.exists():
        built = nbformat.read(notebook, as_version=4)
        built.cells[0].source = with_costs(built.cells[0].source, cost)
        nbformat.write(built, notebook)


def with_syllabus(text: str, link: str = "", comment: str = "") -> str:
    """Puts the table of lessons between its two markers; `link` leads to the notebooks, `comment` begins each line in a .py file."""
    table = "".join(f"{comment}{line}".rstrip() + "\n" for line in syllabus.readme_table(syllabus.read_all(), link).splitlines())
    filled, found = re.subn(r"(<!-- syllabus -->\n).*?((?:# )?<!-- /syllabus -->)", lambda m: f"{m[1]}{table}{m[2]}", text, flags=re.S)
    if not found:
        raise ValueError("the text has no lines '<!-- syllabus -->' and '<!-- /syllabus -->'")
    return filled


def write_tables() -> None:
    """The table of lessons in the README and in lesson 00, its source and its notebook."""
    readme, lesson = ROOT / "README.md", ROOT / "lessons" / "00_start_here.py"
    readme.write_text(with_syllabus(readme.read_text(), "notebooks/"))
    lesson.write_text(with_syllabus(lesson.read_text(), comment="# "))
    path = ROOT / "notebooks" / f"{lesson.stem}.ipynb"
    built = nbformat.read(path, as_version=4)
    (cell,) = [cell for cell in built.cells if "<!-- syllabus -->" in cell.source]
    cell.source = with_syllabus(cell.source)
    nbformat.write(built, path)


def main(names: list[str]) -> None:
    known = syllabus.costs()
    lessons = sorted((ROOT / "lessons").glob("[0-9]*.py"))
    for lesson in [] if names == ["--write"] else lessons:
        if not names or lesson.stem.startswith(tuple(names)):
            known["lessons"][lesson.stem] = measure(lesson, ROOT / "notebooks")
            known["machine"] = this_machine()
            known["lessons"] = dict(sorted(known["lessons"].items()))
            syllabus.COSTS.write_text(json.dumps(known, indent=2) + "\n")
            print(lesson.stem, known["lessons"][lesson.stem], flush=True)
    for lesson in lessons:
        if cost := known["lessons"].get(lesson.stem):
            write_headers(lesson, ROOT / "notebooks" / f"{lesson.stem}.ipynb", cost)
    write_tables()


if __name__ == "__main__":
    main(sys.argv[1:])
