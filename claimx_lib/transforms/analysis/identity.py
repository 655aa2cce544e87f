"""How claims found their projects, how long it took, and what still waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame

AGE_BOUNDS_HOURS = ((1, "under 1 h"), (24, "1 to 24 h"), (72, "1 to 3 days"), (168, "3 to 7 days"))
OLDEST = "over 7 days"
DONE = ("CREATED", "ADOPTED")


def resolutions(ledger: DataFrame) -> DataFrame:
    """Tasks created or adopted, by the rule that found their project."""
    return (
        _newest(ledger)
        .where(F.col("state").isin(*DONE))
        .groupBy(F.coalesce("resolved_by", F.lit("unknown")).alias("rule"))
        .agg(F.count(F.lit(1)).alias("tasks"))
        .orderBy(F.col("tasks").desc(), "rule")
    )


def delay_to_task(ledger: DataFrame) -> DataFrame:
    """Seconds from an estimate's event to its task, for each task: rule, event_timestamp, created_at, seconds."""
    seconds = (F.unix_micros("at") - F.unix_micros("event_timestamp")) / F.lit(1_000_000)
    return (
        _newest(ledger)
        .where(F.col("state").isin(*DONE) & F.col("event_timestamp").isNotNull())
        .select(
            "event_id",
            "claim_number",
            F.coalesce("resolved_by", F.lit("unknown")).alias("rule"),
            "event_timestamp",
            F.col("at").alias("created_at"),
            seconds.alias("seconds"),
        )
    )


def mapping_changes(history: DataFrame) -> DataFrame:
    """Identity events by source and outcome."""
    return (
        history.groupBy("source", "outcome")
        .agg(F.count(F.lit(1)).alias("events"), F.countDistinct("claim_number").alias("claims"))
        .orderBy("source", "outcome")
    )


def conflicts(history: DataFrame) -> DataFrame:
    """Claims that more than one project has claimed: projects, the recorded conflicts, and when last."""
    return (
        history.where(F.col("outcome").isin("accepted", "conflict") & F.col("to").isNotNull())
        .groupBy("claim_key")
        .agg(
            F.sort_array(F.collect_set("claim_number")).alias("claim_numbers"),
            F.sort_array(F.collect_set("to")).alias("project_ids"),
            F.count_if(F.col("outcome") == "conflict").alias("conflicts"),
            F.max("at").alias("last_at"),
        )
        .where(F.size("project_ids") > 1)
        .orderBy(F.col("last_at").desc())
    )


def pending_by_age(pending: DataFrame, *, as_of: datetime) -> DataFrame:
    """Waiting events by age and reason, the youngest first."""
    return _by_age(pending, since="first_seen_at", reason="last_reason", as_of=as_of)


def dead_letters_by_age(dead_letters: DataFrame, *, as_of: datetime) -> DataFrame:
    """Open dead letters by age and reason, the youngest first."""
    is_open = F.col("state") == "OPEN"
    return _by_age(dead_letters.where(is_open), since="opened_at", reason="reason", as_of=as_of)


def _by_age(frame: DataFrame, *, since: str, reason: str, as_of: datetime) -> DataFrame:
    hours = (F.unix_micros(F.lit(as_of)) - F.unix_micros(since)) / F.lit(3_600_000_000)
    band, place = F.lit(OLDEST), F.lit(len(AGE_BOUNDS_HOURS))
    for index, (bound, name) in reversed(list(enumerate(AGE_BOUNDS_HOURS))):
        band = F.when(hours < bound, F.lit(name)).otherwise(band)
        place = F.when(hours < bound, F.lit(index)).otherwise(place)
    return (
        frame.groupBy(place.alias("place"), band.alias("age"), F.col(reason).alias("reason"))
        .agg(F.count(F.lit(1)).alias("events"), F.max(hours).alias("oldest_hours"))
        .orderBy("place", "reason")
        .drop("place")
    )


def _newest(ledger: DataFrame) -> DataFrame:
    newest_first = Window.partitionBy("idempotency_key").orderBy(F.col("at").desc(), F.col("state"))
    return ledger.withColumn("place", F.row_number().over(newest_first)).where(F.col("place") == 1).drop("place")
