"""From a record's bytes to texts and typed values: strict where JSON is, lenient where ids and instants are."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

_PARSER = {"mode": "PERMISSIVE", "allowNonNumericNumbers": "false", "allowSingleQuotes": "false"}
_ISO_WITH_ZONE = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)? ?([Zz]|[+-]\d\d(:?[0-5]\d)?)$"
_NUMBER = r"^-?\d{1,30}(\.\d{1,18}0{0,12}([Ee]\+?\d{1,2})?)?$"  # Spark writes a number's exponent behind a point: 7e3 was a text
AS_IN_JSON = r"^-?\d{1,30}(\.\d{1,18}0{0,12})?([Ee]\+?\d{1,2})?$"
"""A number as a record's own bytes may have it."""
_LONGEST_NUMBER = "decimal(38,18)"  # holds what the pattern takes without rounding
_END = f"end_{secrets.token_hex(8)}"
_YEAR_2000_MS = 946_684_800_000
_YEAR_2101_MS = 4_133_980_800_000
_SURROGATE = r"\\u[dD][89a-fA-F]"
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"


def text_of(value: Column) -> Column:
    """STRING of bytes that are valid UTF-8, else NULL: a plain cast lets any bytes through."""
    return F.try_validate_utf8(value.cast("string"))


def is_blank(text: Column) -> Column:
    """Whether a text is not there, or nothing but white space."""
    return F.coalesce(F.btrim(text, F.lit(" \t\r\n\f\v\u00a0")) == "", F.lit(col=True))


def json_object(text: Column, fields: Sequence[str], *, as_given: Sequence[str] = ()) -> Column:
    """STRUCT of `fields`, each STRING, then `as_given`, each VARIANT, of a text that is one JSON object, else NULL; to be
    read by name, since one more, NULL, follows.

    A nested object or array is its JSON text, a number its shortest form (1.10 is "1.1"), JSON null is NULL, the
    last of repeated keys counts. NULL for any other top-level value, anything before or after the object, NaN,
    a byte-order mark, more than 1,000 levels, a number of more than 1,000 digits, and for repeated keys within a
    field that is wanted as given. Spark's parser stops at the end of a top-level value and takes whatever follows it:
    the text is parsed as the first of two elements of an array, of which the second has a name that nobody can know.
    """
    wanted = [*(f"`{name}` STRING" for name in fields), *(f"`{name}` VARIANT" for name in as_given)]
    columns = ", ".join([*wanted, f"`{_END}` BOOLEAN"])
    both = F.concat(F.lit("["), text, F.lit(f',{{"{_END}":true}}]'))
    parsed = F.from_json(both, f"ARRAY<STRUCT<{columns}>>", _PARSER)
    names = (*fields, *as_given)

    def is_one(found: Column) -> Column:
        """Of an array with a wrong literal in it Spark makes NULL: where one is NULL the text is read as JSON once more."""
        has_all = reduce(and_, (F.get(found, F.lit(0))[name].isNotNull() for name in names))
        return (F.size(found) == 2) & F.get(found, F.lit(1))[_END] & (has_all | F.json_object_keys(text).isNotNull())  # noqa: PLR2004  text and end

    return F.get(F.get(F.filter(F.array(parsed), is_one), F.lit(0)), F.lit(0))


def json_others(text: Column, known: Sequence[str]) -> Column:
    """STRING: an object of those top-level fields of a JSON object's text that are not `known`; NULL where none is.

    Where all are known, and that is nearly always, no more than the fields' names is read. Values keep their kind;
    numbers take their shortest form, and the fields of an object the order of their names. Where a value repeats a name
    within itself, all of them become texts.
    """
    names = F.array(*map(F.lit, sorted(known)))
    has_others = F.size(F.array_except(F.json_object_keys(text), names)) > 0
    return F.when(has_others, _picked(text, lambda name: ~F.array_contains(names, name)))


def json_those(text: Column, fields: Sequence[str]) -> Column:
    """STRING: an object of those top-level fields of a JSON object's text that are among `fields`, as `json_others`."""
    names = F.array(*map(F.lit, sorted(fields)))
    has_some = F.arrays_overlap(F.json_object_keys(text), names)
    return F.when(has_some, _picked(text, lambda name: F.array_contains(names, name)))


def _picked(text: Column, is_wanted: Callable[[Column], Column]) -> Column:
    def picked(kind: str) -> Column:
        parsed = F.from_json(text, f"MAP<STRING, {kind}>", _PARSER)
        return F.to_json(F.map_filter(parsed, lambda name, _: is_wanted(name)))

    return F.coalesce(picked("VARIANT"), picked("STRING"))


def has_lone_surrogate(text: Column) -> Column:
    r"""Whether a JSON text has one half of a pair as an escape (`\ud800`): it is `?` in UTF-8, and Spark, which has sorted
    the names of a VARIANT's object with it, then takes that for malformed and ends the query.
    """
    without_pairs = F.regexp_replace(text, rf"{_HIGH}{_LOW}", "")
    return F.when(text.rlike(_SURROGATE), without_pairs.rlike(_SURROGATE)).otherwise(F.lit(col=False))


def as_long(text: Column, *, pattern: str = _NUMBER) -> Column:
    """BIGINT of a text that is a whole number (`32513`, `32513.0`, `3.2513E4`), else NULL; never rounds."""
    trimmed = F.trim(text)
    number = F.when(trimmed.rlike(pattern), trimmed.try_cast(_LONGEST_NUMBER))
    return F.when(number == F.floor(number), number.try_cast("bigint"))


def as_integer(text: Column) -> Column:
    """INT of a text that is a whole number within INT's range, else NULL."""
    return as_long(text).try_cast("int")


def as_instant(text: Column) -> Column:
    """TIMESTAMP of ISO 8601 with a zone, or of epoch milliseconds, from the year 2000 to the end of 2100; else NULL.

    Does not depend on the session's time zone. Seconds and microseconds since 1970 fall outside the years and are NULL.
    """
    trimmed = F.trim(text)
    iso = F.when(trimmed.rlike(_ISO_WITH_ZONE), _spark_iso(trimmed).try_cast("timestamp"))
    milliseconds = as_long(trimmed)
    is_epoch = milliseconds.between(_YEAR_2000_MS, _YEAR_2101_MS)
    instant = F.coalesce(iso, F.timestamp_millis(F.when(is_epoch, milliseconds)))
    is_plausible = (F.unix_millis(instant) >= _YEAR_2000_MS) & (F.unix_millis(instant) < _YEAR_2101_MS)
    return F.when(is_plausible, instant)


def _spark_iso(text: Column) -> Column:
    """Writes `t`, `z`, `,`, a space before the zone and left-out seconds the way that Spark's cast reads them."""
    with_point = F.regexp_replace(F.upper(text), ",", ".")
    joined = F.regexp_replace(with_point, r"(?<=\d) (?=[Z+-])", "")
    return F.regexp_replace(joined, r"^(.{16})(?=[Z+-])", "$1:00")
