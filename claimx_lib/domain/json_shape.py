"""The shape of JSON values, as Spark's `schema_of_variant_agg` writes it, read into values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SCALARS = frozenset({"VOID", "BOOLEAN", "BIGINT", "DOUBLE", "STRING"})
_TOKEN = re.compile(r"\s*(?:(`(?:[^`]|``)*`)|(DECIMAL\(\d+,\s*-?\d+\))|([^\s`<>:,]+)|([<>:,]))")
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(-?\d+)\)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: `kind` is BOOLEAN, BIGINT, DECIMAL, DOUBLE, STRING, VOID (only null), or VARIANT (of several kinds)."""

    kind: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Array:
    """Elements of one shape."""

    element: Shape


@dataclass(frozen=True, slots=True)
class Object:
    """Named values, in the order given."""

    fields: dict[str, Shape] = field(default_factory=dict)


Shape = Scalar | Array | Object
MIXED = Scalar("VARIANT")
VOID = Scalar("VOID")


def parsed_shape(text: str | None) -> Shape:
    """The shape that a text such as ``OBJECT<a: BIGINT, `b c`: ARRAY<STRING>>`` describes; None is VOID.

    Raises ValueError on a text that is none.
    """
    if text is None:
        return VOID
    tokens = _tokens(text)
    shape, end = _shape(tokens, 0)
    if end != len(tokens):
        raise ValueError(f"text after a shape at token {end}")
    return shape


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"no shape at character {position}")
        tokens.append(match.group().strip() if match.group(1) is None else match.group(1))
        position = match.end()
    return tokens


def _shape(tokens: list[str], at: int) -> tuple[Shape, int]:
    kind = tokens[at]
    if kind == "OBJECT":
        return _object(tokens, at + 1)
    if kind == "ARRAY":
        element, end = _shape(tokens, _past(tokens, at + 1, "<"))
        return Array(element), _past(tokens, end, ">")
    decimal = _DECIMAL.fullmatch(kind)
    if decimal:
        return Scalar("DECIMAL", int(decimal[1]), int(decimal[2])), at + 1
    return (Scalar(kind) if kind in SCALARS else MIXED), at + 1


def _object(tokens: list[str], at: int) -> tuple[Object, int]:
    fields: dict[str, Shape] = {}
    at = _past(tokens, at, "<")
    while tokens[at] != ">":
        name = _name(tokens[at])
        fields[name], at = _shape(tokens, _past(tokens, at + 1, ":"))
        if tokens[at] == ",":
            at += 1
    return Object(fields), at + 1


def _name(token: str) -> str:
    return token[1:-1].replace("``", "`") if token.startswith("`") else token


def _past(tokens: list[str], at: int, mark: str) -> int:
    if tokens[at] != mark:
        raise ValueError(f"{mark} expected at token {at}")
    return at + 1
