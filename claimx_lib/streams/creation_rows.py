"""Rows of task_creation's tables as values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import types as T

from claimx_lib.domain.creation.codec import PlanRow
from claimx_lib.domain.creation.decisions import Wait
from claimx_lib.domain.creation.events import Headers, SourceRecord
from claimx_lib.domain.creation.intake import PendingRow
from claimx_lib.domain.creation.ledger import LedgerRow, State
from claimx_lib.schemas.tables import PENDING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

Values = tuple[Any, ...]
_INSTANTS = ("expires_at", "at")


def utc(instant: datetime | None) -> datetime | None:
    """Spark hands instants out without a zone, in that of this process."""
    return None if instant is None else instant.astimezone(UTC)


def frame_of(session: SparkSession, rows: Iterable[Values], schema: T.StructType) -> DataFrame:
    """The rows as a frame of one partition; by Arrow, so that no Python worker is needed to read them again."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [[] for _ in schema]
    arrow = to_arrow_schema(schema)
    arrays = [pa.array(list(column), type=field.type) for column, field in zip(columns, arrow, strict=True)]
    return session.createDataFrame(pa.Table.from_arrays(arrays, schema=arrow), schema).coalesce(1)


def ledger_values(row: LedgerRow, names: Sequence[str]) -> Values:
    """A ledger row in the order of the table's columns."""
    told = {one.name: getattr(row, one.name) for one in fields(row)} | {"state": str(row.state)}
    return tuple(told[name] for name in names)


def ledger_row(row: Row) -> LedgerRow:
    """A row of the table as a value."""
    told = {one.name: row[one.name] for one in fields(LedgerRow)}
    instants = {name: utc(told[name]) for name in _INSTANTS}
    return LedgerRow(**(told | instants | {"state": State(row["state"]), "event_id": row["event_id"] or ""}))


def source_record(row: Row) -> SourceRecord:
    """A Kafka record as `connectors.kafka.read_stream` gives it."""
    return SourceRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=_bytes(row["key"]),
        value=_bytes(row["value"]),
        headers=headers_of(row["headers"]),
        at=_there(utc(row["timestamp"])),
    )


def headers_of(headers: Sequence[Row] | None) -> Headers:
    """Headers as pairs."""
    return tuple((header["key"], _bytes(header["value"])) for header in headers or ())


def plan_row(row: Row) -> PlanRow:
    """A row of the plan as a value."""
    return PlanRow(
        decision=row["decision"],
        event_id=row["event_id"],
        payload=row["payload"],
        raw_value=_bytes(row["raw_value"]),
        headers=headers_of(row["headers"]),
    )


def pending_row(row: Row) -> PendingRow:
    """A row of the pending table as far as decisions rest on it; for its record's own time stands when it was taken up."""
    return PendingRow(
        event_id=row["event_id"],
        record=stored_record(row, at=row["first_seen_at"]),
        attempts=row["attempts"] or 0,
        first_seen_at=_there(utc(row["first_seen_at"])),
        last_reason=row["last_reason"],
    )


def stored_record(row: Row, *, at: datetime) -> SourceRecord:
    """The record of a pending row or a dead letter, as it was read."""
    return SourceRecord(
        topic=row["source_topic"],
        partition=row["source_partition"],
        offset=row["source_offset"],
        key=None if row["source_key"] is None else row["source_key"].encode("utf-8"),
        value=_bytes(row["raw_value"]),
        headers=headers_of(row["headers"]),
        at=_there(utc(at)),
    )


def pending_values(wait: Wait, now: datetime) -> Values:
    """The pending row of a decision to wait, in the order of the table's columns."""
    event, record = wait.subject.event, wait.subject.event.record
    told: Mapping[str, Any] = {
        "event_id": event.event_id,
        "claim_number": event.claim_number,
        "claim_key": event.claim_key,
        "attempts": wait.subject.attempts,
        "first_seen_at": wait.subject.first_seen_at,
        "next_attempt_at": wait.next_attempt_at,
        "last_reason": wait.reason,
        "original_message": event.text,
        "source_topic": record.topic,
        "source_partition": record.partition,
        "source_offset": record.offset,
        "source_key": None if record.key is None else record.key.decode("utf-8", "replace"),
        "raw_value": record.value,
        "headers": header_values(record.headers),
        "attempt_id": wait.subject.attempt,
        "updated_at": now,
    }
    return tuple(told[name] for name in PENDING.schema.names)


def header_values(headers: Iterable[tuple[str, bytes | None]]) -> list[dict[str, Any]]:
    """Headers as Arrow takes them."""
    return [{"key": name, "value": value} for name, value in headers]


def _bytes(value: bytearray | None) -> bytes | None:
    return None if value is None else bytes(value)


def _there(instant: datetime | None) -> datetime:
    if instant is None:
        message = "a row without its instant"
        raise ValueError(message)
    return instant
