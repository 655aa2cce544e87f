from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from claimx_lib.errors import NotFound
from claimx_lib.operations.task_timeline import find_tasks, task_timeline
from claimx_lib.operations.tracking_overview import StatusCount, StuckRules, tracking_overview
from tests.fakes.warehouse import NOW, Tables

RULES = StuckRules(quantile=0.95, min_observations=5, sla_seconds={"assigned": 24 * 3600.0})


def row(task: int, status: str, at: datetime, enrichment: str = "enriched", **values: Any) -> dict[str, Any]:
    return {
        "event_id": f"{task}-{status}-{at:%d%H%M%S}",
        "event_type": f"CUSTOM_TASK_{status.upper()}",
        "event_timestamp": at,
        "processed_timestamp": at + timedelta(seconds=2),
        "task_id": 32513,
        "assignment_id": task,
        "project_id": "77",
        "task_status": status,
        "task_name": "Cabinet",
        "enrichment_status": enrichment,
        "year": at.year,
        "month": at.month,
        "day": at.day,
        **values,
    }


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = Tables(tmp_path).create()
    day = timedelta(days=1)
    rows = [
        row(1, "assigned", NOW - 3 * day),
        row(1, "assigned", NOW - 2 * day, "failed"),
        row(2, "assigned", NOW - timedelta(hours=3), "skipped"),
        row(3, "created", NOW - 2 * day),
        row(3, "completed", NOW - day, "not_found"),
        row(4, "assigned", NOW - 80 * day),
    ]
    for n in range(10, 16):  # six quick stays in in_progress: its own history is the limit
        rows += [row(n, "in_progress", NOW - 2 * day), row(n, "completed", NOW - 2 * day + timedelta(minutes=n))]
    rows.append(row(5, "in_progress", NOW - timedelta(hours=2)))
    made.append("itel_cabinet_task_tracking", rows)
    return made


def test_the_overview_counts_tasks_by_their_newest_status(tables: Tables) -> None:
    """Each task of the span is counted once, where its newest event left it."""
    told = tracking_overview(tables.sql, RULES, now=NOW, days=30)
    assert (told.events, told.tasks) == (18, 10)
    assert set(told.statuses) == {
        StatusCount(status="completed", tasks=7),
        StatusCount(status="assigned", tasks=2),
        StatusCount(status="in_progress", tasks=1),
    }


def test_a_task_is_stuck_by_its_statuss_own_history_or_the_sla(tables: Tables) -> None:
    """Repeated events of one status are one stay; few observations fall back to the SLA; an end is never stuck."""
    told = tracking_overview(tables.sql, RULES, now=NOW, days=30)
    stuck = {task.assignment_id: task for task in told.stuck}
    assert set(stuck) == {1, 5}
    assert stuck[1].waited_seconds == pytest.approx(3 * 86_400, abs=1)
    assert stuck[1].limit_seconds == 86_400
    assert 600 <= stuck[5].limit_seconds <= 1000


def test_enrichment_is_counted_by_day_and_what_was_not_asked_for_counts_for_nothing(tables: Tables) -> None:
    """Every day of the span is there; the rate is of what was asked for."""
    told = tracking_overview(tables.sql, RULES, now=NOW, days=7)
    by_day = {day.day: day for day in told.days}
    assert len(told.days) == 7
    assert by_day[NOW.date()].skipped == 1
    yesterday = by_day[(NOW - timedelta(days=1)).date()]
    assert (yesterday.not_found, yesterday.rate) == (1, 0.0)
    assert by_day[(NOW - timedelta(days=5)).date()].rate is None
    assert told.rate == pytest.approx(15 / 17)


def test_an_empty_table_is_an_empty_overview(tmp_path: Path) -> None:
    """Before the first event there are no figures, and no failure."""
    told = tracking_overview(Tables(tmp_path).create().sql, RULES, now=NOW, days=7)
    assert (told.events, told.statuses, told.stuck, told.rate, told.newest_at) == (0, (), (), None, None)


def test_a_timeline_tells_each_event_and_how_long_it_lasted(tables: Tables) -> None:
    """Events come oldest first, each with the time until the next; the newest one lasts."""
    told = task_timeline(tables.sql, 3)
    assert [(e.status, e.lasted_seconds) for e in told.events] == [("created", 86_400.0), ("completed", None)]
    assert told.events[1].enrichment_status == "not_found"


@pytest.mark.parametrize("assignment_id", [-1, 999, 2**40])
def test_an_unknown_task_is_said_to_be_unknown(tables: Tables, assignment_id: int) -> None:
    """A task that is not tracked is an error with a cure, whatever number is asked for."""
    with pytest.raises(NotFound):
        task_timeline(tables.sql, assignment_id)


def test_tasks_are_found_by_assignment_and_project(tables: Tables) -> None:
    """The last changed come first; what is typed is an id, never SQL."""
    assert [t.assignment_id for t in find_tasks(tables.sql, "", limit=2)] == [5, 2]
    assert [(t.assignment_id, t.events) for t in find_tasks(tables.sql, "1")] == [(1, 2)]
    assert len(find_tasks(tables.sql, "77")) == 11
    assert find_tasks(tables.sql, "' OR true --") == ()
