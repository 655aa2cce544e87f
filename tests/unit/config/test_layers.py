"""Layers of settings, put one over the other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.config.layers import layer_of_sets, merged, read_layer, substituted
from claimx_lib.errors import ConfigError

KEYS = st.sampled_from(["a", "b", "c", "token"])
TREES = st.recursive(st.integers(), lambda t: st.dictionaries(KEYS, t, max_size=3), max_leaves=8).filter(
    lambda t: isinstance(t, dict)
)


@given(TREES)
def test_nothing_over_a_tree_leaves_it(tree: dict[str, Any]) -> None:
    """An empty layer changes nothing, from above or from below."""
    assert merged(tree, {}) == tree
    assert merged({}, tree) == tree


@given(TREES, TREES)
def test_the_upper_tree_always_wins(low: dict[str, Any], high: dict[str, Any]) -> None:
    """Putting the same layer on top twice is as putting it there once, and every leaf of it holds."""
    once = merged(low, high)
    assert merged(once, high) == once
    assert all(once[key] == value for key, value in high.items() if not isinstance(value, dict))


def test_a_secrets_place_is_replaced_whole() -> None:
    """Of two places for one secret, the upper one alone is left."""
    assert merged({"token": {"env": "A"}}, {"token": {"file": "b"}}) == {"token": {"file": "b"}}


def test_numbers_and_texts_as_keys_are_one(tmp_path: Any) -> None:
    """The template 32513 and "32513" are the same key."""
    file = tmp_path / "x.yaml"
    file.write_text("triggers: {32513: {name: a}}\n")
    assert read_layer(file).values == {"triggers": {"32513": {"name": "a"}}}
    assert layer_of_sets(["triggers={32513: 1}"]).values == {"triggers": {"32513": 1}}


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path: Any) -> None:
    """Broken YAML is one error with file and line."""
    file = tmp_path / "x.yaml"
    file.write_text("a: 1\nb: [1\n")
    with pytest.raises(ConfigError, match=r"x\.yaml line 3"):
        read_layer(file)


def test_variables_are_filled_in_and_missing_ones_told() -> None:
    """`${VAR}`, `${VAR:-default}` and several in one value work; what is not set is told with its path."""
    told: list[str] = []
    tree = {"a": "${X}-${Y:-y}", "b": ["${Z}"]}
    assert substituted(tree, {"X": "x"}, path="", problems=told) == {"a": "x-y", "b": [""]}
    assert told == ["b[0]: ${Z} is not set: set the environment variable Z, or the setting"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a:\n  b: 1\n  b: 2\n", r"x\.yaml line 3: b stands twice"),
        (b"a:\n\tb: 1\n", r"x\.yaml line 2: found character"),
        (b"\xff\xfea", r"x\.yaml: not a text in UTF-8"),
        (b"a: &a [*a]\n", r"x\.yaml: nested without end"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused(tmp_path: Any, content: bytes, line: str) -> None:
    """A key that stands twice, a tab, another encoding, an alias of itself: one error that names file and place."""
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=line):
        read_layer(file)
