"""Tasks begun and finished, handed on, opened again; records refused."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from claimx_lib.transforms.analysis import activity
from tests.fakes.analysis import assert_rows, event, hour, letter, letters, tracking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TASK = "task_id INT, assignment_id INT, project_id STRING"
DAYS = "day DATE, events LONG, tasks_started LONG, tasks_finished LONG"


def test_totals_count_each_task_once(spark: SparkSession) -> None:
    """Events, tasks (also without assignment), projects, and the span that they cover."""
    story = tracking(
        spark,
        event(1, 0, "assigned"),
        event(2, 9, "completed"),
        event(3, 2, "assigned", assignment=None, project_id="8"),
    )
    assert_rows(
        activity.totals(story),
        "events LONG, tasks LONG, projects LONG, first_event_at TIMESTAMP, last_event_at TIMESTAMP",
        (3, 2, 2, hour(0), hour(9)),
    )


def test_a_task_starts_and_finishes_once(spark: SparkSession) -> None:
    """Each task counts on the day of its first event and on that of its first end, opened again or not."""
    story = tracking(
        spark,
        event(4, 50, "completed"),
        event(3, 26, "in_progress"),
        event(2, 25, "Completed"),
        event(1, 0, "assigned"),
        event(5, 27, "assigned", assignment=2),
    )
    assert_rows(
        activity.throughput(story, timezone="UTC"),
        DAYS,
        (date(2026, 1, 10), 1, 1, 0),
        (date(2026, 1, 11), 3, 1, 1),
        (date(2026, 1, 12), 1, 0, 0),
        in_order=True,
    )


def test_days_are_those_of_the_reader(spark: SparkSession) -> None:
    """23:30 UTC is the next day in Tokyo, whatever the session's own time zone is."""
    story = tracking(spark, event(1, 15.5, "completed"))
    try:
        for session_zone in ("UTC", "Asia/Tokyo", "America/New_York"):
            spark.conf.set("spark.sql.session.timeZone", session_zone)
            assert_rows(activity.throughput(story, timezone="UTC"), DAYS, (date(2026, 1, 10), 1, 1, 1))
            assert_rows(activity.throughput(story, timezone="Asia/Tokyo"), DAYS, (date(2026, 1, 11), 1, 1, 1))
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_leaving_a_terminal_status_is_a_reopening(spark: SparkSession) -> None:
    """A task is reopened by the event after its end, in the order of events; moving between two ends is none."""
    story = tracking(
        spark,
        event(3, 2, "in_progress"),
        event(1, 0, "assigned"),
        event(2, 1, "completed"),
        event(4, 1, "completed", assignment=2),
        event(5, 2, "closed", assignment=2),
    )
    assert_rows(
        activity.reopenings(story),
        f"{TASK}, reopened_at TIMESTAMP, from_status STRING, to_status STRING",
        (32513, 1, "7", hour(2), "completed", "in_progress"),
    )


def test_another_user_is_a_reassignment(spark: SparkSession) -> None:
    """Each change of user counts once; events that name nobody, or the same user again, change nothing."""
    story = tracking(
        spark,
        event(4, 3, "in_progress", assigned_to_user_id=12),
        event(1, 0, "assigned", assigned_to_user_id=11),
        event(2, 1, "on_hold"),
        event(3, 2, "in_progress", assigned_to_user_id=12),
        event(5, 2, "assigned", assignment=2, assigned_to_user_id=13),
    )
    assert_rows(
        activity.reassignments(story),
        f"{TASK}, reassigned_at TIMESTAMP, from_user_id INT, to_user_id INT",
        (32513, 1, "7", hour(2), 11, 12),
    )


def test_setbacks_are_counted_by_day(spark: SparkSession) -> None:
    """Days that saw a reopening or a reassignment, with both counts."""
    story = tracking(
        spark,
        event(1, 0, "completed", assigned_to_user_id=11),
        event(2, 1, "in_progress"),
        event(3, 30, "in_progress", assigned_to_user_id=12),
        event(4, 80, "in_progress", assigned_to_user_id=12),
    )
    assert_rows(
        activity.setbacks_by_day(story, timezone="UTC"),
        "day DATE, reopened LONG, reassigned LONG",
        (date(2026, 1, 10), 1, 0),
        (date(2026, 1, 11), 0, 1),
        in_order=True,
    )


def test_errors_are_shares_of_what_was_handled(spark: SparkSession) -> None:
    """Failed enrichments and refused records of tracking, by the day we handled them; other pipelines don't count."""
    story = tracking(
        spark, event(1, 0, "assigned"), event(2, 1, "completed"), event(3, 2, "assigned", enrichment_status="failed")
    )
    refused = letters(
        spark, letter("a", 3, pipeline="task_tracking"), letter("b", 20, pipeline="task_trigger"), letter("c", 3)
    )
    assert_rows(
        activity.errors_by_day(story, refused, timezone="UTC"),
        "day DATE, rows LONG, failed LONG, refused LONG, error_share DOUBLE",
        (date(2026, 1, 10), 3, 1, 1, 0.5),
        (date(2026, 1, 11), 0, 0, 1, 1.0),
        in_order=True,
    )
