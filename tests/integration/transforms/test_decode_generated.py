"""Bytes that nobody thought of: Spark's reading of them against Python's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from claimx_lib.transforms.decode import json_object, text_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK_JOBS, RECORDS = 15, 25
"""Each example is a batch of so many records: one by one each would be a job."""
FIELDS = ("event_id", "task")
_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    _SCALARS | st.text(max_size=6), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)  # fmt: skip
_OBJECTS = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), _VALUES, max_size=4)
_SPOILS = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"'", b",", b":", b"\\", b"\\u", b"\\ud800", b"\x00", b"\x1f", b"\x7f", b"\xff", b"\xc3",
     b"\xed\xa0\x80", b"\xef\xbb\xbf", b" ", b"\n", b"\x0b", b"\xc2\xa0", b"0", b"-", b"+1", b"1.", b".5", b"1e5", b"NaN", b"Infinity",
     b"null", b"true", b"//x", b"/*x*/", b"#", b"{}", b'"a":1', b"]x", b"}]", b"}{"]
)  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """An object as JSON; with up to three places where something was put in or left out."""
    raw = json.dumps(draw(_OBJECTS), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 3))):
        at, gone = draw(st.integers(0, len(raw))), draw(st.integers(0, 2))
        raw = raw[:at] + draw(_SPOILS | st.just(b"")) + raw[at + gone :]
    return raw


def one_object(raw: bytes) -> dict[str, Any] | None:
    """The one JSON object that these bytes are, by RFC 8259; None where they are anything else."""

    def refused(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        told = json.loads(raw.decode("utf-8"), parse_constant=refused)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


@settings(max_examples=SPARK_JOBS, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(records(), min_size=RECORDS, max_size=RECORDS))
def test_exactly_the_objects_are_taken_whatever_the_bytes(spark: SparkSession, given_records: list[bytes]) -> None:
    """What RFC 8259 calls one object in UTF-8 is read, and a text in it as it is; everything else is NULL."""
    rows = [(number, bytearray(raw)) for number, raw in enumerate(given_records)]
    read = spark.createDataFrame(rows, "n INT, raw BINARY").select(
        "n", json_object(text_of(F.col("raw")), FIELDS).alias("j")
    )
    found = {row.n: row.j for row in read.select("n", F.struct(F.col("j").isNotNull().alias("taken"), "j.event_id").alias("j")).collect()}  # fmt: skip
    for number, raw in enumerate(given_records):
        expected = one_object(raw)
        assert found[number].taken is (expected is not None), raw
        if expected is not None and isinstance(expected.get("event_id"), str) and expected["event_id"].isprintable():
            assert found[number].event_id == expected["event_id"], raw
