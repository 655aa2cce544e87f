"""Bytes to texts and typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chispa import assert_df_equality
from pyspark.sql import functions as F

from claimx_lib.transforms.decode import as_instant, as_integer, as_long, json_object, text_of
from tests.fakes.bad_input import spoilt
from tests.fakes.world import event

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NO_OBJECT = {
    "null", "empty", "blank", "bytes", "invalid UTF-8 in a text", "byte-order mark", "UTF-16", "encoded surrogate", "raw NUL",
    "truncated", "array", "text", "number", "null literal", "NaN", "two objects", "something behind", "array's end behind",
    "array's end and another behind", "another and an array's end behind", "single quotes", "a wrong literal in an array", "10,000 deep",
}  # fmt: skip


def one_column(spark: SparkSession, values: list[object], kind: str = "STRING") -> DataFrame:
    return spark.createDataFrame([(v,) for v in values], f"v {kind}")


def test_exactly_the_json_objects_are_taken(spark: SparkSession) -> None:
    """Whatever is no single JSON object in UTF-8 is NULL; every other input, however odd its fields, is read."""
    given = spoilt(event)
    rows = [(name, None if raw is None else bytearray(raw)) for name, raw in given.items()]
    frame = spark.createDataFrame(rows, "name STRING, raw BINARY")
    read = frame.select("name", json_object(text_of(F.col("raw")), ["event_id", "task"]).isNull().alias("is_null"))
    assert {row.name for row in read.collect() if row.is_null} == NO_OBJECT


def test_fields_come_as_texts_or_as_given(spark: SparkSession) -> None:
    """Objects keep their text, numbers their value, null is NULL, the last of repeated keys counts."""
    frame = one_column(
        spark, ['{"a": {"b": [1.10, null]}, "n": 1e2, "x": 1, "x": "2", "t": 5}', '{"a": null, "t": "5"}', "{}"]
    )
    read = frame.select(json_object(F.col("v"), ["a", "n", "x"], as_given=["t"]).alias("j"))
    flat = read.select("j.a", "j.n", "j.x", F.to_json(F.struct("j.t")).alias("t"))
    expected = spark.createDataFrame(
        [('{"b":[1.1,null]}', "100.0", "2", '{"t":5}'), (None, None, None, '{"t":"5"}'), (None, None, None, "{}")],
        "a STRING, n STRING, x STRING, t STRING",
    )
    assert_df_equality(flat, expected, ignore_nullable=True)


def test_whole_numbers_are_never_rounded(spark: SparkSession) -> None:
    """Texts that are whole numbers become them, within the type's range; all else is NULL. An exponent without a point is an
    id in letters: Spark writes a number's behind one.
    """
    given = [("32513", 32513, 32513), ("32513.0", 32513, 32513), ("3.2513E4", 32513, 32513), (" 7 ", 7, 7), ("-0", 0, 0),
             ("2147483648", None, 2147483648), ("9007199254740993", None, 9007199254740993),
             ("9223372036854775808", None, None), ("1.5", None, None), ("1e400", None, None), ("7e3", None, None), ("9" * 300, None, None),
             ("0x10", None, None), ("\u0663", None, None), ("", None, None), (None, None, None)]  # fmt: skip
    frame = one_column(spark, [text for text, _, _ in given])
    actual = frame.select("v", as_integer(F.col("v")).alias("i"), as_long(F.col("v")).alias("l"))
    assert_df_equality(actual, spark.createDataFrame(given, "v STRING, i INT, l BIGINT"), ignore_nullable=True)


def test_instants_need_a_zone_and_a_plausible_year(spark: SparkSession) -> None:
    """ISO 8601 with a zone or epoch milliseconds, from 2000 to the end of 2100, in any session time zone; else NULL."""
    at = datetime(2026, 1, 10, 12, 34, 56, 789_000, tzinfo=UTC)
    good = ["2026-01-10T12:34:56.789Z", "2026-01-10t12:34:56.789z", "2026-01-10 13:34:56,789 +01:00",
            "2026-01-10T07:34:56.789-0500", "2026-01-10T07:34:56.789-05", "1768048496789", "1.768048496789E12"]  # fmt: skip
    bad = ["2026-01-10T12:34:56", "2026-01-10", "2026-02-30T00:00:00Z", "2026-01-10T25:00:00Z", "1999-12-31T23:59:59Z",
           "2101-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "1768048496", "1768048496789000", "now",
           "", "-1", "2026-01-10T12:34:56+99:00", None]  # fmt: skip
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        read = one_column(spark, [*good, *bad]).select("v", F.unix_millis(as_instant(F.col("v"))).alias("ms")).collect()
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)
    wanted = int(at.timestamp() * 1000)
    assert [(row.v, row.ms) for row in read] == [(v, wanted) for v in good] + [(v, None) for v in bad]
