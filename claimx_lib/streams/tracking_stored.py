"""Which events of a batch have their row already, whoever wrote it and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.connectors.delta_follow import FollowedTable
from claimx_lib.connectors.delta_sql import any_of, literal
from claimx_lib.schemas.tables import TRACKING
from claimx_lib.streams.tracking_intake import Intake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from claimx_lib.streams.context import JobContext

STORED = {
    "event_id": "STRING",
    "task_id": "INT",
    "assignment_id": "INT",
    "project_id": "STRING",
    "task_status": "STRING",
    "enrichment_status": "STRING",
    "enrichment_error": "STRING",
    "source_topic": "STRING",
    "source_partition": "INT",
    "source_offset": "BIGINT",
}
"""What messages need of a row that is in the table, beside its `processed_at`."""

_SECONDS_OF_A_DAY = 86_400
_MOST_SPANS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The table's columns, and its rows of the batch's events: `STORED` and `processed_at`, in seconds since 1970."""

    schema: T.StructType
    rows: list[dict[str, Any]]


@dataclass(slots=True)
class StoredEvents:
    """The look into the tracking table before a batch; keeps the table open from batch to batch where it can."""

    _followed: dict[str, FollowedTable] = field(default_factory=dict)

    def of(self, intake: Intake, context: JobContext) -> Stored:
        """The rows within `dedupe_window_days` around the batch's days, at the table's newest version."""
        spans = spans_of(intake.days, context.settings.jobs.task_tracking.dedupe_window_days)
        folder = context.warehouse.folder
        if folder is not None:
            return self._followed_rows(intake, spans, str(folder / TRACKING.name))
        return _read_rows(intake, spans, context)

    def _followed_rows(self, intake: Intake, spans: list[tuple[datetime, datetime]], location: str) -> Stored:
        table = self._followed.setdefault(location, FollowedTable(location))
        near = " OR ".join(
            f"(event_timestamp >= {literal(first)} AND event_timestamp < {literal(end)})" for first, end in spans
        )
        columns = ", ".join(STORED)
        known = any_of("event_id", tuple(intake.events))
        sql = f"SELECT {columns}, processed_timestamp FROM t WHERE ({near}) AND {known}"  # noqa: S608  literals are quoted
        rows = table.ask(sql) if intake.events else []
        return Stored(schema=table.schema(), rows=[_with_seconds(row) for row in rows])


def spans_of(days: frozenset[int], window: int) -> list[tuple[datetime, datetime]]:
    """The spans of time, from and to (exclusive), within `window` days of any of `days` (since 1970); 20 at most."""
    spans: list[list[int]] = []
    for day in sorted(days):
        if spans and day - window <= spans[-1][1]:
            spans[-1][1] = day + window + 1
        else:
            spans.append([day - window, day + window + 1])
    if len(spans) > _MOST_SPANS:
        spans = [[spans[0][0], spans[-1][1]]]
    return [(_start_of(first), _start_of(end)) for first, end in spans]


def _start_of(day: int) -> datetime:
    return datetime.fromtimestamp(day * _SECONDS_OF_A_DAY, UTC)


def _with_seconds(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "processed_at": row["processed_timestamp"].timestamp()}


def _read_rows(intake: Intake, spans: list[tuple[datetime, datetime]], context: JobContext) -> Stored:
    """By Spark, where the files are behind a URI or a catalog."""
    table = context.warehouse.read(context.session, TRACKING.name)
    if not intake.events:
        return Stored(schema=table.schema, rows=[])
    near = F.lit(col=False)
    for first, end in spans:
        near |= (F.col("event_timestamp") >= F.lit(first)) & (F.col("event_timestamp") < F.lit(end))
    ids = context.session.createDataFrame([(i,) for i in intake.events], "event_id STRING")
    rows: DataFrame = table.where(near).join(F.broadcast(ids), on="event_id", how="left_semi")
    processed_at = (F.unix_micros("processed_timestamp") / 1_000_000).alias("processed_at")
    return Stored(schema=table.schema, rows=[r.asDict() for r in rows.select(*STORED, processed_at).collect()])
