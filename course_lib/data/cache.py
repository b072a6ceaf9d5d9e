"""Parse once, read fast ever after."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np


def cache_directory() -> Path:
    """COURSE_CACHE if it is set, else `gan-course` in the user's cache directory."""
    base = os.environ.get("COURSE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gan-course"
    return Path(base)


def cached(name: str, parse: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `parse` returns, kept in `name`.npz; parsed again when that file is missing or damaged.

    Where the directory cannot be written to, the arrays are parsed each time.
    """
    path = cache_directory() / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except Exception:  # missing, cut short or not an archive: all mean "parse it"
        arrays = parse()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(fresh, **arrays)
        os.replace(fresh, path)
    except OSError:
        pass
    return arrays
