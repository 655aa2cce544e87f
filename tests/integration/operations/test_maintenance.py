"""The upkeep of real Delta tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.operations.maintenance import Step, maintain
from claimx_lib.schemas import tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=60)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty root: what is not there is left alone, so each test makes the tables that it is about."""
    return Warehouse(root=str(tmp_path))


def _append(spark: SparkSession, warehouse: Warehouse, spec: tables.TableSpec, *rows: dict[str, Any]) -> None:
    listed = [tuple(row.get(name) for name in spec.schema.names) for row in rows]
    writer = spark.createDataFrame(listed, spec.schema).coalesce(1).write.format("delta").mode("append")
    writer.partitionBy(*spec.partitioned_by).save(warehouse.location(spec.name))


def _tracked(event_id: str) -> dict[str, Any]:
    day = {"year": NOW.year, "month": NOW.month, "day": NOW.day}
    texts = {"event_type": "CUSTOM_TASK_ASSIGNED", "project_id": "1", "task_status": "assigned"}
    return {
        "event_id": event_id,
        "event_timestamp": NOW,
        "processed_timestamp": NOW,
        "task_id": 32513,
        **texts,
        **day,
    }


def _files(spark: SparkSession, warehouse: Warehouse, table: str) -> int:
    return int(spark.sql(f"DESCRIBE DETAIL {warehouse.sql_name(table)}").first()["numFiles"])


def _maintained(spark: SparkSession, warehouse: Warehouse, *sets: str) -> dict[tuple[str, str], Step]:
    job = load(sets=[f"jobs.maintenance.{one}" for one in sets], environ={}).jobs.maintenance
    return {(step.table, step.step): step for step in maintain(spark, warehouse, job, now=NOW)}


@pytest.mark.long
def test_small_files_become_few_and_no_row_is_lost(spark: SparkSession, warehouse: Warehouse) -> None:
    """The tracking table is clustered into few files with every row; a second run finds nothing to do."""
    for number in range(4):
        _append(spark, warehouse, tables.TRACKING, _tracked(f"evt-{number}"))

    first = _maintained(spark, warehouse)
    second = _maintained(spark, warehouse)

    assert all(step.is_done for step in first.values()), first
    assert list(first) == [(tables.TRACKING.name, "optimize"), (tables.TRACKING.name, "vacuum")]
    assert first[tables.TRACKING.name, "optimize"].result == "4 files became 1"
    assert second[tables.TRACKING.name, "optimize"].result == "nothing new since the last time"
    assert _files(spark, warehouse, tables.TRACKING.name) == 1
    rows = warehouse.read(spark, tables.TRACKING.name).select("event_id").collect()
    assert sorted(row.event_id for row in rows) == ["evt-0", "evt-1", "evt-2", "evt-3"]


def test_retention_spares_what_is_still_needed(spark: SparkSession, warehouse: Warehouse) -> None:
    """Old closed letters and old plans go; open letters and each query's last plan stay."""
    letters = [("closed", OLD), ("open", None), ("fresh", NOW)]
    _append(spark, warehouse, tables.DEAD_LETTERS, *({"dead_letter_id": i, "closed_at": at} for i, at in letters))
    plans = [("idle", 1, OLD), ("idle", 2, OLD), ("busy", 7, OLD), ("busy", 8, NOW)]
    _append(spark, warehouse, tables.PLAN, *({"query_id": q, "batch_id": b, "at": at} for q, b, at in plans))

    steps = _maintained(spark, warehouse, "retention_days={xact_task_plan: 30, dead_letters: 30}")

    assert steps[tables.DEAD_LETTERS.name, "retention"].result.startswith("1 rows older than 2025-12-11")
    kept = warehouse.read(spark, tables.DEAD_LETTERS.name).select("dead_letter_id").collect()
    assert sorted(row.dead_letter_id for row in kept) == ["fresh", "open"]
    kept_plans = warehouse.read(spark, tables.PLAN.name).select("query_id", "batch_id").collect()
    assert sorted(map(tuple, kept_plans)) == [("busy", 8), ("idle", 2)]


def test_the_ledger_keeps_what_a_later_event_or_a_replay_asks_for(spark: SparkSession, warehouse: Warehouse) -> None:
    """Old rows go, but for those of a rule that makes one task for many events, and of an event whose letter is not closed."""
    rows = [("old", "each", OLD), ("waits", "each", OLD), ("shared", "once", OLD), ("fresh", "each", NOW)]
    kept = ({"idempotency_key": e, "event_id": e, "rule": rule, "state": "CREATED", "at": at} for e, rule, at in rows)
    _append(spark, warehouse, tables.LEDGER, *kept)
    letters = [("open", "waits", None), ("closed", "old", NOW), ("unread", None, None)]
    states = {"open": "OPEN", "closed": "RESOLVED", "unread": "OPEN"}
    told = ({"dead_letter_id": i, "event_id": e, "state": states[i], "closed_at": at} for i, e, at in letters)
    _append(spark, warehouse, tables.DEAD_LETTERS, *told)
    job = load(sets=["jobs.maintenance.retention_days={xact_task_ledger: 30}"], environ={}).jobs.maintenance

    steps = maintain(spark, warehouse, job, now=NOW, lasting_rules=frozenset({"once"}))

    (retention,) = (step for step in steps if step.step == "retention")
    assert retention.result.startswith("1 rows older than"), retention
    left = warehouse.read(spark, tables.LEDGER.name).select("event_id").collect()
    assert sorted(row.event_id for row in left) == ["fresh", "shared", "waits"]


@pytest.mark.long
def test_step_that_fails_leaves_the_others(spark: SparkSession, warehouse: Warehouse) -> None:
    """A table that cannot be compacted is told of, and every other table is taken care of all the same."""
    for number in range(2):
        _append(spark, warehouse, tables.DEAD_LETTERS, {"dead_letter_id": f"letter-{number}"})
        _append(spark, warehouse, tables.PENDING, {"event_id": f"evt-{number}"})
    for file in Path(warehouse.location(tables.DEAD_LETTERS.name)).glob("*.parquet"):
        file.unlink()

    steps = _maintained(spark, warehouse, "retention_days={}")

    assert [key for key, step in steps.items() if not step.is_done] == [(tables.DEAD_LETTERS.name, "optimize")]
    assert steps[tables.PENDING.name, "optimize"].result == "2 files became 1"
    assert len(steps) == 4


@pytest.fixture
def appending(spark: SparkSession, warehouse: Warehouse) -> Iterator[list[str]]:
    """A writer that appends to the tracking table until the test ends; the list holds what it has committed."""
    done: list[str] = []
    stop = threading.Event()

    def append() -> None:
        while not stop.is_set():
            event_id = f"beside-{len(done)}"
            _append(spark, warehouse, tables.TRACKING, _tracked(event_id))
            done.append(event_id)

    writer = threading.Thread(target=append, daemon=True)
    writer.start()
    yield done
    stop.set()
    writer.join(timeout=240)


def test_upkeep_beside_a_writer_loses_no_row(spark: SparkSession, warehouse: Warehouse, appending: list[str]) -> None:
    """Rows that are appended while the table is compacted and vacuumed are all there afterwards, and so is the writer."""
    deadline = time.monotonic() + 240
    while not appending and time.monotonic() < deadline:
        time.sleep(0.05)
    steps = _maintained(spark, warehouse)

    committed = list(appending)
    assert committed, "the writer has written nothing"
    assert all(step.is_done for step in steps.values()), steps
    rows = warehouse.read(spark, tables.TRACKING.name).select("event_id").collect()
    assert {row.event_id for row in rows} >= set(committed)
