"""How good the tracked data is: enrichment, and what did not fit the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.schemas.tables import TRACKING
from claimx_lib.transforms.analysis.days import day_in, seconds_between
from claimx_lib.transforms.analysis.lifecycle import TASK
from claimx_lib.transforms.analysis.spread import by_duration

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

STRUCTS = ("claimx_task_full", "original_event", "project_data", "claimx_project_full")
NOTHING_ASKED = "skipped"


def events_by_status(tracking: DataFrame) -> DataFrame:
    """Events and tasks that were seen in each status, the most frequent first."""
    return (
        tracking.groupBy("task_status")
        .agg(F.count(F.lit(1)).alias("events"), F.countDistinct(F.struct(*TASK)).alias("tasks"))
        .orderBy(F.col("events").desc(), "task_status")
    )


def enrichment_by_day(tracking: DataFrame, *, timezone: str) -> DataFrame:
    """Rows of each day and enrichment status, and their share of the day's rows that had something to ask for."""
    day = day_in(timezone, "event_timestamp").alias("day")
    was_asked = F.col("enrichment_status") != NOTHING_ASKED
    counted = tracking.groupBy(day, "enrichment_status").agg(F.count(F.lit(1)).alias("rows"))
    asked = counted.where(was_asked).groupBy("day").agg(F.sum("rows").alias("asked"))
    return (
        counted.join(asked, on="day", how="left")
        .select("day", "enrichment_status", "rows", F.when(was_asked, F.col("rows") / F.col("asked")).alias("share"))
        .orderBy("day", "enrichment_status")
    )


def enrichment_rate(tracking: DataFrame) -> DataFrame:
    """One row: asked, enriched, rate; the rate is NULL where nothing was asked."""
    was_asked = F.coalesce(F.col("enrichment_status") != NOTHING_ASKED, F.lit(0).cast("boolean"))
    counted = tracking.agg(
        F.count_if(was_asked).alias("asked"), F.count_if(F.col("enrichment_status") == "enriched").alias("enriched")
    )
    return counted.select("asked", "enriched", F.try_divide("enriched", "asked").alias("rate"))


def enrichment_errors(tracking: DataFrame) -> DataFrame:
    """Why enrichment failed: rows, tasks and when last, for each error, the most frequent first."""
    return (
        tracking.where(F.col("enrichment_status") == "failed")
        .groupBy(F.coalesce("enrichment_error", F.lit("no reason recorded")).alias("error"))
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.countDistinct("assignment_id").alias("tasks"),
            F.max("processed_timestamp").alias("last_at"),
        )
        .orderBy(F.col("rows").desc(), "error")
    )


def delay_to_row(tracking: DataFrame, *, timezone: str) -> DataFrame:
    """Seconds from event to row for each day of the event: median, 95th percentile, longest."""
    day = day_in(timezone, "event_timestamp").alias("day")
    return (
        tracking.select(day, seconds_between("event_timestamp", "processed_timestamp").alias("seconds"))
        .groupBy("day")
        .agg(
            F.percentile("seconds", 0.5).alias("median_seconds"),
            F.percentile("seconds", 0.95).alias("p95_seconds"),
            F.max("seconds").alias("max_seconds"),
        )
        .orderBy("day")
    )


def rows_by_delay(tracking: DataFrame) -> DataFrame:
    """Rows by how long their events took to become rows, in bands from "under 1 s" to "over 24 h": took, rows."""
    return by_duration(tracking, seconds_between("event_timestamp", "processed_timestamp"))


def fields_first_seen(tracking: DataFrame) -> DataFrame:
    """Each field of the evolving structs: when an event first brought it, and how many rows have it.

    `is_added`: schema evolution has added it, the table was not created with it. A field that no row has is not told.
    """
    found = [(name, field) for name in STRUCTS for field in _fields(tracking.schema, name)]
    return (
        tracking.select("event_timestamp", F.explode(F.array(*[_entry(*one) for one in found])).alias("entry"))
        .where("entry.is_there")
        .groupBy(F.col("entry.field").alias("field"), F.col("entry.is_added").alias("is_added"))
        .agg(F.min("event_timestamp").alias("first_seen"), F.count(F.lit(1)).alias("rows"))
        .orderBy("first_seen", "field")
    )


def rescued_fields(tracking: DataFrame) -> DataFrame:
    """Each field whose values did not fit its column: rows, and when first and last."""
    names = F.json_object_keys("rescued_data")
    return (
        tracking.where(F.col("rescued_data").isNotNull())
        .select("event_timestamp", F.explode(names).alias("field"))
        .groupBy("field")
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.min("event_timestamp").alias("first_seen"),
            F.max("event_timestamp").alias("last_seen"),
        )
        .orderBy(F.col("rows").desc(), "field")
    )


def _entry(struct: str, field: str) -> Column:
    is_added = field not in _fields(TRACKING.schema, struct)
    return F.struct(
        F.lit(f"{struct}.{field}").alias("field"),
        F.lit(is_added).alias("is_added"),
        F.col(struct)[field].isNotNull().alias("is_there"),
    )


def _fields(schema: T.StructType, struct: str) -> list[str]:
    kind = schema[struct].dataType if struct in schema.names else None
    return kind.fieldNames() if isinstance(kind, T.StructType) else []
