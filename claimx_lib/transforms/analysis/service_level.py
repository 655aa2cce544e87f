"""Who waits too long: against limits that people set, and against a status's own history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.transforms.analysis.lifecycle import TASK
from claimx_lib.transforms.analysis.spread import spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame


def sla_by_stay(intervals: DataFrame, *, limit_hours: Mapping[str, float]) -> DataFrame:
    """Each stay in a status that has a limit: hours, limit_hours, is_breached, is_open. Statuses in any case.

    An open stay past its limit is breached already; one within it is not decided yet, but counts as kept so far.
    `is_breached` is NULL where the stay's length is not known, because an event at one of its ends is missing.
    """
    limit = F.lit(None).cast(T.DoubleType())
    for status, hours in limit_hours.items():
        limit = F.when(F.lower("task_status") == status.lower(), F.lit(float(hours))).otherwise(limit)
    return intervals.where(limit.isNotNull() & F.col("hours").isNotNull()).select(
        *TASK,
        "task_status",
        "entered_at",
        "hours",
        limit.alias("limit_hours"),
        F.when(F.col("is_exact"), F.col("hours") > limit).alias("is_breached"),
        "is_open",
    )


def sla_by_status(stays: DataFrame) -> DataFrame:
    """Stays of `sla_by_stay` by status: kept, breached, unknown, the share kept of those known, open breaches."""
    return (
        stays.groupBy("task_status", "limit_hours")
        .agg(
            F.count_if(~F.col("is_breached")).alias("kept"),
            F.count_if("is_breached").alias("breached"),
            F.count_if(F.col("is_breached").isNull()).alias("unknown"),
            F.count_if(F.col("is_breached") & F.col("is_open")).alias("open_breaches"),
            F.avg(F.when(F.col("is_breached"), F.lit(0.0)).when(~F.col("is_breached"), F.lit(1.0))).alias("share_kept"),
        )
        .orderBy("task_status")
    )


def status_distribution(intervals: DataFrame, *, quantile: float) -> DataFrame:
    """How long closed stays in each status lasted: stays, median_hours, limit_hours (the quantile).

    Exact percentiles. Stays with an event missing at either end are left out: their length is not known.
    """
    closed = intervals.where(F.col("left_at").isNotNull() & F.col("is_exact"))
    return closed.groupBy("task_status").agg(
        F.count(F.lit(1)).alias("stays"),
        F.percentile("hours", 0.5).alias("median_hours"),
        F.percentile("hours", quantile).alias("limit_hours"),
    )


def spread_of_stays(intervals: DataFrame) -> DataFrame:
    """How the lengths of closed stays in each status are spread, in hours: count, p05, q1, median, q3, p95."""
    return spread(intervals.where(F.col("left_at").isNotNull() & F.col("is_exact")), "hours", by="task_status")


def stuck_tasks(intervals: DataFrame, *, quantile: float, min_observations: int) -> DataFrame:
    """Open stays longer than `quantile` of the closed stays in the same status, the longest first.

    A status with fewer than `min_observations` closed stays says nothing: its tasks are never called stuck.
    Open stays do not enter the distribution; a status in which many are stuck therefore keeps its honest limit.
    """
    usual = status_distribution(intervals, quantile=quantile).where(F.col("stays") >= min_observations)
    return (
        intervals.where("is_open")
        .join(usual, on="task_status", how="inner")
        .where(F.col("hours") > F.col("limit_hours"))
        .select(*TASK, "task_status", "entered_at", "hours", "median_hours", "limit_hours", "stays")
        .orderBy(F.col("hours").desc())
    )
