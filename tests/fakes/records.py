"""Kafka records as a static frame, for `process_batch` without a broker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCHEMA = (
    "key BINARY, value BINARY, topic STRING, `partition` INT, offset BIGINT, timestamp TIMESTAMP, "
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>"
)
RECORDED = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


@dataclass
class Topic:
    """Gives records of one topic rising offsets."""

    name: str
    partition: int = 0
    offset: int = -1
    recorded: datetime = field(default=RECORDED)

    def record(self, value: Any, *, key: bytes | None = None) -> tuple[Any, ...]:
        """A record; bytes stay as they are, anything else is written as JSON."""
        self.offset += 1
        raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        return (key, raw, self.name, self.partition, self.offset, self.recorded, None)


def frame_of(session: SparkSession, records: Sequence[tuple[Any, ...]]) -> DataFrame:
    """The records as the streaming source would hand them over."""
    return session.createDataFrame(list(records), SCHEMA)
