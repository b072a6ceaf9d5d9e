"""Moves the course to another address: `make links REPO=owner/name` rewrites every link to the repository in the tracked text files.

The address is decided in one place, `[project.urls]` of pyproject.toml; this reads it there and writes the new one everywhere.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"[\w.-]+/[\w.-]+")
BEFORE = r"(github\.com[/:]|/github/|/gh/)"  # GitHub itself, Colab, Binder


def current(root: Path = ROOT) -> str:
    """The owner/name that pyproject.toml states."""
    found = re.search(r'^Repository = "https://github\.com/([\w.-]+/[\w.-]+)"', (root / "pyproject.toml").read_text(), re.M)
    if not found:
        raise ValueError("pyproject.toml has no line 'Repository = \"https://github.com/owner/name\"' under [project.urls]")
    return found[1]


def moved(text: str, old: str, new: str) -> str:
    """`text` with every link to the repository `old` leading to `new`; other mentions of the name stay."""
    old_owner, old_name = old.split("/")
    new_owner, new_name = new.split("/")
    text = re.sub(rf"{BEFORE}{re.escape(old)}(?![\w-])", rf"\g<1>{new}", text)
    return re.sub(
        rf"https://{re.escape(old_owner)}\.github\.io/{re.escape(old_name)}(?![\w-])", f"https://{new_owner}.github.io/{new_name}", text
    )


def move(new: str, root: Path = ROOT) -> list[Path]:
    """Rewrites the tracked text files of `root`; returns those that changed. Raises ValueError when `new` is not owner/name."""
    if not NAME.fullmatch(new):
        raise ValueError(f"REPO is {new!r}; it must be owner/name")
    old, changed = current(root), []
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for path in (root / name for name in listed.split("\0") if name):
        try:
            before = path.read_bytes().decode()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        after = moved(before, old, new)
        if after != before:
            path.write_bytes(after.encode())
            changed.append(path)
    return changed


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit(f"say where the course moves: make links REPO=owner/name (it is at {current()})")
    for path in move(arguments[0]):
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
