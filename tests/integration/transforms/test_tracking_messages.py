"""What task_tracking says of its rows, as messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claimx_lib.config.load import load
from claimx_lib.transforms.tracking_messages import error_messages

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COLUMNS = """dead_letter_id STRING, reason STRING, error STRING, event_id STRING, source_topic STRING, source_partition INT,
    source_offset BIGINT, raw_value BINARY"""
AT = datetime(2026, 1, 10, tzinfo=UTC)


def told(spark: SparkSession, event_ids: list[str | None], raw: bytes = b"{}") -> list[Any]:
    rows = [("d", "missing-event_id", "", event_id, "t", 1, n, raw) for n, event_id in enumerate(event_ids)]
    frame = spark.createDataFrame(rows, COLUMNS)
    pii = load(environ={}).pii
    return error_messages(frame, "errors", pii, at=AT, max_message_bytes=1_000_000).collect()


def test_an_error_is_found_by_its_event_or_its_coordinates(spark: SparkSession) -> None:
    """The key is the event's id; one that is missing or blank names nothing: then the record's coordinates do."""
    messages = told(spark, ["e1", None, "", " \t", "\u00a0", " e2 "])
    assert [row.key for row in messages] == ["e1", "t/1/1", "t/1/2", "t/1/3", "t/1/4", " e2 "]
    assert [json.loads(row.value)["event_id"] for row in messages][2:4] == ["", " \t"]
