"""The picture of imports is that of the source, and imports point one way."""

import pytest

import architecture


def test_imports_point_one_way():
    graph = architecture.imports()
    architecture.rows(graph)  # raises where they run in a circle
    below = {"data", "nn", "losses", "ot", "metrics", "training"}
    assert not {part for part in below if graph.get(part, set()) & {"models", "weights", "lessons"}}


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="a -> b -> a"):
        architecture.rows({"a": {"b"}, "b": {"a"}})


def test_implied_arrows_are_left_out():
    assert architecture.needed({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == [("a", "b"), ("b", "c")]


def test_the_picture_is_up_to_date():
    assert architecture.TARGET.read_text() == architecture.svg(architecture.imports()), "run python tools/architecture.py"
