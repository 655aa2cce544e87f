"""How a struct takes in what a batch brings."""

from __future__ import annotations

import pytest
from pyspark.sql import types as T

from claimx_lib.domain.json_shape import parsed_shape
from claimx_lib.transforms.evolution import MOST_FIELDS, Evolution, evolved

BASE = T.StructType([T.StructField("id", T.LongType()), T.StructField("name", T.StringType())])


def taken_in(text: str, current: T.StructType = BASE, limit: int = 200) -> Evolution:
    return evolved(current, parsed_shape(text), max_new_fields=limit)


def test_what_is_known_changes_nothing() -> None:
    """Objects of known fields, fewer of them, or only nulls, leave the struct as it is, and fit."""
    for text in ("OBJECT<id: BIGINT, name: STRING>", "OBJECT<id: VOID>", "OBJECT<>", "VOID"):
        evolution = taken_in(text)
        assert (evolution.target, evolution.added, evolution.fits) == (BASE, (), True)


def test_new_fields_are_added_behind_the_known_ones() -> None:
    """Each kind of value gets the column that holds it; one that is only ever null waits."""
    evolution = taken_in(
        "OBJECT<a: BIGINT, b: BOOLEAN, c: DOUBLE, d: DECIMAL(3,2), e: DECIMAL(19,0), f: VARIANT, g: VOID, "
        "h: ARRAY<BIGINT>, i: ARRAY<VARIANT>, j: OBJECT<k: OBJECT<l: STRING>>>"
    )
    assert evolution.target.fields[:2] == BASE.fields
    assert {f.name: f.dataType.simpleString() for f in evolution.target.fields[2:]} == {
        "a": "bigint",
        "b": "boolean",
        "c": "double",
        "d": "double",
        "e": "string",
        "f": "string",
        "h": "array<bigint>",
        "i": "array<string>",
        "j": "struct<k:struct<l:string>>",
    }
    assert evolution.added == ("a", "b", "c", "d", "e", "f", "h", "i", "j", "j.k", "j.k.l")
    assert evolution.fits


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "a,b",
        "a;b",
        "a{b",
        "a(b",
        "a\nb",
        "a\tb",
        "a=b",
        "",
        "a\x01b",
        "x" * 256,
        "ID",
        "Name",
        "jane@example.com",
        "555-123-4567",
    ],
)
def test_a_name_that_delta_would_refuse_is_rescued(name: str) -> None:
    """Marks that Delta refuses, a second spelling of a known name, and people, never reach the table's schema: a name
    in it outlives every row.
    """
    evolution = taken_in(f"OBJECT<`{name}`: BIGINT>")
    assert (evolution.target, evolution.rescued) == (BASE, {(): (name,)})


def test_of_two_spellings_the_first_is_added() -> None:
    """Two names that differ in case alone: one becomes a field, the other is rescued."""
    evolution = taken_in("OBJECT<Foo: BIGINT, foo: BIGINT>")
    assert evolution.added == ("Foo",)
    assert evolution.rescued == {(): ("foo",)}


@pytest.mark.parametrize(
    "text",
    ["OBJECT<x: OBJECT<>>", "OBJECT<x: ARRAY<VOID>>", "OBJECT<x: ARRAY<OBJECT<>>>", "OBJECT<x: OBJECT<y: VOID>>"],
)
def test_what_has_nothing_in_it_is_rescued(text: str) -> None:
    """An empty object or array makes no column: Delta would refuse the struct."""
    assert taken_in(text).rescued == {(): ("x",)}


def test_a_type_that_no_longer_fits_keeps_the_column() -> None:
    """The column stays as it is; its text is rescued where the typed value is missing."""
    for kind in ("STRING", "DECIMAL(19,0)", "DECIMAL(5,0)", "DOUBLE", "BOOLEAN", "VARIANT", "OBJECT<a: BIGINT>"):
        evolution = taken_in(f"OBJECT<id: {kind}>")
        assert (evolution.target, evolution.checked) == (BASE, (("id",),))
    assert taken_in("OBJECT<name: OBJECT<a: BIGINT>>").fits, "a text takes anything"


def test_structs_and_arrays_within_grow_too() -> None:
    """New fields are found at any depth; what does not fit within an array rescues the array's text."""
    current = taken_in("OBJECT<rooms: ARRAY<OBJECT<n: BIGINT>>, at: OBJECT<city: STRING>>").target
    grown = taken_in("OBJECT<rooms: ARRAY<OBJECT<n: BIGINT, w: BIGINT>>, at: OBJECT<zip: BIGINT>>", current)
    assert grown.added == ("rooms.[].w", "at.zip")
    assert grown.fits
    odd = taken_in("OBJECT<rooms: ARRAY<OBJECT<n: STRING>>, at: BIGINT>", current)
    assert odd.target == current
    assert odd.rescued == {(): ("rooms", "at")}


def test_a_mixture_where_a_struct_is_rescues_all_of_it() -> None:
    """Some rows bring an object, some a text: what is within cannot be known, so all of it is kept as text."""
    current = taken_in("OBJECT<at: OBJECT<city: STRING>>").target
    assert taken_in("OBJECT<at: VARIANT>", current).rescued == {(): ("at",)}


def test_new_fields_end_at_the_limit() -> None:
    """No more fields than allowed, those of nested objects counted; the others are rescued."""
    evolution = taken_in("OBJECT<a: OBJECT<b: BIGINT, c: BIGINT>, d: BIGINT>", limit=2)
    assert evolution.added == ("a", "a.b")
    assert evolution.rescued == {("a",): ("c",), (): ("d",)}


def test_beyond_two_hundred_places_the_whole_text_is_rescued() -> None:
    """A payload with ids for keys costs one text, not a thousand expressions."""
    fields = ", ".join(f"`k {n}`: BIGINT" for n in range(201))
    evolution = taken_in(f"OBJECT<{fields}>")
    assert (evolution.is_whole, evolution.target) == (True, BASE)


def test_a_struct_does_not_grow_for_ever() -> None:
    """Names that are ids or dates: beyond MOST_FIELDS in all, those within structs and arrays too, they are rescued."""
    within = T.StructType([T.StructField(f"k{n}", T.LongType()) for n in range(MOST_FIELDS - 3)])
    grown = T.StructType([*BASE.fields, T.StructField("a", T.ArrayType(within))])
    assert taken_in("OBJECT<x: BIGINT>", grown).rescued == {(): ("x",)}
    smaller = T.StructType([*BASE.fields, T.StructField("a", T.ArrayType(T.StructType(within.fields[1:])))])
    evolution = taken_in("OBJECT<x: BIGINT, y: BIGINT>", smaller)
    assert (evolution.added, evolution.rescued) == (("x",), {(): ("y",)})


@pytest.mark.parametrize(
    ("kind", "column"), [("DECIMAL(17,15)", "double"), ("DECIMAL(17,1)", "string"), ("DECIMAL(16,1)", "double")]
)
def test_digits_before_the_point_are_never_rounded(kind: str, column: str) -> None:
    """A number of more than 15 of them keeps its text; places behind the point may end where DOUBLE ends."""
    assert taken_in(f"OBJECT<n: {kind}>").target["n"].dataType.simpleString() == column


def test_a_name_that_a_path_takes_for_every_name_rescues_whole_texts() -> None:
    """`*` in a JSON path is any field: its value could not be fetched by it."""
    current = T.StructType([*BASE.fields, T.StructField("*", T.LongType())])
    assert taken_in("OBJECT<`*`: STRING>", current).is_whole
