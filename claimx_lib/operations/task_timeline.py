"""One tracked task through time, and how to find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from claimx_lib.connectors.delta_sql import DeltaSql, literal
from claimx_lib.errors import NotFound

TABLE = "itel_cabinet_task_tracking"
MOST_EVENTS = 500
INT_MAX = 2**31 - 1
_NEWEST_FIRST = (
    "event_timestamp DESC, source_topic DESC NULLS LAST, source_partition DESC NULLS LAST, "
    "source_offset DESC NULLS LAST, event_id DESC NULLS LAST"
)
"""The order of `transforms.analysis.lifecycle`, from its end: events of one instant are in the order of their records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """One event of a task; `lasted_seconds` until its next event, None for the newest."""

    event_id: str
    event_type: str
    at: datetime
    processed_at: datetime
    status: str
    previous_status: str
    assigned_to: int | None
    assigned_by: int | None
    enrichment_status: str
    enrichment_error: str
    lasted_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTimeline:
    """A task's events, oldest first, at most `MOST_EVENTS` of them (the newest)."""

    assignment_id: int
    task_name: str
    project_id: str
    events: tuple[TaskEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task as its newest event left it."""

    assignment_id: int
    task_name: str
    project_id: str
    status: str
    at: datetime
    events: int


def task_timeline(tables: DeltaSql, assignment_id: int) -> TaskTimeline:
    """Return the task's events; NotFound where none is tracked."""
    where = f"assignment_id = {literal(assignment_id)}" if 0 <= assignment_id <= INT_MAX else "false"
    newest_first = tables.ask(
        "SELECT event_id, event_type, event_timestamp, processed_timestamp, task_status, previous_status, task_name, "
        "project_id, assigned_to_user_id, assigned_by_user_id, enrichment_status, enrichment_error FROM t "
        f"WHERE {where} ORDER BY {_NEWEST_FIRST} LIMIT {MOST_EVENTS}",
        TABLE,
    ).rows
    if not newest_first:
        raise NotFound(f"no event of a task {assignment_id} is tracked", cure="look for it by its project")
    rows = newest_first[::-1]
    ends = [row["event_timestamp"] for row in rows[1:]]
    return TaskTimeline(
        assignment_id=assignment_id,
        task_name=rows[-1]["task_name"] or "",
        project_id=rows[-1]["project_id"],
        events=tuple(_event(row, end) for row, end in zip(rows, [*ends, None], strict=True)),
    )


def find_tasks(tables: DeltaSql, text: str, *, now: datetime, limit: int = 20) -> tuple[TaskRow, ...]:
    """Return the tasks of this assignment or project id, last changed first; of no text, the last changed of all.

    Each stands as its newest event up to `now` left it.
    """
    where = f"(project_id = {literal(text)} OR CAST(assignment_id AS VARCHAR) = {literal(text)})" if text else "true"
    rows = tables.ask(
        f"WITH ranked AS (SELECT *, row_number() OVER (PARTITION BY assignment_id ORDER BY {_NEWEST_FIRST}) AS place, "
        "count(*) OVER (PARTITION BY assignment_id) AS n FROM (SELECT assignment_id, task_name, project_id, task_status, "
        f"event_timestamp, source_topic, source_partition, source_offset, event_id FROM t WHERE {where} "
        f"AND assignment_id IS NOT NULL AND event_timestamp <= {literal(now)}) s) "
        f"SELECT * FROM ranked WHERE place = 1 ORDER BY event_timestamp DESC, assignment_id LIMIT {int(limit)}",
        TABLE,
    ).rows
    return tuple(
        TaskRow(
            assignment_id=row["assignment_id"],
            task_name=row["task_name"] or "",
            project_id=row["project_id"],
            status=row["task_status"],
            at=row["event_timestamp"],
            events=row["n"],
        )
        for row in rows
    )


def _event(row: Mapping[str, Any], end: datetime | None) -> TaskEvent:
    return TaskEvent(
        event_id=row["event_id"],
        event_type=row["event_type"],
        at=row["event_timestamp"],
        processed_at=row["processed_timestamp"],
        status=row["task_status"],
        previous_status=row["previous_status"] or "",
        assigned_to=row["assigned_to_user_id"],
        assigned_by=row["assigned_by_user_id"],
        enrichment_status=row["enrichment_status"] or "",
        enrichment_error=row["enrichment_error"] or "",
        lasted_seconds=None if end is None else (end - row["event_timestamp"]).total_seconds(),
    )
