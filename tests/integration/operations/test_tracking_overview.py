from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from claimx_lib.errors import NotFound
from claimx_lib.operations.task_timeline import find_tasks, task_timeline
from claimx_lib.operations.tracking_overview import StatusCount, StuckRules, tracking_overview
from tests.fakes.warehouse import NOW, Tables
from tests.fakes.warehouse import tracked as row

RULES = StuckRules(quantile=0.95, min_observations=5)


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
    """Each task is counted once, where its newest event left it, whatever the span of the events."""
    told = tracking_overview(tables.sql, RULES, now=NOW, days=30)
    assert (told.events, told.tasks) == (18, 11)
    assert set(told.statuses) == {
        StatusCount(status="completed", tasks=7),
        StatusCount(status="assigned", tasks=3),
        StatusCount(status="in_progress", tasks=1),
    }


def test_a_task_is_stuck_by_its_statuss_own_history(tables: Tables) -> None:
    """Repeated events of one status are one stay; too few observations accuse nobody; an end is never stuck."""
    told = tracking_overview(tables.sql, RULES, now=NOW, days=30)
    (stuck,) = told.stuck
    assert stuck.assignment_id == 5
    assert stuck.waited_seconds == pytest.approx(7200, abs=1)
    assert stuck.limit_seconds == pytest.approx(885)  # 95 % of 10, 11, … 15 minutes


def test_the_longest_stuck_is_told_in_every_span(tables: Tables) -> None:
    """A task whose last event is older than the span, and stays that ended before it, count as all others do."""
    begun = NOW - timedelta(days=200)
    old = [row(n, "review", begun - timedelta(days=9)) for n in range(20, 26)]
    old += [row(n, "completed", begun - timedelta(days=8)) for n in range(20, 26)]
    tables.append("itel_cabinet_task_tracking", [*old, row(7, "review", begun), row(8, "in_progress", begun)])
    for days in (7, 90):
        told = tracking_overview(tables.sql, RULES, now=NOW, days=days)
        assert {task.assignment_id for task in told.stuck} == {5, 7, 8}
        assert told.stuck_total == 3
        assert {row.status: row.tasks for row in told.statuses}["review"] == 1
    assert tracking_overview(tables.sql, RULES, now=NOW, days=7).events == 18


def test_stays_with_events_missing_describe_no_status(tables: Tables) -> None:
    """A stay that begins or ends in a gap is no observation, and what has not happened yet is left out."""
    five = [row(n, "waiting", NOW - timedelta(days=3), previous_status="created") for n in range(30, 35)]
    five += [row(n, "completed", NOW - timedelta(days=2), previous_status="approved") for n in range(30, 35)]
    open_one = row(36, "waiting", NOW - timedelta(days=30), previous_status="created")
    later = row(5, "completed", NOW + timedelta(minutes=1))
    tables.append("itel_cabinet_task_tracking", [*five, open_one, later])
    told = tracking_overview(tables.sql, RULES, now=NOW, days=7)
    assert [task.assignment_id for task in told.stuck] == [5]


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


def test_an_event_of_a_time_to_come_counts_nowhere(tables: Tables) -> None:
    """Tiles, days, statuses and the list leave it out: a clock gone wrong is not the newest event for decades."""
    ahead = NOW + timedelta(days=365 * 50)
    tables.append(
        "itel_cabinet_task_tracking",
        [row(2, "completed", ahead), row(9, "assigned", ahead), row(1, "completed", NOW + timedelta(seconds=1))],
    )
    told = tracking_overview(tables.sql, RULES, now=NOW, days=7)
    assert told.events == sum(day.events for day in told.days) == 18
    assert told.newest_at == NOW - timedelta(hours=2)
    found = {task.assignment_id: task.status for task in find_tasks(tables.sql, "", now=NOW)}
    assert (len(found), told.tasks) == (11, 11)
    assert (found[1], found[2]) == ("assigned", "assigned")


def test_an_empty_table_is_an_empty_overview(tmp_path: Path) -> None:
    """Before the first event there are no figures, and no failure."""
    told = tracking_overview(Tables(tmp_path).create().sql, RULES, now=NOW, days=7)
    assert (told.events, told.statuses, told.stuck, told.rate, told.newest_at) == (0, (), (), None, None)


def test_a_timeline_tells_each_event_and_how_long_it_lasted(tables: Tables) -> None:
    """Events come oldest first, each with the time until the next; the newest one lasts."""
    told = task_timeline(tables.sql, 3)
    assert [(e.status, e.lasted_seconds) for e in told.events] == [("created", 86_400.0), ("completed", None)]
    assert told.events[1].enrichment_status == "not_found"


@pytest.mark.parametrize(
    "later",
    [
        {"source_topic": "b", "source_partition": 0, "source_offset": 1},
        {"source_topic": "a", "source_partition": 2, "source_offset": 1},
        {"source_topic": "a", "source_partition": 1, "source_offset": 10},
        {"source_topic": "a", "source_partition": 1, "source_offset": 9, "event_id": "evt-91"},
    ],
)
@pytest.mark.parametrize("has_source", [True, False])
def test_events_of_one_instant_have_one_order(tables: Tables, later: dict[str, Any], *, has_source: bool) -> None:
    """Overview, list and timeline agree on the newest: by topic, partition and offset, then by id; no source comes first."""
    at = NOW - timedelta(hours=5)
    first = {"source_topic": "a", "source_partition": 1, "source_offset": 9} if has_source else {}
    second = {"event_id": "evt-10", "previous_status": "assigned", **later}
    rows = [row(99, "review", at, event_id="evt-9", **first), row(99, "done", at, **second)]
    tables.append("itel_cabinet_task_tracking", rows)
    told = {one.status: one.tasks for one in tracking_overview(tables.sql, RULES, now=NOW).statuses}
    assert (told.get("done"), told.get("review")) == (1, None)
    assert [task.status for task in find_tasks(tables.sql, "99", now=NOW)] == ["done"]
    assert [event.status for event in task_timeline(tables.sql, 99).events] == ["review", "done"]


@pytest.mark.parametrize("assignment_id", [-1, 999, 2**40])
def test_an_unknown_task_is_said_to_be_unknown(tables: Tables, assignment_id: int) -> None:
    """A task that is not tracked is an error with a cure, whatever number is asked for."""
    with pytest.raises(NotFound):
        task_timeline(tables.sql, assignment_id)


def test_tasks_are_found_by_assignment_and_project(tables: Tables) -> None:
    """The last changed come first; what is typed is an id, never SQL."""
    assert [t.assignment_id for t in find_tasks(tables.sql, "", now=NOW, limit=2)] == [5, 2]
    assert [(t.assignment_id, t.events) for t in find_tasks(tables.sql, "1", now=NOW)] == [(1, 2)]
    assert len(find_tasks(tables.sql, "77", now=NOW)) == 11
    assert find_tasks(tables.sql, "' OR true --", now=NOW) == ()
