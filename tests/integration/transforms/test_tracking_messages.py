"""What task_tracking says of its rows, as messages."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.transforms.tracking import LONGEST_ID
from claimx_lib.transforms.tracking_messages import error_messages

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = """dead_letter_id STRING, reason STRING, error STRING, event_id STRING, source_topic STRING, source_partition INT,
    source_offset BIGINT, raw_value BINARY"""
AT = datetime(2026, 1, 10, tzinfo=UTC)


def told(spark: SparkSession, event_ids: list[str | None], raw: bytes = b"{}", *sets: str) -> list[Any]:
    rows = [("d" * 64, "missing-event_id", "", event_id, "t" * 249, 1, n, raw) for n, event_id in enumerate(event_ids)]
    frame = spark.createDataFrame(rows, COLUMNS)
    settings = load(sets=list(sets), environ={})
    most = settings.kafka.max_message_bytes
    return error_messages(frame, "errors", settings.pii, at=AT, max_message_bytes=most).collect()


def test_an_error_is_found_by_its_event_or_its_coordinates(spark: SparkSession) -> None:
    """The key is the event's id; one that is missing or blank names nothing: then the record's coordinates do."""
    messages = told(spark, ["e1", None, "", " \t", "\u00a0", " e2 "])
    assert [row.key for row in messages] == ["e1", *(f"{'t' * 249}/1/{n}" for n in (1, 2, 3, 4)), " e2 "]
    assert [json.loads(row.value)["event_id"] for row in messages][2:4] == ["", " \t"]


@pytest.mark.parametrize("lines", [3_100, 3_200])
def test_an_error_fits_the_broker_masked_too(spark: SparkSession, lines: int) -> None:
    """A raw value is weighed as it is sent: one that masking makes too large is left to the table, whatever the id weighs."""
    raw = json.dumps([{"zip": n % 10} for n in range(lines)], separators=(",", ":")).encode()
    sets = ("kafka.max_message_bytes=75000", "pii.mask_messages=true")
    for row in told(spark, ["e1", "\U0001f600" * LONGEST_ID, "\x01" * LONGEST_ID], raw, *sets):
        assert len(row.key.encode()) + len(row.value.encode()) + 1_024 < 75_000
        shown = json.loads(row.value)["raw_value_base64"]
        assert (shown is not None) is (lines < 3_150)
        assert shown is None or json.loads(base64.b64decode(shown))[1] == {"zip": "***"}
