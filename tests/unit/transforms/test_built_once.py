"""Expressions are put together once for arguments that read the same."""

from __future__ import annotations

from claimx_lib.transforms.built_once import built_once


def test_the_same_arguments_build_once() -> None:
    """Equal settings, not the same object alone, find what was built; others build anew."""
    built: list[dict[str, int]] = []

    @built_once
    def columns(given: dict[str, int]) -> list[str]:
        built.append(given)
        return sorted(given)

    first = columns({"a": 1})
    assert columns({"a": 1}) is first
    assert columns({"a": 2}) == first
    assert built == [{"a": 1}, {"a": 2}]


def test_the_longest_unused_is_forgotten() -> None:
    """A table that grows a field a batch does not fill the driver: 32 are kept, those used last."""
    built: list[int] = []

    @built_once
    def number(given: int) -> int:
        built.append(given)
        return given

    for given in range(33):
        number(0)
        number(given)
    number(0)
    number(1)
    assert built == [*range(33), 1]
