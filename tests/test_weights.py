"""The shipped networks: whole, small, described, and what their cards say."""

import json

import pytest
import torch

from course_lib import weights


@pytest.mark.parametrize("name", weights.names())
def test_network_loads_and_its_card_is_complete(name):
    card = weights.card(name)
    assert {"purpose", "data", "steps", "seed", "seconds", "figures", "parameters", "bytes", "sha256", "made_with", "lesson"} <= card.keys()
    assert card["bytes"] <= weights.LIMIT and card["figures"]
    assert card["steps"] == weights.recipe(name).STEPS
    system = weights.load_pretrained(name)
    assert not system.training and sum(p.numel() for p in system.parameters()) == card["parameters"]


@pytest.mark.parametrize("name", [name for name in weights.names() if name.startswith("digits_vae") or name == "digits_cvae"])
def test_vae_figures_are_reproduced(name):
    measured, stated = weights.recipe(name).measure(weights.load_pretrained(name)), weights.card(name)["figures"]
    assert measured == pytest.approx(stated, rel=0.005)


@pytest.mark.parametrize("name", ["digits_realnvp", "digits_glow"])
def test_flow_bits_are_reproduced(name):
    from course_lib import data
    from course_lib.weights.recipes.flow_training import bits

    found, stated = bits(weights.load_pretrained(name), data.digits("test").images), weights.card(name)["figures"]
    assert found == pytest.approx(stated["test_bits_per_dimension"], abs=0.01)


def test_damaged_or_unknown_weights_are_refused(tmp_path, monkeypatch):
    name = weights.names()[0]
    content = bytearray((weights.HERE / f"{name}.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / f"{name}.safetensors").write_bytes(content)
    (tmp_path / f"{name}.json").write_text(json.dumps(weights.card(name)))
    monkeypatch.setattr(weights, "HERE", tmp_path)
    with pytest.raises(ValueError, match="the file is damaged"):
        weights.load_pretrained(name)
    with pytest.raises(ValueError, match=f"name is 'nobody'; there are {name}"):
        weights.load_pretrained("nobody")


def test_a_network_can_be_made_again(tmp_path, monkeypatch):
    """The whole chain of `make weights`, with a recipe cut to a few steps."""
    from course_lib.weights.__main__ import make

    recipe = weights.recipe("digits_vae2")
    monkeypatch.setattr(recipe, "STEPS", 3)
    monkeypatch.setattr(weights, "HERE", tmp_path)
    make("digits_vae2")
    card = json.loads((tmp_path / "digits_vae2.json").read_text())
    assert card["steps"] == 3 and isinstance(weights.load_pretrained("digits_vae2").sample(1), torch.Tensor)
