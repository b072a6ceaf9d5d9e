"""Checkpoints that survive a kill: written beside, sealed with a digest, put in place at once, the one before kept."""

import hashlib
import io
import os
import warnings
from pathlib import Path

import torch

MAGIC = b"gan-course checkpoint 1\n"


class DamagedCheckpoint(ValueError):
    """The file is not a whole checkpoint."""


def previous(path: Path) -> Path:
    """Where the checkpoint before the one at `path` is kept."""
    return path.with_name(path.name + ".previous")


def save(path: str | Path, state: dict) -> None:
    """Writes `state` (tensors, numbers, strings, lists, dicts) atomically; the checkpoint that stood there becomes the previous one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    fresh = path.with_name(path.name + ".writing")
    with open(fresh, "wb") as file:
        file.write(MAGIC + hashlib.sha256(payload).digest() + payload)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, previous(path))
    os.replace(fresh, path)


def read(path: str | Path) -> dict:
    """The state in one file. Raises DamagedCheckpoint when a byte of it is missing or changed; never unpickles code."""
    content = Path(path).read_bytes()
    digest, payload = content[len(MAGIC) : len(MAGIC) + 32], content[len(MAGIC) + 32 :]
    if not content.startswith(MAGIC) or hashlib.sha256(payload).digest() != digest:
        raise DamagedCheckpoint(f"{path} is damaged or no checkpoint of this course: its digest does not match its content")
    return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)


def load(path: str | Path) -> dict | None:
    """The newest whole checkpoint at `path`, or None when there is none.

    A damaged file is reported by a warning and the one before it is used; raises DamagedCheckpoint when that fails as well.
    """
    path = Path(path)
    found = [candidate for candidate in (path, previous(path)) if candidate.exists()]
    for candidate in found:
        try:
            return read(candidate)
        except DamagedCheckpoint as error:
            if candidate == found[-1]:
                raise
            warnings.warn(f"{error}; going on from {previous(path).name}", stacklevel=2)
    return None
