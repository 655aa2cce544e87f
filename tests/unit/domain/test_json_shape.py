"""Shapes of JSON values, read from Spark's text."""

from __future__ import annotations

import pytest

from claimx_lib.domain.json_shape import MIXED, VOID, Array, Object, Scalar, parsed_shape


def test_every_kind_is_read() -> None:
    """Scalars, decimals, arrays, objects and values of several kinds keep their names and order."""
    text = "OBJECT<a: BIGINT, b: ARRAY<OBJECT<c: DECIMAL(5,0)>>, d: VARIANT, e: VOID, f: OBJECT<>>"
    assert parsed_shape(text) == Object(
        {
            "a": Scalar("BIGINT"),
            "b": Array(Object({"c": Scalar("DECIMAL", 5, 0)})),
            "d": MIXED,
            "e": VOID,
            "f": Object(),
        }
    )


@pytest.mark.parametrize("name", ["", "a b", "c`d", "OBJECT<", "x: BIGINT, y", "n\n", "ü", '"', "a>b"])
def test_any_name_is_read(name: str) -> None:
    """A quoted name may hold anything, the notation's own marks included."""
    quoted = name.replace("`", "``")
    assert parsed_shape(f"OBJECT<`{quoted}`: STRING>") == Object({name: Scalar("STRING")})


def test_no_value_at_all_is_void() -> None:
    """An aggregate over nothing brings no shape."""
    assert parsed_shape(None) == VOID


@pytest.mark.parametrize("text", ["OBJECT<a BIGINT>", "ARRAY<BIGINT> x", "OBJECT<a: BIGINT", "`"])
def test_another_notation_is_an_error(text: str) -> None:
    """What is no shape is never taken for one."""
    with pytest.raises((ValueError, IndexError)):
        parsed_shape(text)
