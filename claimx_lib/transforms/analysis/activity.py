"""What goes on: tasks begun and finished, handed on, opened again, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.domain.task_status import TERMINAL_STATUSES
from claimx_lib.transforms.analysis.days import day_in
from claimx_lib.transforms.analysis.lifecycle import TASK, in_order_of_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame

TRACKING_PIPELINES = ("task_trigger", "task_tracking")


def totals(tracking: DataFrame) -> DataFrame:
    """One row: events, tasks, projects, and the instants of the first and the last event."""
    return tracking.agg(
        F.count(F.lit(1)).alias("events"),
        F.countDistinct(F.struct(*TASK)).alias("tasks"),
        F.countDistinct("project_id").alias("projects"),
        F.min("event_timestamp").alias("first_event_at"),
        F.max("event_timestamp").alias("last_event_at"),
    )


def throughput(tracking: DataFrame, *, timezone: str, terminal: Iterable[str] = TERMINAL_STATUSES) -> DataFrame:
    """Events, tasks first seen and tasks that first reached a terminal status, for each day of `timezone`."""
    is_done = F.lower("task_status").isin(*terminal)
    tasks = tracking.groupBy(*TASK).agg(
        F.min("event_timestamp").alias("seen_at"),
        F.min(F.when(is_done, F.col("event_timestamp"))).alias("done_at"),
    )
    events = _by_day(tracking, "event_timestamp", timezone, "events")
    started = _by_day(tasks, "seen_at", timezone, "tasks_started")
    finished = _by_day(tasks, "done_at", timezone, "tasks_finished")
    return (
        events.join(started, on="day", how="left")
        .join(finished, on="day", how="left")
        .na.fill(0, ["tasks_started", "tasks_finished"])
        .orderBy("day")
    )


def reopenings(tracking: DataFrame, *, terminal: Iterable[str] = TERMINAL_STATUSES) -> DataFrame:
    """Each event that took a task out of a terminal status: reopened_at, from_status, to_status."""
    changes = tracking.withColumn("before", F.lag("task_status").over(in_order_of_events()))
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
    changes = named.withColumn("before", F.lag("assigned_to_user_id").over(in_order_of_events()))
    return changes.where(F.col("before") != F.col("assigned_to_user_id")).select(
        *TASK,
        F.col("event_timestamp").alias("reassigned_at"),
        F.col("before").alias("from_user_id"),
        F.col("assigned_to_user_id").alias("to_user_id"),
    )


def setbacks_by_day(tracking: DataFrame, *, timezone: str, terminal: Iterable[str] = TERMINAL_STATUSES) -> DataFrame:
    """How many tasks were opened again and handed on, on each day of `timezone` that saw either."""
    reopened = _by_day(reopenings(tracking, terminal=terminal), "reopened_at", timezone, "reopened")
    reassigned = _by_day(reassignments(tracking), "reassigned_at", timezone, "reassigned")
    return reopened.join(reassigned, on="day", how="full").na.fill(0, ["reopened", "reassigned"]).orderBy("day")


def errors_by_day(tracking: DataFrame, dead_letters: DataFrame, *, timezone: str) -> DataFrame:
    """Rows written, enrichments failed and records refused on each day of `timezone`, by when we handled them.

    `error_share`: failed and refused ones among all that were handled. Dead letters count whatever became of them.
    """
    ours = dead_letters.where(F.col("pipeline").isin(*TRACKING_PIPELINES))
    handled = tracking.select(
        day_in(timezone, "processed_timestamp").alias("day"),
        (F.col("enrichment_status") == "failed").alias("is_failed"),
        F.lit(0).cast("boolean").alias("is_refused"),
    ).unionByName(
        ours.select(
            day_in(timezone, "opened_at").alias("day"),
            F.lit(0).cast("boolean").alias("is_failed"),
            F.lit(1).cast("boolean").alias("is_refused"),
        )
    )
    wrong = F.count_if(F.col("is_failed") | F.col("is_refused"))
    return (
        handled.groupBy("day")
        .agg(
            F.count_if(~F.col("is_refused")).alias("rows"),
            F.count_if("is_failed").alias("failed"),
            F.count_if("is_refused").alias("refused"),
            (wrong / F.count(F.lit(1))).alias("error_share"),
        )
        .orderBy("day")
    )


def _by_day(frame: DataFrame, at: str, timezone: str, name: str) -> DataFrame:
    day = day_in(timezone, at).alias("day")
    return frame.where(F.col(at).isNotNull()).groupBy(day).agg(F.count(F.lit(1)).alias(name))
