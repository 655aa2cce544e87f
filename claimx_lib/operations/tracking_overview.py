"""The tracked tasks as a whole: where they stand, which stand too long, how well they are enriched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from claimx_lib.connectors.delta_sql import DeltaSql, literal
from claimx_lib.domain.task_status import TERMINAL_STATUSES

TABLE = "itel_cabinet_task_tracking"
MOST_STUCK = 20
_TASK = "PARTITION BY task_id, assignment_id, project_id"
_IN_ORDER = (
    f"({_TASK} ORDER BY event_timestamp NULLS FIRST, source_topic NULLS FIRST, source_partition NULLS FIRST, "
    "source_offset NULLS FIRST, event_id NULLS FIRST)"
)
_STAYS = f"""WITH told AS (
  SELECT *, lag(task_status) OVER {_IN_ORDER} AS before, lag(previous_status) OVER {_IN_ORDER} AS told_before
  FROM t WHERE event_timestamp <= {{now}}
), entered AS (
  SELECT *, previous_status IS NOT NULL AND previous_status IS DISTINCT FROM before AS has_gap FROM told
  WHERE before IS NULL OR before <> task_status
    OR coalesce(previous_status <> task_status AND previous_status <> told_before, false)
), followed AS (
  SELECT *, lead(event_timestamp) OVER {_IN_ORDER} AS left_at, lead(has_gap, 1, false) OVER {_IN_ORDER} AS ends_in_gap
  FROM entered
), stays AS (
  SELECT *, date_part('epoch', coalesce(left_at, {{now}})) - date_part('epoch', event_timestamp) AS seconds,
    NOT (has_gap AND previous_status = task_status) AND NOT ends_in_gap AS is_exact,
    left_at IS NULL AND lower(task_status) NOT IN ({{terminal}}) AS is_open
  FROM followed
)"""
"""One row for each stay of a task in a status, as the view `cabinet_status_stays` has them."""
_STUCK = """, observed AS (
  SELECT *, left_at IS NOT NULL AND is_exact AS is_observed FROM stays
), ranked AS (
  SELECT *, count(*) FILTER (WHERE is_observed) OVER (PARTITION BY task_status) AS of,
    row_number() OVER (PARTITION BY task_status, is_observed ORDER BY seconds) - 1 AS place
  FROM observed
), limited AS (
  SELECT *, sum(CASE WHEN is_observed THEN seconds * greatest(0, 1 - abs(place - (of - 1) * {quantile})) ELSE 0 END)
    OVER (PARTITION BY task_status) AS limit_s
  FROM ranked
)
SELECT assignment_id, task_name, project_id, task_status, event_timestamp, seconds, limit_s, count(*) OVER () AS n
FROM limited WHERE is_open AND of >= {min_observations} AND seconds > limit_s
ORDER BY seconds / greatest(limit_s, 1) DESC, event_timestamp LIMIT {most}"""
"""As the view `cabinet_stuck_tasks` has them; a weight is above 0 for the two stays that the quantile lies between."""
_NEWEST = f"""SELECT task_status, count(*) AS n FROM (
  SELECT task_status, lead(event_id) OVER {_IN_ORDER} AS following FROM t WHERE event_timestamp <= {{now}}
) WHERE following IS NULL GROUP BY 1 ORDER BY n DESC, 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """How many tasks stand in a status now."""

    status: str
    tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """One UTC day's rows by the outcome of their enrichment; `skipped` had nothing to ask for."""

    day: date
    enriched: int
    failed: int
    not_found: int
    skipped: int

    @property
    def events(self) -> int:
        """All rows of the day."""
        return self.enriched + self.failed + self.not_found + self.skipped

    @property
    def rate(self) -> float | None:
        """The share that is enriched of what was asked for; None where nothing was."""
        asked = self.events - self.skipped
        return self.enriched / asked if asked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckTask:
    """A task that stands longer in its status than is usual there."""

    assignment_id: int | None
    task_name: str
    project_id: str
    status: str
    since: datetime
    waited_seconds: float
    limit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the tracking table tells: events and days of a span, tasks, statuses and stuck tasks over all rows up to now."""

    since: datetime
    events: int
    tasks: int
    newest_at: datetime | None
    statuses: tuple[StatusCount, ...]
    days: tuple[DayCount, ...]
    stuck: tuple[StuckTask, ...]
    stuck_total: int
    version: int

    @property
    def rate(self) -> float | None:
        """The share that is enriched over all days."""
        asked = sum(day.events - day.skipped for day in self.days)
        return sum(day.enriched for day in self.days) / asked if asked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRules:
    """When a stay is too long: beyond this quantile of the exact, finished stays in the same status.

    A status with fewer of them, such as one that nothing ever leaves, calls no task stuck.
    """

    quantile: float
    min_observations: int


def tracking_overview(tables: DeltaSql, rules: StuckRules, *, now: datetime, days: int = 30) -> Overview:
    """Return the overview: events of the last `days` days before `now`, and where every task stands, however long.

    Stuck are the tasks that the view `cabinet_stuck_tasks` names. An event whose time is yet to come is left out of all.
    """
    since = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    where, happened = f"event_timestamp >= {literal(since)}", f"event_timestamp <= {literal(now)}"
    counted = f"count(*) FILTER (WHERE {where}) AS n, max(event_timestamp) AS newest"
    head = tables.ask(f"SELECT {counted} FROM t WHERE {happened}", TABLE)
    stays = _STAYS.format(now=literal(now), terminal=", ".join(map(literal, TERMINAL_STATUSES)))
    newest = tables.ask(_NEWEST.format(now=literal(now)), TABLE).rows
    statuses = tuple(StatusCount(status=row["task_status"], tasks=row["n"]) for row in newest)
    stuck, stuck_total = _stuck(tables, stays, rules)
    return Overview(
        since=since,
        events=head.rows[0]["n"],
        tasks=sum(row.tasks for row in statuses),
        newest_at=head.rows[0]["newest"],
        statuses=statuses,
        days=_days(tables, f"{where} AND {happened}", since.date(), now.date()),
        stuck=stuck,
        stuck_total=stuck_total,
        version=head.version,
    )


def _days(tables: DeltaSql, where: str, first: date, last: date) -> tuple[DayCount, ...]:
    rows = tables.ask(
        "SELECT CAST(event_timestamp AS DATE) AS day, coalesce(enrichment_status, 'skipped') AS status, "
        f"count(*) AS n FROM t WHERE {where} GROUP BY 1, 2",
        TABLE,
    ).rows
    counts = {(row["day"], row["status"]): row["n"] for row in rows}
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    names = ("enriched", "failed", "not_found", "skipped")
    return tuple(DayCount(day=day, **{name: counts.get((day, name), 0) for name in names}) for day in span)


def _stuck(tables: DeltaSql, stays: str, rules: StuckRules) -> tuple[tuple[StuckTask, ...], int]:
    wanted = _STUCK.format(quantile=rules.quantile, min_observations=rules.min_observations, most=MOST_STUCK)
    rows = tables.ask(stays + wanted, TABLE).rows
    return tuple(_stuck_task(row) for row in rows), rows[0]["n"] if rows else 0


def _stuck_task(row: Mapping[str, Any]) -> StuckTask:
    return StuckTask(
        assignment_id=row["assignment_id"],
        task_name=row["task_name"] or "",
        project_id=row["project_id"],
        status=row["task_status"],
        since=row["event_timestamp"],
        waited_seconds=row["seconds"],
        limit_seconds=row["limit_s"],
    )
