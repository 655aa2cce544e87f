"""The life of cabinet tasks, from the history of their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from claimx_lib.domain.task_status import TERMINAL_STATUSES
from claimx_lib.transforms.analysis.days import hours_between

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pyspark.sql import DataFrame, WindowSpec

TASK = ("task_id", "assignment_id", "project_id")
"""What names one task: the template, the assignment and the project (a task without assignment is its project's)."""

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
    """One row for each stay of a task in a status: entered_at, left_at, hours, is_open, has_gap, is_exact.

    Events count by when they happened, not by when they came. A status told again starts no new stay, unless its
    `previous_status` has changed: then the task was elsewhere in between, and the event that said so is missing.
    An open stay (left_at null) lasts until `as_of`; one in a terminal status is not open and has no hours.
    `has_gap`: an event before this stay is missing, its `previous_status` is not the one we saw.
    `is_exact`: both ends are known; without, the stay's entry was told late, or the next one has a gap.
    """
    in_order = in_order_of_events()
    stays = (
        _entered(tracking.where(F.col("event_timestamp") <= F.lit(as_of)))
        .withColumn("left_at", F.lead("event_timestamp").over(in_order))
        .withColumn("ends_in_gap", F.lead("has_gap", 1, False).over(in_order))  # noqa: FBT003  (the value, not a flag)
    )
    is_open = F.col("left_at").isNull() & ~F.lower("task_status").isin(*terminal)
    until = F.coalesce("left_at", F.when(is_open, F.lit(as_of)))
    told_late = F.col("has_gap") & (F.col("previous_status") == F.col("task_status"))
    return stays.select(
        *TASK,
        "task_status",
        F.col("event_timestamp").alias("entered_at"),
        "left_at",
        hours_between("event_timestamp", until).alias("hours"),
        is_open.alias("is_open"),
        "has_gap",
        (~told_late & ~F.col("ends_in_gap")).alias("is_exact"),
    )


def _entered(tracking: DataFrame) -> DataFrame:
    """The events that began a stay, each with whether one before it is missing."""
    in_order = in_order_of_events()
    told = F.col("previous_status")
    before, told_before = F.col("before"), F.col("told_before")
    status = F.col("task_status")
    came_back = (told != status) & (told != told_before)
    return (
        tracking.withColumn("before", F.lag("task_status").over(in_order))
        .withColumn("told_before", F.lag("previous_status").over(in_order))
        .where(before.isNull() | (before != status) | F.coalesce(came_back, F.lit(False)))  # noqa: FBT003
        .withColumn("has_gap", told.isNotNull() & ~told.eqNullSafe(before))
    )


def time_in_status(intervals: DataFrame) -> DataFrame:
    """Hours that each task spent in each status over all its stays, and whether it is there still.

    `is_exact` is false where an event is missing at an end of one of the stays.
    """
    return (
        intervals.where(F.col("hours").isNotNull())
        .groupBy(*TASK, "task_status")
        .agg(
            F.round(F.sum("hours"), 4).alias("hours"),
            F.count(F.lit(1)).alias("stays"),
            F.bool_or("is_open").alias("is_open"),
            F.bool_and("is_exact").alias("is_exact"),
        )
    )


def current_statuses(intervals: DataFrame) -> DataFrame:
    """How many tasks stand in each status now, the most first; the terminal ones too."""
    return (
        intervals.where(F.col("left_at").isNull())
        .groupBy("task_status")
        .agg(F.count(F.lit(1)).alias("tasks"), F.bool_or("is_open").alias("is_open"))
        .orderBy(F.col("tasks").desc(), "task_status")
    )


def in_order_of_events() -> WindowSpec:
    """A task's events as they happened; of one instant, as they were published."""
    return Window.partitionBy(*TASK).orderBy(*ORDER)
