"""The gauges that are read from the tables."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from prometheus_client import generate_latest

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.observability.metrics import Metrics
from claimx_lib.operations.gauges import QUERIES, CatalogTables, PathTables, TableGauges, refreshed
from tests.fakes.warehouse import Tables, letter

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
LEDGER = "xact_task_ledger"
EXPECTED = {
    "claimx_pending_claims 3.0",
    "claimx_pending_oldest_seconds 7200.0",
    'claimx_dead_letters{pipeline="task_creation",reason="project_not_found",state="open"} 2.0',
    'claimx_dead_letters{pipeline="task_creation",reason="task_unknown",state="resolved"} 1.0',
    'claimx_task_ledger{state="created"} 1.0',
    'claimx_task_ledger{state="intent"} 1.0',
    "itel_worker_tasks_tracked 2.0",
}


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """Empty tables of this test alone."""
    return Tables(tmp_path).create(*QUERIES)


def fill(tables: Tables) -> None:
    """Three pending events, of which one waits for its rule alone, three dead letters, two keys in the ledger, four rows of two tasks and of none."""
    waiting = [("x1", timedelta(minutes=5)), ("x2", timedelta(hours=2))]
    tables.append("xact_task_pending", [{"event_id": event, "first_seen_at": NOW - age} for event, age in waiting])
    unruled = {"event_id": "x3", "first_seen_at": NOW - timedelta(days=9), "last_reason": "no-rule"}
    tables.append("xact_task_pending", [unruled])
    tables.append("dead_letters", [letter(1), letter(2), letter(3, state="RESOLVED", reason="task-unknown")])
    steps = [("k1", "INTENT", None), ("k1", "CREATED", None), ("k1", "NOT_SENT", "not-owner"), ("k2", "INTENT", None)]
    tables.append(LEDGER, [{"idempotency_key": k, "state": s, "reason": r, "at": NOW} for k, s, r in steps])
    tracked = {
        **dict.fromkeys(("event_type", "project_id", "task_status"), "x"),
        **dict.fromkeys(("event_timestamp", "processed_timestamp"), NOW),
        **dict.fromkeys(("year", "month", "day"), 1),
        "task_id": 32513,
    }
    tasks = [("e1", 7), ("e2", 7), ("e3", 8), ("e4", None)]
    rows = [{**tracked, "event_id": event, "assignment_id": task} for event, task in tasks]
    tables.append("itel_cabinet_task_tracking", rows)


def shown(metrics: Metrics) -> set[str]:
    page = generate_latest(metrics.registry).decode().splitlines()
    ours = ("claimx_pending", "claimx_dead_letters{", "claimx_task_ledger", "itel_worker_tasks_tracked")
    return {line for line in page if line.startswith(ours)}


def gauges_of(root: Path, metrics: Metrics) -> TableGauges:
    return TableGauges(tables=PathTables(sql=DeltaSql(root=str(root))), metrics=metrics, now=lambda: NOW)


def test_the_gauges_are_what_the_tables_hold(tables):
    """A process that has just started shows what waits, what was given up, what was made and what is tracked."""
    fill(tables)
    metrics = Metrics()
    gauges_of(tables.root, metrics).refresh()
    assert shown(metrics) == EXPECTED


def test_the_newest_row_of_a_key_tells_its_state(spark, tables):
    """To the microsecond; an outcome before its INTENT of the same instant, and a task that is there before all that came later."""
    later, last = NOW + timedelta(microseconds=1), NOW + timedelta(microseconds=2)
    steps = [
        ("a", "INTENT", NOW), ("a", "NOT_SENT", NOW),
        ("b", "NOT_SENT", NOW), ("b", "INTENT", later),
        ("c", "CREATED", NOW), ("c", "INTENT", last),
        ("d", "INTENT", NOW), ("d", "UNKNOWN", later), ("d", "REJECTED", last),
        ("e", "SKIPPED", NOW), ("f", "ADOPTED", NOW),
    ]  # fmt: skip
    tables.append(LEDGER, [{"idempotency_key": key * 64, "state": state, "at": at} for key, state, at in steps])
    newest = {"NOT_SENT": 1, "INTENT": 1, "CREATED": 1, "REJECTED": 1, "SKIPPED": 1, "ADOPTED": 1}
    warehouse = Warehouse(root=str(tables.root))
    for read in (PathTables(sql=tables.sql), CatalogTables(session=spark, warehouse=warehouse)):
        assert {row["state"]: row["n"] for row in read.rows(QUERIES[LEDGER], LEDGER)} == newest


def test_tables_in_a_catalog_give_the_same_figures(spark, tables):
    """Where nobody reads the tables without a JVM, the session does, to the same end."""
    fill(tables)
    metrics = Metrics()
    read = CatalogTables(session=spark, warehouse=Warehouse(root=str(tables.root)))
    TableGauges(tables=read, metrics=metrics, now=lambda: NOW).refresh()
    assert shown(metrics) == EXPECTED


def test_a_table_that_is_not_there_sets_nothing(tmp_path):
    """Before `claimx tables create` no gauge pretends that nothing waits."""
    metrics = Metrics()
    gauges_of(tmp_path, metrics).refresh()
    assert shown(metrics) == set()


def test_what_is_settled_is_shown_no_more(tables):
    """A state without rows loses its series, and nothing that waits has the age 0."""
    fill(tables)
    metrics = Metrics()
    gauges = gauges_of(tables.root, metrics)
    gauges.refresh()
    DeltaTable(str(tables.root / "dead_letters")).delete("state = 'OPEN'")
    DeltaTable(str(tables.root / "xact_task_pending")).delete()
    tables.append(LEDGER, [{"idempotency_key": "k2", "state": "UNKNOWN", "at": NOW + timedelta(seconds=1)}])
    gauges.refresh(at_once=True)
    assert shown(metrics) == {
        "claimx_pending_claims 0.0",
        "claimx_pending_oldest_seconds 0.0",
        'claimx_dead_letters{pipeline="task_creation",reason="task_unknown",state="resolved"} 1.0',
        'claimx_task_ledger{state="created"} 1.0',
        'claimx_task_ledger{state="unknown"} 1.0',
        "itel_worker_tasks_tracked 2.0",
    }


def test_a_store_that_fails_for_a_while_keeps_the_figures(tables, tmp_path):
    """A table that can't be read ends nothing and shows what was read last; afterwards it is read again."""
    fill(tables)
    metrics = Metrics()
    gauges = gauges_of(tables.root, metrics)
    gauges.refresh()
    log = tables.root / LEDGER / "_delta_log"
    log.rename(tmp_path / "away")
    log.write_text("no folder")
    gauges.refresh(at_once=True)
    assert shown(metrics) == EXPECTED
    log.unlink()
    (tmp_path / "away").rename(log)
    tables.append(LEDGER, [{"idempotency_key": "k3", "state": "CREATED", "at": NOW}])
    gauges.refresh(at_once=True)
    assert metrics.value("claimx_task_ledger", state="created") == 2


class CountedTables:
    """Tables that count how often they are read, on a clock that each read moves by two seconds."""

    def __init__(self) -> None:
        self.reads = 0
        self.seconds = 0.0
        self.newest = 1

    def version(self, table: str) -> int:
        return self.newest if table in QUERIES else 0

    def rows(self, sql: str, table: str) -> list[dict[str, Any]]:
        assert sql == QUERIES[table]
        self.reads += 1
        self.seconds += 2.0
        return [{"n": 1, "oldest": None, "pipeline": "p", "reason": "r", "state": "s"}]


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
    gauges.refresh(at_once=True)
    assert tables.reads == 12


def test_they_are_kept_fresh_while_the_block_runs(tables):
    """Figures are there when the block begins, follow the tables, are right once more at its end, and the thread ends."""
    metrics = Metrics()
    gauges = gauges_of(tables.root, metrics)
    with refreshed(gauges, every_seconds=0.05):
        assert "claimx_pending_claims 0.0" in shown(metrics)
        fill(tables)
        wait_until(lambda: shown(metrics) == EXPECTED, what="the gauges follow", timeout_seconds=120)
        tables.append(LEDGER, [{"idempotency_key": "k3", "state": "CREATED", "at": NOW}])
    assert metrics.value("claimx_task_ledger", state="created") == 2
    assert not [thread for thread in threading.enumerate() if thread.name == "table gauges"]
