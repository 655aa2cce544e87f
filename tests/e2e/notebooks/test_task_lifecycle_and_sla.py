"""The lifecycle notebook, over Spark Connect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.readers.notebooks import Shown

pytestmark = pytest.mark.long  # a kernel and a server of its own: one of the four notebooks is enough for each change


@pytest.fixture(scope="module")
def lifecycle(over_connect: Callable[[str], Shown]) -> Shown:
    """The notebook, run once."""
    return over_connect("task_lifecycle_and_sla")


def test_it_shows_the_sample_queries(lifecycle: Shown) -> None:
    """Both queries of the specification answer from their views, in the reader's time zone."""
    newest = lifecycle.table("assignment_id", "task_status", "event_timestamp", "days_to_complete")
    assert [row["assignment_id"] for row in newest] == ["21", "20", "19", "18", "17"]
    assert newest[0] == {
        "assignment_id": "21",
        "task_status": "completed",
        "event_timestamp": "2026-01-11 14:00:00",
        "days_to_complete": "1",
    }
    assert lifecycle.table("task_status", "status_count") == [
        {"task_status": "assigned", "status_count": "23"},
        {"task_status": "completed", "status_count": "21"},
        {"task_status": "in_progress", "status_count": "2"},
    ]


def test_it_draws_how_long_stays_last(lifecycle: Shown) -> None:
    """Quantiles of the closed stays of each status: 1 to 21 hours assigned, 29 completed before a reopening."""
    assert lifecycle.values("Hours in each status") == {
        "": {"completed": (29.0,) * 5, "assigned": (2.0, 6.0, 11.0, 16.0, 20.0)}
    }


def test_it_draws_the_limits(lifecycle: Shown) -> None:
    """Stays kept and breached by the configured limits, the open ones that broke theirs long ago included."""
    assert lifecycle.values("Stays by status") == {
        "kept": {"assigned": 21, "in_progress": 0},
        "breached": {"assigned": 2, "in_progress": 1},
        "unknown": {"assigned": 0, "in_progress": 0},
    }
    assert lifecycle.table("task_status", "limit_hours", "open_breaches") == [
        {"task_status": "assigned", "limit_hours": "24.0", "open_breaches": "2"},
        {"task_status": "in_progress", "limit_hours": "72.0", "open_breaches": "1"},
    ]


def test_it_draws_stuck_tasks(lifecycle: Shown) -> None:
    """The two tasks left behind are stuck; the one in a status without history is not accused."""
    drawn = lifecycle.values("Stuck tasks")
    assert drawn["its status's limit"] == {"22": 20.0, "60": 20.0}
    assert all(hours > 20.0 for hours in drawn["hours in status"].values())
    assert [row["assignment_id"] for row in lifecycle.table("assignment_id", "median_hours")] == ["22", "60"]


def test_it_draws_setbacks(lifecycle: Shown) -> None:
    """The reopening and the reassignment stand on their days."""
    assert lifecycle.values("Tasks opened again") == {
        "reopened": {"2026-01-11": 1, "2026-01-12": 0},
        "reassigned": {"2026-01-11": 0, "2026-01-12": 1},
    }
