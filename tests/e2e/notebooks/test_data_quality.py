"""The data quality notebook, over Spark Connect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.readers.notebooks import Shown

pytestmark = pytest.mark.long  # a kernel and a server of its own: one of the four notebooks is enough for each change


@pytest.fixture(scope="module")
def quality(over_connect: Callable[[str], Shown]) -> Shown:
    """The notebook, run once."""
    return over_connect("data_quality")


def test_it_draws_how_well_rows_are_enriched(quality: Shown) -> None:
    """The rate of what was asked for, the days behind it, and the errors."""
    assert quality.values("Enriched, of 45 rows asked for") == {"": {"value": pytest.approx(44 / 45)}}
    assert quality.values("Rows by day and enrichment") == {
        "enriched": {"2026-01-10": 28, "2026-01-11": 16},
        "failed": {"2026-01-12": 1},
        "skipped": {"2026-01-12": 1},
    }
    assert quality.table("error", "rows", "tasks") == [{"error": "timeout", "rows": "1", "tasks": "1"}]


def test_it_draws_events_by_status(quality: Shown) -> None:
    """Every event counts in its status."""
    assert quality.values("Events by status") == {"": {"assigned": 23, "completed": 21, "in_progress": 2}}


def test_it_shows_how_the_schema_changed(quality: Shown) -> None:
    """Fields with the rows that have them, and values that did not fit."""
    assert quality.values("Fields of the evolving columns") == {"there from the start": {"original_event.task_id": 1}}
    assert quality.table("field", "rows", "first_seen") == [
        {"field": "original_event.x", "rows": "1", "first_seen": "2026-01-12 19:00:00"}
    ]


def test_it_draws_the_letters_of_tracking_alone(quality: Shown) -> None:
    """Open letters of the tracking jobs by reason; task creation's are another notebook's."""
    assert quality.values("Open dead letters of tracking") == {"undecodable": {"over 7 days": 1}}
