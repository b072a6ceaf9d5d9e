"""What the project says of itself: dependencies, the conda file, Colab, licences, imports that point one way."""

import ast
import re
import types
from pathlib import Path

import pytest
from packaging.requirements import Requirement

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What Colab had on 2026-08-19; its lower bounds must hold there, so that pip replaces nothing.
COLAB = {
    "torch": "2.11.0", "numpy": "2.1.3", "scipy": "1.16.3", "matplotlib": "3.10.0", "ipywidgets": "7.7.1", "tqdm": "4.67.1",
    "scikit-learn": "1.6.1", "scikit-image": "0.25.2", "mlxtend": "0.23.4", "safetensors": "0.6.2",
}  # fmt: skip
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def requirements():
    return [Requirement(text) for text in PROJECT["dependencies"]]


def test_lower_bounds_only_and_colab_meets_them():
    for requirement in requirements():
        assert [s.operator for s in requirement.specifier] == [">="], requirement
        assert requirement.specifier.contains(COLAB[requirement.name]), f"{requirement} would replace Colab's {COLAB[requirement.name]}"


def test_conda_environment_is_the_same_set():
    text = (ROOT / "environment.yml").read_text()
    listed = re.findall(r"^  - ([a-z0-9-]+)(>=[\d.]+)?$", text.split("dependencies:")[1], re.M)
    listed = {CONDA_NAMES.get(name, name): bound for name, bound in listed if name not in ("python", "pip")}
    extras = [Requirement(text) for text in PROJECT["optional-dependencies"]["lab"] + PROJECT["optional-dependencies"]["dev"]]
    lab = {"jupyterlab", "ipykernel", "torchvision"}  # pip's torchvision would not fit conda's PyTorch
    wanted = {r.name: str(r.specifier) for r in requirements() + [extra for extra in extras if extra.name in lab]}
    assert listed == wanted
    assert f"python{PROJECT['requires-python']}" in text and "conda-forge" in text and "  - pip:\n      - -e .[dev]" in text


LAYERS = ("data", "nn", "losses", "ot", "metrics", "viz", "training")


@pytest.mark.parametrize("layer", LAYERS)
def test_lower_layers_know_nothing_of_models(layer):
    for path in (ROOT / "course_lib" / layer).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for name in names:
                lazy = layer == "metrics" and name.startswith("course_lib.weights")  # feature networks are loaded by name
                assert lazy or not re.match(r"course_lib\.(models|weights)|notebooks|lessons", name), f"{path.name} imports {name}"


def test_files_of_the_library_stay_small():
    long = {p.name: n for p in (ROOT / "course_lib").rglob("*.py") if (n := len(p.read_text().splitlines())) > 300}
    assert not long, long


def test_set_up_cell_installs_on_colab_only(monkeypatch):
    import importlib.util
    import subprocess
    import sys

    cell = re.search(r'# %% tags=\["setup"\]\n(.*?)\n# %%', (ROOT / "lessons" / "00_start_here.py").read_text(), re.S)[1]
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    exec(cell, {})
    assert calls == []
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    exec(cell, {})
    assert calls == []  # installed already
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    exec(cell, {})
    ((python, *rest),) = calls
    address = PROJECT["urls"]["Repository"]
    assert python == sys.executable and rest == ["-m", "pip", "install", "-q", f"git+{address}"]
    assert not {"--upgrade", "-U", "--force-reinstall"} & set(rest) and "torch" not in " ".join(rest)


def test_licences_are_there():
    assert "MIT License" in (ROOT / "LICENSE").read_text()
    assert "CC BY 4.0" in (ROOT / "LICENSE-text.md").read_text()
    page = (ROOT / "DATA.md").read_text()
    from course_lib import data

    for names in (data.PHOTOS, data.TEXTURES):
        assert all(f"`{name}`" in page for name in names)
