"""What mapping_sync writes, each so that it can run twice: history, projects, mapping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from claimx_lib.connectors.delta import on_conflict_again
from claimx_lib.domain.identity import Project
from claimx_lib.domain.mapping_fold import ClaimState, Entry
from claimx_lib.schemas.tables import MAPPING, MAPPING_HISTORY, PROJECTS
from claimx_lib.streams.appends import append_new
from claimx_lib.transforms.key_ranges import near

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from claimx_lib.streams.context import BatchRef, JobContext

JOB = "mapping_sync"
_IDENTITY = ("claim_number", "event_id", "source", "action", "to", "event_timestamp")
_GUARDS = T.StructType(
    [
        T.StructField("manual_timestamp", T.TimestampType()),
        T.StructField("manual_event_id", T.StringType()),
        T.StructField("newest_timestamp", T.TimestampType()),
        T.StructField("newest_event_id", T.StringType()),
        T.StructField("has_row", T.BooleanType()),
    ]
)
_MERGED = T.StructType([T.StructField(f.name, f.dataType) for f in MAPPING.schema] + list(_GUARDS))
_IS_OTHER = "NOT (t.project_id <=> s.project_id AND t.source <=> s.source AND t.rivals <=> s.rivals)"
_IS_ALLOWED = """
    CASE WHEN t.source = 'manual'
         THEN struct(s.manual_timestamp, s.manual_event_id) >= struct(t.event_timestamp, t.event_id)
         ELSE coalesce(s.source = 'manual', false)
              OR struct(s.newest_timestamp, s.newest_event_id) >= struct(t.event_timestamp, t.event_id) END
    OR t.event_timestamp IS NULL
"""


def append_history(context: JobContext, entries: Iterable[Entry], batch: BatchRef) -> None:
    """Append a row for each entry, once for each batch; the caller leaves out what is there already."""
    at = context.now()
    rows = sorted((_history_row(entry, at) for entry in entries), key=lambda row: (row["claim_key"], row["at"]))
    if rows:
        frame = _frame(context.session, rows, MAPPING_HISTORY.schema)
        app_id = batch.app_id(JOB, MAPPING_HISTORY.name)
        append_new(context, frame, MAPPING_HISTORY.name, batch, app_id=app_id, keys=_IDENTITY)


def _history_row(entry: Entry, at: datetime) -> dict[str, Any]:
    event, place = entry.event, entry.event.coordinates
    return {
        "event_id": event.event_id,
        "claim_number": event.claim_number,
        "claim_key": event.claim_key,
        "from": entry.before,
        "to": event.project_id,
        "source": event.source,
        "action": event.action,
        "by": event.by,
        "why": event.why,
        "event_timestamp": event.timestamp,
        "outcome": str(entry.outcome),
        "at": at,
        "source_topic": place.topic if place else None,
        "source_partition": place.partition if place else None,
        "source_offset": place.offset if place else None,
    }


@on_conflict_again
def merge_projects(context: JobContext, projects: Mapping[int, Project]) -> None:
    """Bring the projects' rows up to these; each part of a row changes only for a greater event."""
    if not projects:
        return
    rows = [_project_row(project) for _, project in sorted(projects.items())]
    values: dict[str, str | Column] = {f.name: f"s.{f.name}" for f in PROJECTS.schema}
    of_number = {"claim_number", "claim_key", "claim_event_timestamp", "claim_event_id"}
    greater = _is_greater("event_timestamp", "event_id")
    greater_number = _is_greater("claim_event_timestamp", "claim_event_id")
    (
        context.warehouse.open(context.session, PROJECTS.name)
        .alias("t")
        .merge(
            _frame(context.session, rows, PROJECTS.schema).alias("s"),
            (F.col("t.project_id") == F.col("s.project_id")) & near(F.col("t.project_id"), projects),
        )
        .whenMatchedUpdate(
            set={name: _newer(name, greater_number if name in of_number else greater) for name in values}
        )
        .whenNotMatchedInsert(values=values)
        .execute()
    )


def _is_greater(timestamp: str, event_id: str) -> str:
    newer = f"struct(s.{timestamp}, s.{event_id}) >= struct(t.{timestamp}, t.{event_id})"
    return f"t.{timestamp} IS NULL OR ({newer})"


def _newer(name: str, condition: str) -> str:
    return f"CASE WHEN {condition} THEN s.{name} ELSE t.{name} END"


def _project_row(project: Project) -> dict[str, Any]:
    number = project.number
    return {
        "project_id": project.project_id,
        "claim_number": number.claim_number if number else None,
        "claim_key": number.claim_key if number else None,
        "project_name": project.project_name,
        "address": project.address,
        "event_timestamp": project.timestamp,
        "event_id": project.event_id,
        "claim_event_timestamp": number.timestamp if number else None,
        "claim_event_id": number.event_id if number else None,
    }


@on_conflict_again
def merge_mapping(context: JobContext, claims: Mapping[str, ClaimState]) -> None:
    """Bring the rows of these claims up to their state: one source row a claim, only rows that change.

    A row of a person changes only for a decision that is not older, any other only for one or for a greater event
    (manual, event_timestamp, event_id). `created_at` stays; `updated_at` moves with project, source and rivals.
    """
    if not claims:
        return
    ordered = sorted(claims.items(), key=lambda item: (_key(item[1]), item[0]))
    rows = [_merge_row(claim, state, context.now()) for claim, state in ordered]
    keys = {row["claim_key"] for row in rows}
    values: dict[str, str | Column] = {f.name: f"s.{f.name}" for f in MAPPING.schema}
    changed = {name: value for name, value in values.items() if name not in {"claim_number", "created_at"}}
    changed["updated_at"] = f"CASE WHEN {_IS_OTHER} THEN s.updated_at ELSE t.updated_at END"
    (
        context.warehouse.open(context.session, MAPPING.name)
        .alias("t")
        .merge(
            _frame(context.session, rows, _MERGED).alias("s"),
            (F.col("t.claim_number") == F.col("s.claim_number")) & near(F.col("t.claim_key"), keys),
        )
        .whenMatchedDelete(f"NOT s.has_row AND ({_IS_ALLOWED})")
        .whenMatchedUpdate(condition=f"s.has_row AND ({_IS_ALLOWED})", set=changed)
        .whenNotMatchedInsert(condition="s.has_row", values=values)
        .execute()
    )


def _merge_row(claim: str, state: ClaimState, now: datetime) -> dict[str, Any]:
    row, manual, newest = state.row, state.manual, state.newest
    return {
        "claim_number": claim,
        "claim_key": _key(state),
        "project_id": row.project_id if row else None,
        "source": row.source if row else None,
        "created_at": now,
        "updated_at": now,
        "event_timestamp": row.timestamp if row else None,
        "event_id": row.event_id if row else None,
        "rivals": list(row.rivals) if row and row.rivals else None,
        "manual_timestamp": manual.timestamp if manual else None,
        "manual_event_id": manual.event_id if manual else None,
        "newest_timestamp": newest.timestamp if newest else None,
        "newest_event_id": newest.event_id if newest else None,
        "has_row": row is not None,
    }


def _key(state: ClaimState) -> str:
    return next(part.claim_key for part in (state.row, state.manual, state.newest) if part is not None)


def _frame(session: SparkSession, rows: list[dict[str, Any]], schema: T.StructType) -> DataFrame:
    """The rows as one partition, so that they make one file, in their order."""
    nullable = T.StructType([T.StructField(f.name, f.dataType) for f in schema])
    table = pa.Table.from_pylist(rows, schema=to_arrow_schema(nullable))
    return session.createDataFrame(table, nullable).coalesce(1)
