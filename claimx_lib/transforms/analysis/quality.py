"""How good the tracked data is: enrichment, and what did not fit the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STRUCTS = ("claimx_task_full", "original_event", "project_data", "claimx_project_full")


def enrichment_by_day(tracking: DataFrame, *, timezone: str) -> DataFrame:
    """Rows of each day and enrichment status, and their share of the day's rows that had something to ask for."""
    day = F.to_date(F.from_utc_timestamp("event_timestamp", timezone)).alias("day")
    counted = tracking.groupBy(day, "enrichment_status").agg(F.count(F.lit(1)).alias("rows"))
    asked = counted.where(F.col("enrichment_status") != "skipped").groupBy("day").agg(F.sum("rows").alias("asked"))
    share = F.when(F.col("enrichment_status") != "skipped", F.col("rows") / F.col("asked"))
    return (
        counted.join(asked, on="day", how="left")
        .select("day", "enrichment_status", "rows", share.alias("share"))
        .orderBy("day", "enrichment_status")
    )


def delay_to_row(tracking: DataFrame, *, timezone: str) -> DataFrame:
    """Seconds from event to row for each day: median, 95th percentile, longest."""
    day = F.to_date(F.from_utc_timestamp("event_timestamp", timezone)).alias("day")
    seconds = (F.unix_micros("processed_timestamp") - F.unix_micros("event_timestamp")) / F.lit(1_000_000)
    return (
        tracking.select(day, seconds.alias("seconds"))
        .groupBy("day")
        .agg(
            F.percentile("seconds", 0.5).alias("median_seconds"),
            F.percentile("seconds", 0.95).alias("p95_seconds"),
            F.max("seconds").alias("max_seconds"),
        )
        .orderBy("day")
    )


def fields_first_seen(tracking: DataFrame) -> DataFrame:
    """Each field of the evolving structs: when an event first brought it, and how many rows have it."""
    event_id = ("event_id", F.col("event_id"))
    found = [event_id] + [
        (f"{name}.{field}", F.col(name)[field]) for name in STRUCTS for field in _fields(tracking, name)
    ]
    entries = F.array(*[F.struct(F.lit(n).alias("field"), v.isNotNull().alias("is_there")) for n, v in found])
    return (
        tracking.select("event_timestamp", F.explode(entries).alias("entry"))
        .where(F.col("entry.is_there") & (F.col("entry.field") != "event_id"))
        .groupBy(F.col("entry.field").alias("field"))
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


def _fields(tracking: DataFrame, struct: str) -> list[str]:
    if struct not in tracking.columns:
        return []
    kind = tracking.schema[struct].dataType
    return kind.fieldNames() if isinstance(kind, T.StructType) else []
