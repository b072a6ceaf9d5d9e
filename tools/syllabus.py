"""What the lessons say of themselves in their first cell, and what they cost: read once here, for the site, the README and the tools."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parents[1]
COSTS = ROOT / "lessons" / "costs.json"


@dataclass(frozen=True)
class Lesson:
    name: str  # 03a_gan
    title: str  # 03a Generative adversarial networks
    aims: tuple[str, ...]
    needs: str
    deck: str | None  # 03_gan
    cost: dict = field(default_factory=dict)  # seconds, cpu_seconds, peak_mb; empty when not measured

    @property
    def time(self) -> str:
        return minutes(self.cost["seconds"]) if self.cost else "not measured"

    @property
    def memory(self) -> str:
        return gigabytes(self.cost["peak_mb"]) if self.cost else "not measured"


def minutes(seconds: float) -> str:
    """`40 s` or `2 min 10 s`, rounded to ten seconds once it takes longer than that."""
    rounded = max(1, round(seconds)) if seconds < 10 else 10 * round(seconds / 10)
    whole, rest = divmod(rounded, 60)
    return " ".join(part for part in (f"{whole} min" if whole else "", f"{rest} s" if rest or not whole else "") if part)


def gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1024:.1f} GB"


def costs() -> dict:
    """{"machine": ..., "lessons": {name: {...}}}; empty before the first `make costs`."""
    return json.loads(COSTS.read_text()) if COSTS.exists() else {"machine": {}, "lessons": {}}


def machine() -> str:
    """The machine on which costs were measured, in a sentence."""
    about = dict(costs()["machine"])
    if about:
        about["cores"] = "one core" if about["cores"] == 1 else f"{about['cores']} cores"
    return "Measured on {cores} of {cpu}, Python {python}, PyTorch {torch}.".format(**about) if about else "Not measured yet."


def read(path: Path) -> Lesson:
    """A lesson's header. Raises ValueError when it lacks its title, its aims or what it needs."""
    head = jupytext.read(path).cells[0].source
    title = re.search(r"^# (.+)$", head, re.M)
    aims = re.search(r"After this lesson you can\n((?:- .+(?:\n  .+)*\n?)+)", head)
    needs = re.search(r"\*\*You need\*\*: (.+(?:\n.+)*?)(?:\n\n|$)", head)
    deck = re.search(r"\]\(\.\./slides/src/([\w.-]+)\.md", head)
    for what, found in (("a title", title), ("'After this lesson you can' and a list", aims), ("'**You need**: ...'", needs)):
        if not found:
            raise ValueError(f"{path.name}: the first cell lacks {what}; lessons/template.py shows its shape")
    lines = tuple(re.sub(r"\s+", " ", aim).strip(" ;.") for aim in re.split(r"^- ", aims[1], flags=re.M) if aim.strip())
    cost = costs()["lessons"].get(path.stem, {})
    return Lesson(path.stem, title[1].strip(), lines, re.sub(r"\s+", " ", needs[1]), deck[1] if deck else None, cost)


def read_all(built: bool = True) -> list[Lesson]:
    """Every lesson in order; with `built`, only those whose notebook is there."""
    paths = sorted((ROOT / "lessons").glob("[0-9]*.py"))
    return [read(path) for path in paths if not built or (ROOT / "notebooks" / f"{path.stem}.ipynb").exists()]


def site_table(found: list[Lesson], decks: set[str]) -> str:
    """The syllabus of the site: a block a lesson."""
    blocks, names = [], {lesson.name for lesson in found}

    def leading(text: str) -> str:  # links among notebooks, from a page beside their folder; to one that is not there, the words alone
        return re.sub(r"\[([^\]]+)\]\(([\w-]+)\.ipynb\)", lambda m: f"[{m[1]}](notebooks/{m[2]}.ipynb)" if m[2] in names else m[1], text)

    for lesson in found:
        number, title = lesson.title.split(" ", 1)
        needs = leading(lesson.needs)
        deck = f' · <a href="slides/{lesson.deck}.html">slides</a>' if lesson.deck in decks else ""
        aims = "\n".join(f"- {leading(aim)}" for aim in lesson.aims)
        blocks.append(
            f"## [{number} {title}](notebooks/{lesson.name}.ipynb)\n\nAfter it you can\n\n{aims}\n\n"
            f"**You need**: {needs}\n\n"
            f"*{f'{lesson.time}, {lesson.memory} of memory' if lesson.cost else 'Time and memory not measured yet'}*{deck}\n"
        )
    return "\n".join(blocks)


def readme_table(found: list[Lesson], link: str = "notebooks/") -> str:
    """The syllabus of the README and of lesson 00: a line a lesson; `link` leads to the notebooks' folder."""
    rows = [f"| [{lesson.title}]({link}{lesson.name}.ipynb) | {lesson.time} | {lesson.memory} |" for lesson in found]
    return "\n".join(["| Lesson | Time | Peak memory |", "|:---|---:|---:|", *rows, "", machine()])
