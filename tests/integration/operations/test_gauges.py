"""The gauges that are read from the tables."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest
from pyspark.sql import functions as F

from claimx_lib.config.load import load
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.observability.metrics import Metrics
from claimx_lib.operations.gauges import CatalogTables, TableGauges, refreshed, table_gauges
from claimx_lib.operations.tables import create_missing
from claimx_lib.schemas.tables import BY_NAME

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
LEDGER = "xact_task_ledger"


@pytest.fixture(scope="module")
def template(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table, empty."""
    folder = tmp_path_factory.mktemp("gauges")
    create_missing(spark, load(sets=[f"storage.warehouse={folder}"], environ={"CLAIMX_API_TOKEN": "integration"}))
    return folder


@pytest.fixture
def warehouse(template: Path, tmp_path: Path) -> Warehouse:
    """Empty tables of this test alone."""
    shutil.copytree(template, tmp_path / "warehouse")
    return Warehouse(root=str(tmp_path / "warehouse"))


def append(spark: SparkSession, warehouse: Warehouse, table: str, *rows: dict[str, Any]) -> None:
    schema = BY_NAME[table].schema
    full = [tuple(row.get(name) for name in schema.fieldNames()) for row in rows]
    warehouse.append(spark.createDataFrame(full, schema), table)


def fill(spark: SparkSession, warehouse: Warehouse) -> None:
    """Two pending events, three dead letters, two keys in the ledger, three rows of two tasks."""
    append(
        spark,
        warehouse,
        "xact_task_pending",
        {"event_id": "x1", "first_seen_at": NOW - timedelta(minutes=5)},
        {"event_id": "x2", "first_seen_at": NOW - timedelta(hours=2)},
    )
    letter = {"dead_letter_id": "d", "pipeline": "task_creation", "state": "OPEN", "reason": "project-not-found"}
    append(spark, warehouse, "dead_letters", letter, letter, {**letter, "state": "RESOLVED", "reason": "task-unknown"})
    append(
        spark,
        warehouse,
        LEDGER,
        {"idempotency_key": "k1", "state": "INTENT", "at": NOW},
        {"idempotency_key": "k1", "state": "CREATED", "at": NOW},
        {"idempotency_key": "k2", "state": "INTENT", "at": NOW},
    )
    tracked = {
        **dict.fromkeys(("event_type", "project_id", "task_status"), "x"),
        **dict.fromkeys(("event_timestamp", "processed_timestamp"), NOW),
        **{"task_id": 32513, "year": 2026, "month": 1, "day": 10},
    }
    tasks = [("e1", 7), ("e2", 7), ("e3", 8), ("e4", None)]
    append(
        spark,
        warehouse,
        "itel_cabinet_task_tracking",
        *({**tracked, "event_id": event, "assignment_id": task} for event, task in tasks),
    )


def shown(metrics: Metrics) -> set[str]:
    page = generate_latest(metrics.registry).decode().splitlines()
    ours = ("claimx_pending", "claimx_dead_letters{", "claimx_task_ledger", "itel_worker_tasks_tracked")
    return {line for line in page if line.startswith(ours)}


EXPECTED = {
    "claimx_pending_claims 2.0",
    "claimx_pending_oldest_seconds 7200.0",
    'claimx_dead_letters{pipeline="task_creation",reason="project_not_found",state="open"} 2.0',
    'claimx_dead_letters{pipeline="task_creation",reason="task_unknown",state="resolved"} 1.0',
    'claimx_task_ledger{state="created"} 1.0',
    'claimx_task_ledger{state="intent"} 1.0',
    "itel_worker_tasks_tracked 2.0",
}


def gauges_of(warehouse: Warehouse, metrics: Metrics, spark: SparkSession) -> TableGauges:
    gauges = table_gauges(warehouse, metrics, spark)
    gauges.now = lambda: NOW
    return gauges


def test_the_gauges_are_what_the_tables_hold(spark, warehouse):
    """A process that has just started shows what waits, what was given up, what was made and what is tracked."""
    fill(spark, warehouse)
    metrics = Metrics()
    gauges_of(warehouse, metrics, spark).refresh()
    assert shown(metrics) == EXPECTED


def test_tables_in_a_catalog_give_the_same_figures(spark, warehouse):
    """Where nobody reads the tables without a JVM, the session does, to the same end."""
    fill(spark, warehouse)
    metrics = Metrics()
    tables = CatalogTables(session=spark, warehouse=warehouse)
    TableGauges(tables=tables, metrics=metrics, now=lambda: NOW).refresh()
    assert shown(metrics) == EXPECTED


def test_a_table_that_is_not_there_sets_nothing(spark, tmp_path):
    """Before `claimx tables create` no gauge pretends that nothing waits."""
    metrics = Metrics()
    gauges_of(Warehouse(root=str(tmp_path)), metrics, spark).refresh()
    assert shown(metrics) == set()


def test_what_is_settled_is_shown_no_more(spark, warehouse):
    """A state without rows loses its series, and nothing that waits has the age 0."""
    fill(spark, warehouse)
    metrics = Metrics()
    gauges = gauges_of(warehouse, metrics, spark)
    gauges.monotonic = iter(range(0, 10_000, 100)).__next__
    gauges.refresh()
    warehouse.open(spark, "dead_letters").delete(F.col("state") == "OPEN")
    warehouse.open(spark, "xact_task_pending").delete()
    append(spark, warehouse, LEDGER, {"idempotency_key": "k2", "state": "UNKNOWN", "at": NOW + timedelta(seconds=1)})
    gauges.monotonic = iter(range(1_000_000, 2_000_000, 100)).__next__
    gauges.refresh()
    assert shown(metrics) == {
        "claimx_pending_claims 0.0",
        "claimx_pending_oldest_seconds 0.0",
        'claimx_dead_letters{pipeline="task_creation",reason="task_unknown",state="resolved"} 1.0',
        'claimx_task_ledger{state="created"} 1.0',
        'claimx_task_ledger{state="unknown"} 1.0',
        "itel_worker_tasks_tracked 2.0",
    }


class CountedTables:
    """Tables that count how often they are read, on a clock that each read moves by two seconds."""

    def __init__(self) -> None:
        self.reads = 0
        self.seconds = 0.0
        self.newest = 1

    def version(self, table: str) -> int:
        return self.newest

    def rows(self, sql: str, table: str) -> list[dict[str, Any]]:
        self.reads += 1
        self.seconds += 2.0
        return (
            [{"n": self.reads, "oldest": None}] if table in {"xact_task_pending", "itel_cabinet_task_tracking"} else []
        )


def test_reading_takes_little_of_the_time():
    """A table that has not changed is not read again, and a slow read is not repeated for twenty times its duration."""
    tables = CountedTables()
    gauges = TableGauges(tables=tables, metrics=Metrics(), now=lambda: NOW, monotonic=lambda: tables.seconds)
    gauges.refresh()
    tables.seconds += 1000
    gauges.refresh()
    assert tables.reads == 4
    tables.newest = 2
    gauges.refresh()
    assert tables.reads == 8
    tables.newest = 3
    tables.seconds += 20
    gauges.refresh()
    assert tables.reads == 8


def test_they_are_kept_fresh_while_the_block_runs(spark, warehouse):
    """Figures are there when the block begins, follow the tables, are right once more at its end, and the thread ends."""
    metrics = Metrics()
    gauges = gauges_of(warehouse, metrics, spark)
    with refreshed(gauges, every_seconds=0.05):
        assert metrics.value("claimx_pending_claims") == 0
        fill(spark, warehouse)
        wait_until(lambda: shown(metrics) == EXPECTED, what="the gauges follow", timeout_seconds=30)
    assert shown(metrics) == EXPECTED
    assert not [thread for thread in threading.enumerate() if thread.name == "table gauges"]
