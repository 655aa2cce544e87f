"""Upkeep of the Delta tables: retention, compaction, and files that nobody needs any more; safe beside running streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta import Warehouse, on_conflict_again
from claimx_lib.errors import ClaimxError, ConfigError
from claimx_lib.schemas import tables

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

    from claimx_lib.config.jobs import Maintenance

KEPT_BY = {
    tables.TRACKING.name: "event_timestamp",
    tables.PLAN.name: "at",
    tables.LEDGER.name: "at",
    tables.DEAD_LETTERS.name: "closed_at",
}
"""Tables that may be shortened, and by which time; an open dead letter has no `closed_at` and stays.

The others are the truth itself: the mapping is the fold of its whole history, and pending rows wait for their claim.
"""
LEDGER_MINIMUM_DAYS = 30
"""The ledger outlives the input topics: an event that is read again must still be known."""
SAFE_VACUUM_HOURS = 168
"""Delta's own limit: a reader or a writer that is at work may need files that are younger."""
SORTED_BY = {tables.TRACKING.name: "task_id, task_status", tables.MAPPING.name: "claim_key"}
"""Columns that files are clustered by; one column alone makes a sort."""
BOOKKEEPING = {"VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "ADD COLUMNS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was done with a table, or why it could not be."""

    table: str
    step: str
    result: str
    seconds: float
    is_done: bool = True


def maintain(session: SparkSession, warehouse: Warehouse, job: Maintenance, *, now: datetime) -> list[Step]:
    """Carry out retention, OPTIMIZE and VACUUM on every table that is there; a step that fails leaves the others.

    Nothing that a running stream needs goes away: deletes and compaction give way to a writer that comes first and
    try again, VACUUM keeps at least 168 hours. Raises ConfigError before anything is done where the settings ask for
    more than that allows.
    """
    _require_sane(job)
    steps: list[Step] = []
    for spec in tables.TABLES:
        if warehouse.exists(session, spec.name):
            steps.extend(reported(spec.name, name, act) for name, act in _acts(session, warehouse, spec.name, job, now))
    return steps


def _acts(
    session: SparkSession, warehouse: Warehouse, table: str, job: Maintenance, now: datetime
) -> Iterator[tuple[str, Callable[[], str]]]:
    if table in job.retention_days:
        before = now - timedelta(days=job.retention_days[table])
        yield "retention", lambda: _shorten(session, warehouse, table, before)
    yield "optimize", lambda: _optimize(session, warehouse, table, job.zorder_days, now)
    yield "vacuum", lambda: _vacuum(session, warehouse, table, job.vacuum_hours)


def reported(table: str, name: str, act: Callable[[], str]) -> Step:
    """Carry out one step, again where another writer came first; what fails is told, not raised."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    began = time.monotonic()
    try:
        result, is_done = on_conflict_again(act)(), True
    except (ClaimxError, PySparkException, Py4JError) as error:
        result, is_done = _in_one_line(error), False
    return Step(table=table, step=name, result=result, seconds=round(time.monotonic() - began, 1), is_done=is_done)


def _in_one_line(error: Exception) -> str:
    told = str(getattr(error, "java_exception", None) or error)
    return (told.strip().splitlines() or [type(error).__name__])[0][:300]


def _require_sane(job: Maintenance) -> None:
    for table, days in job.retention_days.items():
        if table not in KEPT_BY:
            raise ConfigError(
                f"jobs.maintenance.retention_days.{table}: this table cannot be shortened",
                cure=f"name one of {', '.join(KEPT_BY)}",
            )
        if table == tables.LEDGER.name and days < LEDGER_MINIMUM_DAYS:
            raise ConfigError(
                f"jobs.maintenance.retention_days.{table}: {days} days, but events may come again for longer",
                cure=f"keep at least {LEDGER_MINIMUM_DAYS}",
            )
    if job.vacuum_hours < SAFE_VACUUM_HOURS:
        raise ConfigError(
            f"jobs.maintenance.vacuum_hours: {job.vacuum_hours} would take files from running jobs",
            cure=f"keep at least {SAFE_VACUUM_HOURS}",
        )


def _shorten(session: SparkSession, warehouse: Warehouse, table: str, before: datetime) -> str:
    condition = f"{KEPT_BY[table]} < TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}+00:00'"
    if table == tables.PLAN.name:
        condition += _last_plans(warehouse.read(session, table).groupBy("query_id").agg({"batch_id": "max"}).collect())
    done = session.sql(f"DELETE FROM {warehouse.sql_name(table)} WHERE {condition}").first()
    return f"{_affected(done)} rows older than {before:%Y-%m-%d} deleted"


def _last_plans(newest: list[Row]) -> str:
    """A query that has been idle for long still reads its last plan when it starts again."""
    return "".join(f" AND NOT (query_id = '{row[0]}' AND batch_id = {int(row[1])})" for row in newest)


def _affected(row: Row | None) -> int:
    return int(row[0]) if row is not None else 0


def _optimize(session: SparkSession, warehouse: Warehouse, table: str, days: int, now: datetime) -> str:
    order = SORTED_BY.get(table)
    if order is not None and not _has_news(warehouse.open(session, table).history(50).collect()):
        return "nothing new since the last time"  # clustering anew would write the same rows again
    where = f" WHERE {_recent(now, days)}" if table == tables.TRACKING.name else ""
    clustered = f" ZORDER BY ({order})" if order is not None else ""
    done = session.sql(f"OPTIMIZE {warehouse.sql_name(table)}{where}{clustered}").first()
    if done is None:
        return "nothing to do"
    figures = done["metrics"]
    return f"{figures['numFilesRemoved']} files became {figures['numFilesAdded']}"


def _has_news(history: list[Row]) -> bool:
    """Whether rows came or went since the table was last clustered; `history` is newest first."""
    for entry in history:
        if entry["operation"] == "OPTIMIZE" and (entry["operationParameters"] or {}).get("zOrderBy", "[]") != "[]":
            return False
        if entry["operation"] not in {*BOOKKEEPING, "OPTIMIZE"}:
            return True
    return True


def _recent(now: datetime, days: int) -> str:
    """A condition on the partition columns alone: the newest days, tomorrow included, as clocks differ."""
    wanted = [now + timedelta(days=shift) for shift in range(-days + 1, 2)]
    return " OR ".join(f"(year = {day.year} AND month = {day.month} AND day = {day.day})" for day in wanted)


def _vacuum(session: SparkSession, warehouse: Warehouse, table: str, hours: int) -> str:
    session.sql(f"VACUUM {warehouse.sql_name(table)} RETAIN {hours} HOURS").collect()
    return f"files unused for {hours} hours deleted"
