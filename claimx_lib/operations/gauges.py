"""The gauges that are read from the tables: right after a restart, and whoever wrote the tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.domain.creation.ledger import DONE_STATES, NOT_OWNER, State
from claimx_lib.errors import TableError
from claimx_lib.observability.logs import logger
from claimx_lib.schemas.tables import DEAD_LETTERS, LEDGER, PENDING, TRACKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.observability.metrics import Metrics

Row = dict[str, Any]
SHARE_OF_TIME = 0.05
"""How much of the time reading one table may take: a read of two seconds is repeated after forty at the earliest."""

_DONE = f"CASE WHEN state IN {tuple(map(str, sorted(DONE_STATES)))} THEN {1 << 60} ELSE 0 END"
_CODES = " ".join(f"WHEN '{state}' THEN {code}" for code, state in enumerate(State))
_STATES = " ".join(f"WHEN {code} THEN '{state}'" for code, state in enumerate(State))
LEDGER_STATES = f"""
    SELECT CASE place % 16 {_STATES} END AS state, count(*) AS n FROM (
      SELECT left(idempotency_key, 12) AS key_head, max({_DONE} + {{micros}} * 16 + CASE state {_CODES} END) AS place
      FROM {{t}} WHERE coalesce(reason, '') <> '{NOT_OWNER}' GROUP BY 1) AS newest
    GROUP BY 1 ORDER BY 1"""
"""As `domain.creation.ledger`: a task that is there stays there; else the newest row, an outcome before its INTENT.

A number and the head of the key (48 bits) for each task: rows sorted by whole keys took 2.5 times the memory.
"""
MICROS = "CAST(at AS BIGINT)"
"""Of `at` since 1970, as delta-rs counts; Spark's cast gives seconds."""

QUERIES = {
    PENDING.name: (
        "SELECT count(*) AS n, min(CASE WHEN coalesce(last_reason, '') <> 'no-rule' THEN first_seen_at END) AS oldest FROM {t}"
    ),
    DEAD_LETTERS.name: "SELECT pipeline, reason, state, count(*) AS n FROM {t} GROUP BY pipeline, reason, state",
    LEDGER.name: LEDGER_STATES,
    TRACKING.name: "SELECT count(DISTINCT assignment_id) AS n FROM {t}",
}


class Tables(Protocol):
    """Where the tables are read."""

    def version(self, table: str) -> int:
        """Return the newest version; TableError where the table isn't there."""

    def rows(self, sql: str, table: str) -> list[Row]:
        """Return the rows of `sql`, in which `{t}` stands for the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTables:
    """Tables below a path or URI, read without a JVM."""

    sql: DeltaSql

    def version(self, table: str) -> int:
        return self.sql.version(table)

    def rows(self, sql: str, table: str) -> list[Row]:
        return list(self.sql.ask(sql.format(t="t", micros=MICROS), table).rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTables:
    """Tables in a catalog, read by the application's own session."""

    session: SparkSession
    warehouse: Warehouse

    def version(self, table: str) -> int:
        newest = self.warehouse.open(self.session, table).history(1).collect()
        return int(newest[0]["version"])

    def rows(self, sql: str, table: str) -> list[Row]:
        frame = self.warehouse.read(self.session, table)
        asked = sql.replace("{micros}", "unix_micros(at)")
        return [row.asDict() for row in self.session.sql(asked, t=frame).collect()]


@dataclass(slots=True, kw_only=True)
class _Read:
    """What was read of a table last, and from when on it may be read again."""

    version: int
    rows: list[Row]
    not_before: float


@dataclass(slots=True, kw_only=True)
class TableGauges:
    """Sets claimx_pending_*, claimx_dead_letters, claimx_task_ledger and itel_worker_tasks_tracked from the tables.

    A table that isn't there sets nothing; one that has not changed since is not read again.
    """

    tables: Tables
    metrics: Metrics
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    _last: dict[str, _Read] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def refresh(self, *, at_once: bool = False) -> None:
        """Set the gauges to what the tables hold; one that can't be read keeps its figures, and that is logged.

        A table whose turn has not come yet is left as it was, unless `at_once`.
        """
        if at_once:
            for read in self._last.values():
                read.not_before = 0.0
        for table, show in (
            (PENDING.name, self._show_pending),
            (DEAD_LETTERS.name, self._show_dead_letters),
            (LEDGER.name, self._show_ledger),
            (TRACKING.name, self._show_tracked),
        ):
            try:
                show(self._rows(table))
                self._told.discard(table)
            except TableError:
                continue
            except Exception as error:  # noqa: BLE001  (a store that fails for a while must not end the job)
                self._tell(table, error)

    def _rows(self, table: str) -> list[Row]:
        last, began = self._last.get(table), self.monotonic()
        if last is not None and began < last.not_before:
            return last.rows
        version = self.tables.version(table)
        if last is None or version != last.version:
            last = _Read(version=version, rows=self.tables.rows(QUERIES[table], table), not_before=0.0)
        ended = self.monotonic()
        last.not_before = ended + (ended - began) / SHARE_OF_TIME
        self._last[table] = last
        return last.rows

    def _show_pending(self, rows: list[Row]) -> None:
        oldest = rows[0]["oldest"]
        age = 0.0 if oldest is None else (self.now() - _in_utc(oldest)).total_seconds()
        self.metrics.set("claimx_pending_claims", rows[0]["n"])
        self.metrics.set("claimx_pending_oldest_seconds", max(age, 0.0))

    def _show_dead_letters(self, rows: list[Row]) -> None:
        self.metrics.replace(
            "claimx_dead_letters",
            {(str(row["pipeline"]), str(row["reason"]), str(row["state"])): row["n"] for row in rows},
        )

    def _show_ledger(self, rows: list[Row]) -> None:
        self.metrics.replace("claimx_task_ledger", {(str(row["state"]),): row["n"] for row in rows})

    def _show_tracked(self, rows: list[Row]) -> None:
        self.metrics.set("itel_worker_tasks_tracked", rows[0]["n"])

    def _tell(self, table: str, error: Exception) -> None:
        if table not in self._told:
            self._told.add(table)
            logger().warning("table can't be read for its metrics", table=table, error=type(error).__name__)


def table_gauges(warehouse: Warehouse, metrics: Metrics, session: SparkSession) -> TableGauges:
    """Return the gauges of this warehouse, read without Spark wherever that is possible."""
    if warehouse.is_catalog:
        return TableGauges(tables=CatalogTables(session=session, warehouse=warehouse), metrics=metrics)
    return TableGauges(tables=PathTables(sql=DeltaSql(root=warehouse.root)), metrics=metrics)


@contextmanager
def refreshed(gauges: TableGauges, *, every_seconds: float) -> Iterator[None]:
    """Keep the gauges fresh while the block runs: once before it, then every so often, and once after it."""
    gauges.refresh()
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(every_seconds):
            gauges.refresh()

    thread = threading.Thread(target=work, name="table gauges", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=every_seconds)
        gauges.refresh(at_once=True)


def _in_utc(moment: datetime) -> datetime:
    """Spark hands out naive times of the machine's zone, delta-rs aware ones."""
    return moment.astimezone(UTC)
