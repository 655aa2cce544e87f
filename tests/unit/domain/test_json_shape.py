"""Shapes of JSON values, read from Spark's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.json_shape import MIXED, VOID, Array, Object, Scalar, Shape, parsed_shape

SHAPES = st.recursive(
    st.sampled_from(["VOID", "BOOLEAN", "BIGINT", "DOUBLE", "STRING"]).map(Scalar) | st.just(Scalar("DECIMAL", 7, 2)),
    lambda inner: inner.map(Array) | st.dictionaries(st.text(max_size=8), inner, max_size=4).map(Object),
    max_leaves=12,
)


def written(shape: Shape) -> str:
    if isinstance(shape, Array):
        return f"ARRAY<{written(shape.element)}>"
    if isinstance(shape, Object):
        quoted = (f"`{name.replace('`', '``')}`: {written(inner)}" for name, inner in shape.fields.items())
        return f"OBJECT<{', '.join(quoted)}>"
    return f"DECIMAL({shape.precision},{shape.scale})" if shape.kind == "DECIMAL" else shape.kind


@given(SHAPES)
def test_what_is_written_is_read_again(shape: Shape) -> None:
    """Whatever the nesting and the names, the shape that Spark's text describes comes back."""
    assert parsed_shape(written(shape)) == shape


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
