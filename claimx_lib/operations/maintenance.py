"""Upkeep of the Delta tables: retention, compaction, and files that nobody needs any more; safe beside running streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta import Warehouse, on_conflict_again
from claimx_lib.errors import ClaimxError
from claimx_lib.schemas import tables

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

    from claimx_lib.config.jobs import Jobs
    from claimx_lib.config.upkeep import Maintenance

KEPT_BY = {
    tables.TRACKING.name: "event_timestamp",
    tables.PLAN.name: "at",
    tables.LEDGER.name: "at",
    tables.DEAD_LETTERS.name: "closed_at",
}
"""Tables that may be shortened, and by which time; an open dead letter has no `closed_at` and stays.

The others are the truth itself: the mapping is the fold of its whole history, and pending rows wait for their claim.
"""
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


def maintain(
    session: SparkSession,
    warehouse: Warehouse,
    job: Maintenance,
    *,
    now: datetime,
    lasting_rules: frozenset[str] = frozenset(),
) -> list[Step]:
    """Carry out retention, OPTIMIZE and VACUUM on every table that is there; a step that fails leaves the others.

    Nothing that a running stream needs goes away: deletes and compaction give way to a writer that comes first and
    try again, VACUUM keeps at least 168 hours. The ledger keeps rows of `lasting_rules`, which make one task for many
    events, and those of events whose letter is not closed. How short a table may be made, the settings themselves say.
    """
    of = _Upkeep(session=session, warehouse=warehouse, job=job, now=now, lasting_rules=lasting_rules)
    steps: list[Step] = []
    for spec in tables.TABLES:
        if warehouse.exists(session, spec.name):
            steps.extend(reported(spec.name, name, act) for name, act in _acts(of, spec.name))
    return steps


def lasting_rules(jobs: Jobs) -> frozenset[str]:
    """Return the names of the rules of task_creation that make one task for many events."""
    rules = (rule for listed in jobs.task_creation.tasks.values() for rule in listed)
    return frozenset(rule.name for rule in rules if rule.once_per != "event")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upkeep:
    """What the acts on a table need."""

    session: SparkSession
    warehouse: Warehouse
    job: Maintenance
    now: datetime
    lasting_rules: frozenset[str]


def _acts(of: _Upkeep, table: str) -> Iterator[tuple[str, Callable[[], str]]]:
    if table in of.job.retention_days:
        before = of.now - timedelta(days=of.job.retention_days[table])
        shorten = _shorten_ledger if table == tables.LEDGER.name else _shorten
        yield "retention", lambda: shorten(of, table, before)
    yield "optimize", lambda: _optimize(of.session, of.warehouse, table, of.job.zorder_days, of.now)
    yield "vacuum", lambda: _vacuum(of.session, of.warehouse, table, of.job.vacuum_hours)


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


def _shorten(of: _Upkeep, table: str, before: datetime) -> str:
    condition = _older(table, before)
    if table == tables.PLAN.name:
        newest = of.warehouse.read(of.session, table).groupBy("query_id").agg({"batch_id": "max"}).collect()
        condition += _last_plans(newest)
    done = of.session.sql(f"DELETE FROM {of.warehouse.sql_name(table)} WHERE {condition}").first()
    return f"{_affected(done)} rows older than {before:%Y-%m-%d} deleted"


def _shorten_ledger(of: _Upkeep, table: str, before: datetime) -> str:
    """A letter that goes back, and a rule of one task for many events, ask for what was done long ago."""
    from pyspark.sql import functions as F

    letters = of.warehouse.read(of.session, tables.DEAD_LETTERS.name).where(F.col("state").isin("OPEN", "REPLAYED"))
    waiting = letters.select("event_id").where(F.col("event_id").isNotNull()).distinct()
    kept = "".join(f" AND NOT (rule <=> '{rule}')" for rule in sorted(of.lasting_rules))  # names need no escape
    merge = of.warehouse.open(of.session, table).alias("t").merge(waiting.alias("s"), "t.event_id = s.event_id")
    done = merge.whenNotMatchedBySourceDelete(condition=f"{_older(table, before)}{kept}").execute().first()
    return f"{_affected(done)} rows older than {before:%Y-%m-%d} deleted"


def _older(table: str, before: datetime) -> str:
    return f"{KEPT_BY[table]} < TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}+00:00'"


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
    return not history  # nothing else for as long as the log tells


def _recent(now: datetime, days: int) -> str:
    """A condition on the partition columns alone: the newest days, tomorrow included, as clocks differ."""
    wanted = [now + timedelta(days=shift) for shift in range(-days + 1, 2)]
    return " OR ".join(f"(year = {day.year} AND month = {day.month} AND day = {day.day})" for day in wanted)


def _vacuum(session: SparkSession, warehouse: Warehouse, table: str, hours: int) -> str:
    session.sql(f"VACUUM {warehouse.sql_name(table)} RETAIN {hours} HOURS").collect()
    return f"files unused for {hours} hours deleted"
