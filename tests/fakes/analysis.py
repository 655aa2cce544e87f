"""Literal rows of the tables that analysts look at, and the whole frame that is expected of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chispa import assert_df_equality

from claimx_lib.schemas.tables import DEAD_LETTERS, LEDGER, MAPPING_HISTORY, PENDING, PLAN, TRACKING, TableSpec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

START = datetime(2026, 1, 10, 8, tzinfo=UTC)
AS_OF = START + timedelta(hours=100)
Row = dict[str, Any]


def hour(number: float) -> datetime:
    """The instant so many hours after the start."""
    return START + timedelta(hours=number)


def event(number: int, at: float, status: str, *, assignment: int | None = 1, **more: Any) -> Row:
    """A row of the tracking table: enriched, processed two seconds after the event."""
    happened = hour(at)
    return {
        "event_id": f"e{number}",
        "event_type": "CUSTOM_TASK_UPDATED",
        "task_id": 32513,
        "project_id": "7",
        "event_timestamp": happened,
        "processed_timestamp": happened + timedelta(seconds=2),
        "assignment_id": assignment,
        "task_status": status,
        "source_topic": "t",
        "source_partition": 0,
        "source_offset": number,
        "year": happened.year,
        "month": happened.month,
        "day": happened.day,
        "enrichment_status": "enriched",
        **more,
    }


def letter(name: str, at: float, *, pipeline: str = "task_creation", **more: Any) -> Row:
    """A row of `dead_letters`: open, its project not found."""
    told = {"dead_letter_id": name, "pipeline": pipeline, "state": "OPEN", "reason": "project-not-found"}
    return {**told, "opened_at": hour(at), **more}


def step(key: str, state: str, at: float, **more: Any) -> Row:
    """A row of the ledger, its project found by the mapping's exact claim number."""
    told = {"idempotency_key": key, "event_id": f"event-{key}", "state": state, "claim_number": "ABC-1"}
    return {**told, "project_id": 7, "resolved_by": "mapping:exact", "attempt_id": f"a{at}", "at": hour(at), **more}


def told(number: int, hours: float, *, claim: str = "ABC-1", project: int | None = 7, **more: Any) -> Row:
    """A row of the mapping's history: accepted, by ClaimX."""
    key = claim.upper().replace("-", "").lstrip("0")
    said = {"event_id": f"m{number}", "claim_number": claim, "claim_key": key, "to": project, "source": "claimx"}
    return {**said, "action": "set", "outcome": "accepted", "event_timestamp": hour(hours), "at": hour(hours), **more}


def frame(spark: SparkSession, spec: TableSpec, rows: Iterable[Row]) -> DataFrame:
    """The rows in the table's schema; columns that are left out are NULL."""
    empty = dict.fromkeys(spec.schema.names)
    nullable = type(spec.schema)([type(f)(f.name, f.dataType, True) for f in spec.schema])  # noqa: FBT003
    return spark.createDataFrame([empty | row for row in rows], nullable)


def tracking(spark: SparkSession, *rows: Row) -> DataFrame:
    return frame(spark, TRACKING, rows)


def letters(spark: SparkSession, *rows: Row) -> DataFrame:
    return frame(spark, DEAD_LETTERS, rows)


def ledger(spark: SparkSession, *rows: Row) -> DataFrame:
    return frame(spark, LEDGER, rows)


def history(spark: SparkSession, *rows: Row) -> DataFrame:
    return frame(spark, MAPPING_HISTORY, rows)


def plan(spark: SparkSession, *rows: Row) -> DataFrame:
    return frame(spark, PLAN, rows)


def pending(spark: SparkSession, *rows: Row) -> DataFrame:
    return frame(spark, PENDING, rows)


def assert_rows(found: DataFrame, columns: str, *rows: tuple[Any, ...], in_order: bool = False) -> None:
    """The frame has these columns, of these types, and these rows, no others."""
    expected = found.sparkSession.createDataFrame(list(rows), columns)
    assert_df_equality(found, expected, ignore_nullable=True, ignore_row_order=not in_order)
