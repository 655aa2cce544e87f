"""The tracked tasks as a whole: where they stand, which stand too long, how well they are enriched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from claimx_lib.connectors.delta_sql import DeltaSql, literal

TABLE = "itel_cabinet_task_tracking"
MOST_STUCK = 20
_STAYS = (
    "WITH seen AS (SELECT assignment_id, event_id, event_timestamp, task_status, task_name, project_id, "
    "lag(task_status) OVER (PARTITION BY assignment_id ORDER BY event_timestamp, event_id) AS before "
    "FROM t WHERE {where} AND assignment_id IS NOT NULL), "
    "stays AS (SELECT *, lead(event_timestamp) OVER (PARTITION BY assignment_id ORDER BY event_timestamp, event_id) "
    "AS left_at FROM seen WHERE before IS NULL OR before <> task_status) "
)
"""One row for each stay of a task in a status; repeated events of one status are one stay."""


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
    """A task that stands longer in its status than it should."""

    assignment_id: int
    task_name: str
    project_id: str
    status: str
    since: datetime
    waited_seconds: float
    limit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the tracking table tells of a span of days, at one table version."""

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
    """When a stay is too long: beyond this quantile of the status's own finished stays; with too few of them, its SLA.

    A status without either, such as one that nothing ever leaves, is never stuck.
    """

    quantile: float
    min_observations: int
    sla_seconds: Mapping[str, float]


def tracking_overview(tables: DeltaSql, rules: StuckRules, *, now: datetime, days: int = 30) -> Overview:
    """Return the overview of the last `days` days before `now`."""
    since = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    where = f"event_timestamp >= {literal(since)}"
    head = tables.ask(
        "SELECT count(*) AS n, count(DISTINCT assignment_id) AS tasks, max(event_timestamp) AS newest "
        f"FROM t WHERE {where}",
        TABLE,
    )
    stuck, stuck_total = _stuck(tables, _limits(tables, rules, where), where, now)
    return Overview(
        since=since,
        events=head.rows[0]["n"],
        tasks=head.rows[0]["tasks"],
        newest_at=head.rows[0]["newest"],
        statuses=_statuses(tables, where),
        days=_days(tables, where, since.date(), now.date()),
        stuck=stuck,
        stuck_total=stuck_total,
        version=head.version,
    )


def _statuses(tables: DeltaSql, where: str) -> tuple[StatusCount, ...]:
    rows = tables.ask(
        _STAYS.format(where=where)
        + "SELECT task_status, count(*) AS n FROM stays WHERE left_at IS NULL GROUP BY 1 ORDER BY n DESC, 1",
        TABLE,
    ).rows
    return tuple(StatusCount(status=row["task_status"], tasks=row["n"]) for row in rows)


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


def _limits(tables: DeltaSql, rules: StuckRules, where: str) -> dict[str, float]:
    rows = tables.ask(
        _STAYS.format(where=where) + "SELECT task_status, count(*) AS n, "
        "approx_percentile_cont(date_part('epoch', left_at) - date_part('epoch', event_timestamp), "
        f"{rules.quantile}) AS seconds FROM stays WHERE left_at IS NOT NULL GROUP BY 1",
        TABLE,
    ).rows
    learned = {row["task_status"]: float(row["seconds"]) for row in rows if row["n"] >= rules.min_observations}
    return {**rules.sla_seconds, **learned}


def _stuck(
    tables: DeltaSql, limits: Mapping[str, float], where: str, now: datetime
) -> tuple[tuple[StuckTask, ...], int]:
    if not limits:
        return (), 0
    cases = " ".join(f"WHEN {literal(status)} THEN {seconds!r}" for status, seconds in limits.items())
    waited = f"{now.timestamp()!r} - date_part('epoch', event_timestamp)"
    rows = tables.ask(
        _STAYS.format(where=where)
        + f", aged AS (SELECT *, {waited} AS waited, CASE task_status {cases} END AS limit_s "
        "FROM stays WHERE left_at IS NULL) SELECT *, count(*) OVER () AS n FROM aged WHERE waited > limit_s "
        f"ORDER BY waited / greatest(limit_s, 1) DESC LIMIT {MOST_STUCK}",
        TABLE,
    ).rows
    return tuple(_stuck_task(row) for row in rows), rows[0]["n"] if rows else 0


def _stuck_task(row: Mapping[str, Any]) -> StuckTask:
    return StuckTask(
        assignment_id=row["assignment_id"],
        task_name=row["task_name"] or "",
        project_id=row["project_id"],
        status=row["task_status"],
        since=row["event_timestamp"],
        waited_seconds=row["waited"],
        limit_seconds=row["limit_s"],
    )
