"""People hidden in texts that leave the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.domain.masking import EMAIL, HIDDEN, ID_KEYS, PHONE, key_pattern

if TYPE_CHECKING:
    from pyspark.sql import Column

DEEPEST = 8
"""Levels of objects and arrays within a listed field; what is nested deeper is not shown at all."""
_STRING = '"[^"]*+"'


def _nested(levels: int) -> str:
    """An object or array with so many levels in it. Possessive: Java loops over such a group, else it recurses."""
    inner = f"|{_nested(levels - 1)}" if levels else ""
    return rf'[\[{{](?:[^\[\]{{}}"]++|{_STRING}{inner})*+[\]}}]'


_VALUE = rf'(?:{_STRING}|{_nested(DEEPEST)}|[^\s",\[\]{{}}]+)'
_ESCAPED, _MARK, _QUOTE, _BACKSLASH = "\u0004", "\u0003", "\u0002", "\u0001"
_ESCAPE = rf"[\\{_BACKSLASH}](?:u[0-9A-Fa-f]{{4}}|[bfnrt])"
"""Of a text, or of JSON that stands as one."""
_VALUE_IN_TEXT = rf'(?:{_QUOTE}[^{_QUOTE}"]*+{_QUOTE}|[^\s{_QUOTE}",\[\]{{}}]+)'
"""Of JSON that stands as a text within JSON."""
_IN_AN_ID = rf'(?i)(?:"(?:{ID_KEYS})":"|{_QUOTE}(?:{ID_KEYS}){_QUOTE}\s*:\s*{_QUOTE}|\G(?!\A))[^{_QUOTE}"]'
"""A character of an id's text: the first one, or one that follows another."""
_ESCAPES = ((r"\\\\", _BACKSLASH), (r'\\"', _QUOTE))  # control characters never stand raw in JSON


def masked_text(text: Column) -> Column:
    """STRING with e-mail addresses and phone numbers hidden."""
    return F.regexp_replace(_without_mails(text), PHONE, HIDDEN)


def masked_json(text: Column, fields: Sequence[str]) -> Column:
    """STRING: the JSON text with the values of `fields` hidden at any depth, and people in every other text; in ids
    (`ID_FIELDS`) e-mail addresses alone.

    A field counts in any case and as camelCase; its value is hidden whole. NULL where the text is no JSON or such a
    value is nested too deep: what cannot be masked is not shown.
    """
    canonical = without_escapes(F.to_json(F.try_parse_json(text)))
    if not fields:
        return _with_escapes(_masked_strings(canonical))
    keys = "|".join(key_pattern(field) for field in fields)
    hidden = F.regexp_replace(canonical, rf'(?i)("(?:{keys})"):{_VALUE}', rf'$1:"{HIDDEN}"')
    hidden = F.regexp_replace(
        hidden, rf"(?i)({_QUOTE}(?:{keys}){_QUOTE}\s*:)\s*{_VALUE_IN_TEXT}", rf"$1{_QUOTE}{HIDDEN}{_QUOTE}"
    )
    is_left = hidden.rlike(rf'(?i)["{_QUOTE}](?:{keys})["{_QUOTE}]\s*:\s*[\[{{]')
    return F.when(~is_left, _with_escapes(_masked_strings(hidden)))


def _masked_strings(json_text: Column) -> Column:
    r"""A number in an array is no phone's: it is marked, as what follows a text is, and marks are taken away again.

    So is what follows an escape: the n of `\n` belongs to no word after it. And each character of an id is: no number
    is made of them.
    """
    apart = _without_mails(F.regexp_replace(json_text, _ESCAPE, f"$0{_ESCAPED}"))
    ids_apart = F.regexp_replace(apart, _IN_AN_ID, f"$0{_MARK}")
    marked = F.regexp_replace(ids_apart, rf"({_STRING})|(?<=[\[,])(?=-?\d)", f"$1{_MARK}")
    return F.translate(F.regexp_replace(marked, f"(?<!{_MARK}){PHONE}", HIDDEN), _MARK + _ESCAPED, "")


def _without_mails(text: Column) -> Column:
    return F.regexp_replace(text, EMAIL, HIDDEN)


def without_escapes(json_text: Column) -> Column:
    r"""JSON text in which `\\` and `\"` are control characters: a string then ends at the next quote.

    Java's regular expressions recurse for each turn of an alternation: on long strings they end the JVM.
    """
    for pattern, placeholder in _ESCAPES:
        json_text = F.regexp_replace(json_text, pattern, placeholder)
    return json_text


def _with_escapes(json_text: Column) -> Column:
    quoted = F.regexp_replace(json_text, "\u0002", r"\\\"")  # in a replacement, too, two backslashes are one
    return F.regexp_replace(quoted, "\u0001", r"\\\\")
