"""JSON texts into typed structs, and what does not fit them into `rescued_data`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.transforms.decode import has_lone_surrogate
from claimx_lib.transforms.encode import json_members, json_string
from claimx_lib.transforms.evolution import Evolution, Path
from claimx_lib.transforms.masking import without_escapes

if TYPE_CHECKING:
    from pyspark.sql import Column

DEEPEST = 16
"""Levels of objects and arrays; what is nested deeper is not looked into: Spark's recursion over it ends the JVM."""

_NOBODYS_FIELD = f"corrupt_{secrets.token_hex(8)}"
"""Spark keeps one name for texts that are no JSON, `_corrupt_record`, and ends a query whose data has a field of it."""
_PARSER = {"mode": "PERMISSIVE", "allowNonNumericNumbers": "false", "columnNameOfCorruptRecord": _NOBODYS_FIELD}


def variant_of(text: Column) -> Column:
    """VARIANT of a JSON object that can be looked into; NULL for others, repeated keys, lone surrogates and what is nested
    too deep.
    """
    return F.when(text.startswith("{") & ~_is_deep(text) & ~has_lone_surrogate(text), F.try_parse_json(text))


def typed(text: Column, struct: T.StructType) -> Column:
    """STRUCT of an object's JSON text; values that do not fit are NULL within it. NULL for what is no object."""
    return F.when(text.startswith("{"), F.from_json(text, struct, _PARSER))


def left_over(text: Column, value: Column, evolution: Evolution, *, has_odd: bool) -> Column:
    """STRING, JSON: what of `text` is not in `value` (of `typed`); NULL where nothing is left.

    An object from dotted path to text; or the whole text as a JSON string where it is no object, too deep, has
    repeated keys (`has_odd` says whether the batch holds such), or too much of it does not fit.
    """
    if evolution.is_whole:
        return json_string(text)
    parts = F.concat_ws(",", *_pieces(text, value, evolution)) if not evolution.fits else F.lit("")
    fitted = F.when(parts != "", F.concat(F.lit("{"), parts, F.lit("}")))
    if not has_odd:
        return fitted
    return F.when(text.isNotNull() & variant_of(text).isNull(), json_string(text)).otherwise(fitted)


def json_path(path: Path) -> str:
    """The JSON path expression of a plain path."""
    return "$" + "".join(f"['{name}']" for name in path)


def _pieces(text: Column, value: Column, evolution: Evolution) -> list[Column]:
    by_parent = [_rescued(text, parent, names) for parent, names in evolution.rescued.items()]
    checked = [
        F.when(_at(value, path).isNull(), F.get_json_object(text, json_path(path))).alias(".".join(path))
        for path in evolution.checked
    ]
    return by_parent + ([json_members(F.to_json(F.struct(*checked)))] if checked else [])


def _rescued(text: Column, parent: Path, names: tuple[str, ...]) -> Column:
    """The members of one parent that go to the rescue; named by the last part of their path alone at the top."""
    within = F.get_json_object(text, json_path(parent)) if parent else text
    texts = F.from_json(within, T.StructType([T.StructField(name, T.StringType()) for name in names]), _PARSER)
    members = json_members(F.to_json(texts))
    if not parent:
        return members
    prefix = json_string(F.lit(".".join(parent)))
    return F.when(members.isNotNull(), F.concat(prefix, F.lit(":{"), members, F.lit("}")))


def _at(value: Column, path: Path) -> Column:
    for name in path:
        value = value.getField(name)
    return value


def _is_deep(text: Column) -> Column:
    opens = F.length(text) - F.length(F.translate(text, "{[", ""))
    return F.when(opens > DEEPEST, _brackets_left(text) != "").otherwise(F.lit(col=False))


def _brackets_left(text: Column) -> Column:
    """The brackets that are left when the innermost pairs have been taken away as often as levels are allowed."""
    without_strings = F.regexp_replace(without_escapes(text), '"[^"]*"', "")
    brackets = F.regexp_replace(without_strings, r"[^\[\]{}]+", "")
    for _ in range(DEEPEST):
        brackets = F.regexp_replace(brackets, r"\{\}|\[\]", "")
    return brackets
