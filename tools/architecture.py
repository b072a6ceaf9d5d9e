"""Draws the picture of imports in CONTRIBUTING.md: who in the repository uses whom. `python tools/architecture.py` writes it anew.

Each arrow is an import that stands in the source. Packages stand in rows, above all that they use; a cycle is an error.
"""

import ast
import html
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "site" / "_static" / "architecture.svg"
WIDTH, ROW, BOX_W, BOX_H = 1120, 100, 100, 44
REAL, GENERATED, INK = "#0072B2", "#A34700", "#222222"


def used_by(path: Path) -> set[str]:
    """The parts of course_lib that a module imports: `data`, `nn`, ..."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" if node.module == "course_lib" else node.module for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("course_lib.")}
    return found


def imports(root: Path = ROOT) -> dict[str, set[str]]:
    """Each part of course_lib, and the lessons together, with the parts that it uses."""
    library = root / "course_lib"
    parts = sorted(
        path.name if path.is_dir() else path.stem for path in library.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"
    )
    parts = [part for part in parts if not part.startswith("_")]
    graph = {}
    for part in parts:
        files = library.joinpath(part).rglob("*.py") if library.joinpath(part).is_dir() else [library / f"{part}.py"]
        graph[part] = {used for file in files for used in used_by(file)} & set(parts) - {part}
    graph["lessons"] = {used for file in (root / "lessons").glob("*.py") for used in used_by(file)} & set(parts)
    return graph


def rows(graph: dict[str, set[str]]) -> list[list[str]]:
    """Parts from top to bottom so that each stands above all it uses. Raises ValueError for a cycle."""
    level: dict[str, int] = {}

    def depth(part: str, above: tuple[str, ...] = ()) -> int:
        if part in above:
            raise ValueError(f"imports run in a circle: {' -> '.join([*above[above.index(part) :], part])}")
        if part not in level:
            level[part] = 1 + max((depth(used, (*above, part)) for used in graph[part]), default=-1)
        return level[part]

    for part in graph:
        depth(part)
    return [sorted(part for part in graph if level[part] == step) for step in range(max(level.values()), -1, -1)]


def needed(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows worth drawing: an import that a chain of others implies is left out."""

    def reach(part: str) -> set[str]:
        return graph[part].union(*(reach(used) for used in graph[part])) if graph[part] else set()

    return sorted((part, used) for part in graph for used in graph[part] if not any(used in reach(other) for other in graph[part] - {used}))


def svg(graph: dict[str, set[str]]) -> str:
    """The picture, the same text for the same imports."""
    layers = rows(graph)
    place = {}
    for step, layer in enumerate(layers):
        for index, part in enumerate(layer):
            share = (index + 1) / (len(layer) + 1)
            if len(layer) == 1 and step:  # beside the middle, so that long arrows pass
                share = 0.36 if step % 2 else 0.60
            place[part] = (WIDTH * share, 50 + ROW * step)
    height = 50 + ROW * (len(layers) - 1) + 50
    words = "; ".join(f"{part} uses {', '.join(sorted(graph[part])) or 'nothing'}" for layer in layers for part in layer)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="Arial, sans-serif" role="img">',
        f"<title>What uses what in the course</title><desc>{html.escape(words)}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>',
    ]
    for part, used in needed(graph):
        (x0, y0), (x1, y1) = place[part], place[used]
        start, end = y0 + BOX_H / 2, y1 - BOX_H / 2 - 2
        middle = (start + end) / 2
        curve = f"M{x0:.0f} {start:.0f}C{x0:.0f} {middle:.0f} {x1:.0f} {middle:.0f} {x1:.0f} {end:.0f}"
        lines.append(f'<path d="{curve}" fill="none" stroke="{INK}" stroke-opacity="0.55" stroke-width="1.4" marker-end="url(#tip)"/>')
    for part, (x, y) in place.items():
        colour = GENERATED if part == "lessons" else REAL
        lines.append(f'<rect x="{x - BOX_W / 2:.0f}" y="{y - BOX_H / 2:.0f}" width="{BOX_W}" height="{BOX_H}" rx="8" fill="{colour}"/>')
        lines.append(f'<text x="{x:.0f}" y="{y + 6:.0f}" fill="white" font-size="17" font-weight="600" text-anchor="middle">{part}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    TARGET.write_text(svg(imports()))
    print(TARGET.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())
