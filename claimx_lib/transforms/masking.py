"""People hidden in texts that leave the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.domain.masking import EMAIL, HIDDEN, PHONE, key_pattern

if TYPE_CHECKING:
    from pyspark.sql import Column

_STRING = '"[^"]*"'
_FLAT = rf'[\[{{][^\[\]{{}}"]*(?:{_STRING}[^\[\]{{}}"]*){{0,200}}[\]}}]'
_VALUE = rf'(?:{_STRING}|{_FLAT}|[^\s",\[\]{{}}]+)'
_ESCAPES = ((r"\\\\", "\u0001"), (r'\\"', "\u0002"))  # control characters never stand raw in JSON


def masked_text(text: Column) -> Column:
    """STRING with e-mail addresses and phone numbers hidden."""
    return F.regexp_replace(text, f"{EMAIL}|{PHONE}", HIDDEN)


def masked_json(text: Column, fields: Sequence[str]) -> Column:
    """STRING: the JSON text with the values of `fields` hidden at any depth, and people in every other text.

    A field counts in any case and as camelCase; its value is hidden where it is a scalar, or an array or object
    without others in it. NULL where the text is no JSON: what cannot be read cannot be masked.
    """
    canonical = F.to_json(F.try_parse_json(text))
    if not fields:
        return masked_text(canonical)
    keys = "|".join(key_pattern(field) for field in fields)
    hidden = F.regexp_replace(without_escapes(canonical), rf'(?i)("(?:{keys})"):{_VALUE}', rf'$1:"{HIDDEN}"')
    return masked_text(_with_escapes(hidden))


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
