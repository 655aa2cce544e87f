"""The life of tasks from their history, right whatever order the events came in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from claimx_lib.transforms.analysis import lifecycle
from tests.fakes.analysis import AS_OF, START, assert_rows, event, hour, tracking

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TASK = "task_id INT, assignment_id INT, project_id STRING, task_status STRING"
STAYS = (
    f"{TASK}, entered_at TIMESTAMP, left_at TIMESTAMP, hours DOUBLE, is_open BOOLEAN, has_gap BOOLEAN, is_exact BOOLEAN"
)


def stay(
    assignment: int | None, status: str, entered: float, left: float | None, hours: float | None, *marks: str
) -> tuple[Any, ...]:
    left_at = None if left is None else hour(left)
    flags = ("open" in marks, "gap" in marks, "inexact" not in marks)
    return (32513, assignment, "7", status, hour(entered), left_at, hours, *flags)


@pytest.fixture
def shuffled_story(spark: SparkSession) -> DataFrame:
    """A task told out of order, with a status told twice, and one whose start was never seen."""
    return tracking(
        spark,
        event(3, 30, "completed", previous_status="in_progress"),
        event(1, 0, "assigned"),
        event(9, 12, "in_progress", previous_status="assigned"),
        event(2, 10, "in_progress", previous_status="assigned"),
        event(4, 5, "in_progress", assignment=2, previous_status="assigned"),
    )


def test_stays_follow_event_time_and_merge_repetitions(shuffled_story: DataFrame) -> None:
    """A stay begins at the first event of a status and ends at the next other one; a missing start is marked."""
    assert_rows(
        lifecycle.status_intervals(shuffled_story, as_of=AS_OF),
        STAYS,
        stay(1, "assigned", 0, 10, 10.0),
        stay(1, "in_progress", 10, 30, 20.0),
        stay(1, "completed", 30, None, None),
        stay(2, "in_progress", 5, None, 95.0, "open", "gap"),
    )


def test_a_missing_event_makes_the_stay_before_it_inexact(spark: SparkSession) -> None:
    """Where an event is missing, the stay that it would have ended is an upper bound, and the next one says so."""
    story = tracking(
        spark,
        event(1, 0, "created"),
        event(2, 4, "in_progress", previous_status="assigned"),
        event(3, 9, "completed", previous_status="in_progress"),
    )
    assert_rows(
        lifecycle.status_intervals(story, as_of=AS_OF),
        STAYS,
        stay(1, "created", 0, 4, 4.0, "inexact"),
        stay(1, "in_progress", 4, 9, 5.0, "gap"),
        stay(1, "completed", 9, None, None),
    )


def test_a_status_that_comes_back_unseen_is_a_new_stay(spark: SparkSession) -> None:
    """The same status twice with another one before it the second time: two stays, the one between them is missing."""
    story = tracking(
        spark,
        event(1, 0, "in_progress", previous_status="assigned"),
        event(2, 6, "in_progress", previous_status="on_hold"),
        event(3, 7, "in_progress", previous_status="in_progress"),
    )
    assert_rows(
        lifecycle.status_intervals(story, as_of=hour(10)),
        STAYS,
        stay(1, "in_progress", 0, 6, 6.0, "gap", "inexact"),
        stay(1, "in_progress", 6, None, 4.0, "open", "gap"),
    )


def test_a_status_told_late_is_a_lower_bound(spark: SparkSession) -> None:
    """An event that finds its task in the status already leaves open when it got there."""
    story = tracking(spark, event(1, 3, "on_hold", previous_status="on_hold"), event(2, 5, "completed"))
    assert_rows(
        lifecycle.status_intervals(story, as_of=AS_OF),
        STAYS,
        stay(1, "on_hold", 3, 5, 2.0, "gap", "inexact"),
        stay(1, "completed", 5, None, None),
    )


def test_events_of_one_instant_follow_their_order_in_kafka(spark: SparkSession) -> None:
    """Two events of the same instant count in the order in which they were published; later ones than `as_of` don't."""
    story = tracking(spark, event(2, 0, "assigned"), event(1, 0, "created"), event(3, 50, "completed"))
    assert_rows(
        lifecycle.status_intervals(story, as_of=hour(8)),
        STAYS,
        stay(1, "created", 0, 0, 0.0),
        stay(1, "assigned", 0, None, 8.0, "open"),
    )


def test_tasks_without_an_assignment_are_their_projects(spark: SparkSession) -> None:
    """Events without an assignment make one task of their project and mix with no other."""
    story = tracking(
        spark,
        event(1, 0, "assigned", assignment=None),
        event(2, 1, "completed"),
        event(3, 2, "done", assignment=None, project_id="8"),
    )
    stays = lifecycle.status_intervals(story, as_of=hour(4)).where("is_open")
    assert_rows(
        stays.select("assignment_id", "project_id", "hours"),
        "assignment_id INT, project_id STRING, hours DOUBLE",
        (None, "7", 4.0),
        (None, "8", 2.0),
    )


def test_time_in_status_adds_up_every_stay(spark: SparkSession) -> None:
    """Two stays in one status count together, an open one up to now."""
    story = tracking(spark, event(1, 0, "assigned"), event(2, 4, "in_progress"), event(3, 10, "assigned"))
    assert_rows(
        lifecycle.time_in_status(lifecycle.status_intervals(story, as_of=hour(11))),
        f"{TASK}, hours DOUBLE, stays LONG, is_open BOOLEAN, is_exact BOOLEAN",
        (32513, 1, "7", "assigned", 5.0, 2, True, True),
        (32513, 1, "7", "in_progress", 6.0, 1, False, True),
    )


def test_each_task_stands_in_one_status(shuffled_story: DataFrame) -> None:
    """Tasks are counted where their newest event left them, finished ones too."""
    assert_rows(
        lifecycle.current_statuses(lifecycle.status_intervals(shuffled_story, as_of=AS_OF)),
        "task_status STRING, tasks LONG, is_open BOOLEAN",
        ("completed", 1, False),
        ("in_progress", 1, True),
        in_order=True,
    )


def test_sample_query_task_lifecycle(spark: SparkSession) -> None:
    """The specification's first query: a template's events in order, with the days to completion."""
    done = {"task_created_at": START, "task_completed_at": START + timedelta(days=3)}
    story = tracking(
        spark, event(2, 5, "completed", **done), event(1, 0, "assigned"), event(4, 1, "assigned", task_id=99)
    )
    assert_rows(
        lifecycle.task_lifecycle(story, task_id=32513),
        "task_id INT, assignment_id INT, task_status STRING, event_timestamp TIMESTAMP, "
        "task_created_at TIMESTAMP, task_completed_at TIMESTAMP, days_to_complete INT",
        (32513, 1, "assigned", hour(0), None, None, None),
        (32513, 1, "completed", hour(5), START, START + timedelta(days=3), 3),
        in_order=True,
    )


def test_sample_query_status_transitions(spark: SparkSession) -> None:
    """The specification's second query: each status of a month with its count, first and last instant."""
    story = tracking(
        spark,
        event(3, 24 * 40, "late"),
        event(2, 5, "completed"),
        event(1, 0, "assigned"),
        event(4, 9, "assigned", assignment=2),
    )
    assert_rows(
        lifecycle.status_counts(story, year=2026, month=1),
        "task_id INT, task_status STRING, status_count LONG, first_seen TIMESTAMP, last_seen TIMESTAMP",
        (32513, "assigned", 2, hour(0), hour(9)),
        (32513, "completed", 1, hour(5), hour(5)),
        in_order=True,
    )
