"""Small networks trained beforehand, made by the course's own code: `load_pretrained(name)`, and `make weights NAME=name` to remake one.

A network is three files: `recipes/NAME.py` says how it is built and trained, `NAME.safetensors` holds its weights, and `NAME.json`,
its card, says what made it: data, steps, seed, time, figures, and the sha256 of the weights. The cards together are the manifest.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path

import safetensors.torch

from course_lib.models.system import System

HERE = Path(__file__).parent
LIMIT = 4 * 2**20  # bytes


def names() -> list[str]:
    """The networks that ship."""
    return sorted(path.stem for path in HERE.glob("*.json"))


def card(name: str) -> dict:
    """What is known about a network: data, steps, seed, seconds, figures, parameters, sha256."""
    if name not in names():
        raise ValueError(f"name is {name!r}; there are {', '.join(names()) or 'no networks yet'}")
    return json.loads((HERE / f"{name}.json").read_text())


def manifest() -> dict[str, dict]:
    """Every card by name."""
    return {name: card(name) for name in names()}


def recipe(name: str):
    """The module with `build()`, `train(system, checkpoint)` and `measure(system)` of a network."""
    return importlib.import_module(f"course_lib.weights.recipes.{name}")


def load_pretrained(name: str) -> System:
    """The trained system, in evaluation mode. Raises ValueError for an unknown name or a file that is not the one on the card."""
    expected = card(name)["sha256"]
    content = (HERE / f"{name}.safetensors").read_bytes()
    if (digest := hashlib.sha256(content).hexdigest()) != expected:
        raise ValueError(f"{name}.safetensors has sha256 {digest[:12]}..., its card says {expected[:12]}...: the file is damaged")
    system = recipe(name).build()
    system.load_state_dict(safetensors.torch.load(content))
    return system.eval()


def save(name: str, system: System, facts: dict) -> Path:
    """Writes the weights and the card of a network into the package."""
    content = safetensors.torch.save({key: value.contiguous().cpu() for key, value in system.state_dict().items()})
    if len(content) > LIMIT:
        raise ValueError(f"{name} has {len(content)} bytes; the package takes at most {LIMIT}")
    (HERE / f"{name}.safetensors").write_bytes(content)
    facts = {**facts, "parameters": sum(p.numel() for p in system.parameters()), "bytes": len(content)}
    facts["sha256"] = hashlib.sha256(content).hexdigest()
    path = HERE / f"{name}.json"
    path.write_text(json.dumps(facts, indent=2) + "\n")
    return path
