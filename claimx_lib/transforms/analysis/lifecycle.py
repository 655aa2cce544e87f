"""The life of cabinet tasks, from the history of their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pyspark.sql import Column, DataFrame, WindowSpec

TASK = ("task_id", "assignment_id", "project_id")
"""What names one task: the template, the assignment and the project (a task without assignment is its project's)."""

TERMINAL_STATUSES = ("completed", "cancelled", "canceled", "closed")
ORDER = ("event_timestamp", "source_topic", "source_partition", "source_offset", "event_id")


def task_lifecycle(tracking: DataFrame, *, task_id: int) -> DataFrame:
    """Every event of a template's tasks in the order in which they happened, with the days to completion.

    Source: the specification's sample query "Task Lifecycle".
    """
    return (
        tracking.where(F.col("task_id") == task_id)
        .select(
            "task_id",
            "assignment_id",
            "task_status",
            "event_timestamp",
            "task_created_at",
            "task_completed_at",
            F.date_diff("task_completed_at", "task_created_at").alias("days_to_complete"),
        )
        .orderBy("event_timestamp", "assignment_id")
    )


def status_counts(tracking: DataFrame, *, year: int, month: int) -> DataFrame:
    """How often each status was seen in one UTC month, and when first and last.

    Source: the specification's sample query "Status Transitions".
    """
    return (
        tracking.where((F.col("year") == year) & (F.col("month") == month))
        .groupBy("task_id", "task_status")
        .agg(
            F.count(F.lit(1)).alias("status_count"),
            F.min("event_timestamp").alias("first_seen"),
            F.max("event_timestamp").alias("last_seen"),
        )
        .orderBy("task_id", "first_seen")
    )


def status_intervals(tracking: DataFrame, *, as_of: datetime, terminal: Iterable[str] = TERMINAL_STATUSES) -> DataFrame:
    """One row for each stay of a task in a status: entered_at, left_at, hours, is_open, has_gap.

    Events count by when they happened, not by when they came; a status told again does not start a new stay.
    An open stay (left_at null) lasts until `as_of`; one in a terminal status is not open and has no hours.
    `has_gap` marks a stay before which an event is missing: its `previous_status` is not the one we saw, so that
    the stay before it is an upper bound.
    """
    in_order = _in_order()
    known = tracking.where(F.col("event_timestamp") <= F.lit(as_of))
    entered = (
        known.withColumn("before", F.lag("task_status").over(in_order))
        .where(F.col("before").isNull() | (F.col("before") != F.col("task_status")))
        .withColumn("left_at", F.lead("event_timestamp").over(in_order))
    )
    is_terminal = F.lower("task_status").isin(*terminal)
    is_open = F.col("left_at").isNull() & ~is_terminal
    until = F.coalesce("left_at", F.when(is_open, F.lit(as_of)))
    told_otherwise = F.col("previous_status").isNotNull() & ~F.col("previous_status").eqNullSafe(F.col("before"))
    return entered.select(
        *TASK,
        "task_status",
        F.col("event_timestamp").alias("entered_at"),
        "left_at",
        _hours(F.col("event_timestamp"), until).alias("hours"),
        is_open.alias("is_open"),
        told_otherwise.alias("has_gap"),
    )


def time_in_status(intervals: DataFrame) -> DataFrame:
    """Hours that each task spent in each status over all its stays, and whether it is there still."""
    return (
        intervals.where(F.col("hours").isNotNull())
        .groupBy(*TASK, "task_status")
        .agg(
            F.round(F.sum("hours"), 4).alias("hours"),
            F.count(F.lit(1)).alias("stays"),
            F.bool_or("is_open").alias("is_open"),
            F.bool_or("has_gap").alias("has_gap"),
        )
    )


def reopenings(tracking: DataFrame, *, terminal: Iterable[str] = TERMINAL_STATUSES) -> DataFrame:
    """Each event that took a task out of a terminal status: reopened_at, from_status, to_status."""
    changes = tracking.withColumn("before", F.lag("task_status").over(_in_order()))
    was_closed = F.lower("before").isin(*terminal)
    is_open_again = ~F.lower("task_status").isin(*terminal)
    return changes.where(was_closed & is_open_again).select(
        *TASK,
        F.col("event_timestamp").alias("reopened_at"),
        F.col("before").alias("from_status"),
        F.col("task_status").alias("to_status"),
    )


def reassignments(tracking: DataFrame) -> DataFrame:
    """Each event that gave a task to another user: reassigned_at, from_user_id, to_user_id.

    Events that name no user change nothing.
    """
    named = tracking.where(F.col("assigned_to_user_id").isNotNull())
    changes = named.withColumn("before", F.lag("assigned_to_user_id").over(_in_order()))
    return changes.where(F.col("before") != F.col("assigned_to_user_id")).select(
        *TASK,
        F.col("event_timestamp").alias("reassigned_at"),
        F.col("before").alias("from_user_id"),
        F.col("assigned_to_user_id").alias("to_user_id"),
    )


def throughput(tracking: DataFrame, *, timezone: str, terminal: Iterable[str] = TERMINAL_STATUSES) -> DataFrame:
    """Events, tasks first seen and tasks completed for each day of `timezone`."""
    first = tracking.groupBy(*TASK).agg(
        F.min("event_timestamp").alias("seen_at"),
        F.min(F.when(F.lower("task_status").isin(*terminal), F.col("event_timestamp"))).alias("done_at"),
    )
    events = _by_day(tracking, "event_timestamp", timezone, "events")
    started = _by_day(first, "seen_at", timezone, "tasks_started")
    finished = _by_day(first, "done_at", timezone, "tasks_finished")
    joined = events.join(started, on="day", how="full").join(finished, on="day", how="full")
    return joined.na.fill(0).orderBy("day")


def _by_day(frame: DataFrame, at: str, timezone: str, name: str) -> DataFrame:
    day = F.to_date(F.from_utc_timestamp(at, timezone)).alias("day")
    return frame.where(F.col(at).isNotNull()).groupBy(day).agg(F.count(F.lit(1)).alias(name))


def _in_order() -> WindowSpec:
    return Window.partitionBy(*TASK).orderBy(*ORDER)


def _hours(start: Column, end: Column) -> Column:
    return (F.unix_micros(end) - F.unix_micros(start)) / F.lit(3_600_000_000)
