"""How claims found their projects, how long it took, and what still waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from claimx_lib.domain.creation.ledger import NOT_OWNER
from claimx_lib.transforms.analysis.days import hours_between, seconds_between
from claimx_lib.transforms.claim_number import claim_key

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame

AGE_BOUNDS_HOURS = ((1, "under 1 h"), (24, "1 to 24 h"), (72, "1 to 3 days"), (168, "3 to 7 days"))
OLDEST = "over 7 days"
DONE = ("CREATED", "ADOPTED")
TOLD = "accepted"
UNKNOWN = "unknown"


def task_outcomes(ledger: DataFrame) -> DataFrame:
    """What became of each task that was to be made: tasks by state and reason. INTENT: still on its way, or in doubt."""
    return (
        _last_word(ledger)
        .groupBy("state", "reason")
        .agg(F.count(F.lit(1)).alias("tasks"))
        .orderBy(F.col("tasks").desc(), "state", "reason")
    )


def resolved_tasks(ledger: DataFrame, history: DataFrame) -> DataFrame:
    """Each task made, with how its claim found the project: way (mapping, mapping_key, api), rule, source.

    `source` is who had told the mapping of this project before the task was made (xact, claimx, manual); an answer of
    the API is ClaimX's own. `unknown` where the history no longer tells.
    """
    made = _made(ledger).withColumn("claim_key", claim_key(F.col("claim_number")))
    told = history.where((F.col("outcome") == TOLD) & F.col("to").isNotNull()).select(
        F.col("claim_key").alias("told_key"), F.col("to").alias("told_project"), "source", F.col("at").alias("told_at")
    )
    is_told_before = (
        (F.col("claim_key") == F.col("told_key"))
        & (F.col("project_id") == F.col("told_project"))
        & (F.col("told_at") <= F.col("created_at"))
    )
    way = F.split_part("resolved_by", F.lit(":"), F.lit(1))
    return (
        made.join(told, on=is_told_before, how="left")
        .groupBy("idempotency_key", "event_id", "claim_number", "project_id", "resolved_by", "created_at")
        .agg(F.max_by("source", "told_at").alias("newest_source"))
        .select(
            "idempotency_key",
            "event_id",
            "claim_number",
            "project_id",
            "created_at",
            F.coalesce(way, F.lit(UNKNOWN)).alias("way"),
            F.coalesce(F.nullif(F.split_part("resolved_by", F.lit(":"), F.lit(2)), F.lit("")), F.lit(UNKNOWN)).alias(
                "rule"
            ),
            F.when(way == "api", F.lit("claimx"))
            .otherwise(F.coalesce("newest_source", F.lit(UNKNOWN)))
            .alias("source"),
        )
    )


def resolutions(ledger: DataFrame, history: DataFrame) -> DataFrame:
    """Tasks made, by the way, the rule and the source that found their projects."""
    return (
        resolved_tasks(ledger, history)
        .groupBy("way", "rule", "source")
        .agg(F.count(F.lit(1)).alias("tasks"))
        .orderBy(F.col("tasks").desc(), "way", "rule", "source")
    )


def delay_to_task(ledger: DataFrame, plan: DataFrame) -> DataFrame:
    """Seconds from an estimate's event to its task, for each task: rule, happened_at, created_at, seconds, has_waited.

    The event's time is in the plan, which is kept for `jobs.maintenance.retention_days`: older tasks are left out.
    `has_waited`: the project was not found at the first try.
    """
    happened = F.get_json_object("payload", "$.subject.event.happened_at").try_cast("timestamp")
    estimates = (
        plan.where(F.col("event_id").isNotNull())
        .groupBy("event_id")
        .agg(
            F.min(happened).alias("happened_at"),
            F.bool_or(F.col("decision").isin("Wait", "GiveUp")).alias("has_waited"),
        )
        .where(F.col("happened_at").isNotNull())
    )
    return (
        _made(ledger)
        .join(estimates, on="event_id", how="inner")
        .select(
            "idempotency_key",
            "event_id",
            "claim_number",
            F.coalesce("resolved_by", F.lit(UNKNOWN)).alias("rule"),
            "happened_at",
            "created_at",
            seconds_between("happened_at", "created_at").alias("seconds"),
            "has_waited",
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
    """Claims, in any spelling, that were told to belong to more than one project, the newest first.

    `conflicts` counts the recorded ones; `is_decided`: a person has said which project it is, and not withdrawn it since.
    """
    is_manual = F.col("source") == "manual"
    in_order = Window.partitionBy("claim_number", is_manual).orderBy("event_timestamp", "event_id", "action")
    is_last = F.lead("outcome").over(in_order).isNull()
    return (
        history.where(F.col("outcome").isin(TOLD, "conflict", "withdrawn"))
        .withColumn("is_decision", is_manual & (F.col("outcome") == TOLD) & is_last)
        .where(F.col("outcome").isin(TOLD, "conflict") & F.col("to").isNotNull())
        .groupBy("claim_key")
        .agg(
            F.sort_array(F.collect_set("claim_number")).alias("claim_numbers"),
            F.sort_array(F.collect_set("to")).alias("project_ids"),
            F.count_if(F.col("outcome") == "conflict").alias("conflicts"),
            F.bool_or("is_decision").alias("is_decided"),
            F.max("at").alias("last_at"),
        )
        .where(F.size("project_ids") > 1)
        .orderBy(F.col("last_at").desc(), "claim_key")
    )


def pending_by_age(pending: DataFrame, *, as_of: datetime) -> DataFrame:
    """Waiting events by age and reason, the youngest first."""
    return _by_age(pending, since="first_seen_at", reason="last_reason", as_of=as_of)


def dead_letters_by_age(dead_letters: DataFrame, *, as_of: datetime) -> DataFrame:
    """Open dead letters by age and reason, the youngest first."""
    is_open = F.col("state") == "OPEN"
    return _by_age(dead_letters.where(is_open), since="opened_at", reason="reason", as_of=as_of)


def _by_age(frame: DataFrame, *, since: str, reason: str, as_of: datetime) -> DataFrame:
    hours = hours_between(since, F.lit(as_of))
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


def _made(ledger: DataFrame) -> DataFrame:
    """The tasks that are there, each once: the row that first said so, whatever was written after it."""
    first = Window.partitionBy("idempotency_key").orderBy("at", "attempt_id")
    return (
        ledger.where(F.col("state").isin(*DONE))
        .withColumn("place", F.row_number().over(first))
        .where(F.col("place") == 1)
        .select(
            "idempotency_key",
            "event_id",
            "claim_number",
            "project_id",
            "resolved_by",
            F.col("at").alias("created_at"),
        )
    )


def _last_word(ledger: DataFrame) -> DataFrame:
    """One row for each task: the one that says it is there, else the newest; an outcome over the INTENT of its instant."""
    is_done, is_intent = F.col("state").isin(*DONE), F.col("state") == "INTENT"
    best = Window.partitionBy("idempotency_key").orderBy(is_done.desc(), F.col("at").desc(), is_intent, "attempt_id")
    return (
        ledger.where(~F.col("reason").eqNullSafe(NOT_OWNER))
        .withColumn("place", F.row_number().over(best))
        .where(F.col("place") == 1)
    )
