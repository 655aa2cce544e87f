"""Repairs rows whose enrichment failed: asks ClaimX again, and changes the rows in place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.connectors.delta import on_conflict_again
from claimx_lib.domain.enrichment import PROJECT_KEY, TASK_KEY, EnrichmentStatus
from claimx_lib.errors import ConfigError
from claimx_lib.schemas.tables import TRACKING
from claimx_lib.streams.tracking_lookup import Calls, Enriched, looked_up
from claimx_lib.transforms.encode import json_members
from claimx_lib.transforms.rescue import typed
from claimx_lib.transforms.tracking_messages import iso, success_messages
from claimx_lib.transforms.tracking_rows import TASK_DETAILS, fits_of, rescued_data

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from claimx_lib.config.jobs import TaskTracking
    from claimx_lib.streams.context import JobContext

JOB = "task_tracking"
FAILED = str(EnrichmentStatus.FAILED)
DAY = ("year", "month", "day")
CHANGED = ("enrichment_status", "enrichment_error", "enriched_at", "claimx_task_full")
LIMIT = 100_000
"""Rows of one call: what is left over is taken by the next."""
ROWS_OF_A_MERGE = 1_000
"""A short MERGE seldom meets another writer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """How many rows had failed, and what became of them: `enriched`, `not_found`, or `failed` still."""

    asked: int
    outcomes: dict[str, int]


def reenrich(context: JobContext, *, since: datetime | None, limit: int = LIMIT) -> Repaired:
    """Ask ClaimX again for rows whose enrichment failed, from events since `since` on, newest first.

    A row is changed only where ClaimX has answered now, and gets a success message that says so. Run again, it takes
    what is left. Streams may go on beside it.
    """
    failed = _failed(context, since, limit)
    found = failed.collect()
    if not found:
        return Repaired(asked=0, outcomes={})
    # Rows of the driver's: Spark would compute a cached frame that reads the table anew once the MERGE has changed it.
    rows = context.session.createDataFrame(found, failed.schema)
    result = looked_up(rows, len(found), context, Calls(), job=JOB)
    try:
        _change(result, context)
        _tell(result, context)
        return Repaired(asked=len(found), outcomes=dict(Counter(result.figures["enrichments"])))
    finally:
        result.rows.unpersist()


def _failed(context: JobContext, since: datetime | None, limit: int) -> DataFrame:
    table = context.warehouse.read(context.session, TRACKING.name)
    wanted = F.col("enrichment_status") == FAILED
    if since is not None:
        wanted &= F.col("event_timestamp") >= F.lit(since)
    column = _lookup_column(context.settings.jobs.task_tracking)
    too_large = F.get_json_object("rescued_data", f"$.{column}")
    nothing = F.lit(None).cast("string")
    return (
        table.where(wanted)
        .orderBy(F.col("event_timestamp").desc())
        .limit(limit)
        .select(
            "event_id",
            *DAY,
            "task_id",
            "assignment_id",
            "project_id",
            "task_status",
            F.coalesce(F.col(column).cast("string"), too_large).alias(TASK_KEY),
            nothing.alias(PROJECT_KEY),
            nothing.alias("task"),
            nothing.alias("project"),
            nothing.alias("misfits"),
        )
    )


def _lookup_column(job: TaskTracking) -> str:
    """The table's column that holds what the task is asked for by."""
    path = job.path_params["task_id"]
    found = [column for column, source in job.mappings.items() if path in {source, column}]
    if not found:
        raise ConfigError(
            f"jobs.task_tracking.path_params.task_id = {path!r}: no column of the table holds it",
            cure="name a field that jobs.task_tracking.mappings brings into a column",
        )
    return found[0]


def _change(result: Enriched, context: JobContext) -> None:
    job = context.settings.jobs.task_tracking
    table = context.warehouse.read(context.session, TRACKING.name).schema
    most = job.max_new_fields if job.schema_evolution else 0
    fits = fits_of(result.figures, TASK_DETAILS, table, max_new_fields=most)
    opened = result.rows.where(F.col("enrichment_status") != FAILED).select(
        "*", *(typed(F.col(fit.text), fit.evolution.target).alias(name) for name, fit in fits.items())
    )
    source = opened.withColumn("rescued_data", rescued_data(fits, F.col("misfits")))
    target = context.warehouse.open(context.session, TRACKING.name)
    same_row = " AND ".join(f"t.{name} = s.{name}" for name in (*DAY, "event_id"))
    merge = (
        target.alias("t")
        .merge(source.select("event_id", *DAY, *CHANGED, "rescued_data").alias("s"), same_row)
        .withSchemaEvolution()
        .whenMatchedUpdate(
            condition=f"t.enrichment_status = '{FAILED}'",
            set={
                **{name: F.col(f"s.{name}") for name in CHANGED},
                "rescued_data": _both(F.col("t.rescued_data"), F.col("s.rescued_data")),
            },
        )
    )
    on_conflict_again(merge.execute)()


def _both(there: Column, new: Column) -> Column:
    members = F.concat_ws(",", json_members(there), json_members(new))
    return F.when(members != "", F.concat(F.lit("{"), members, F.lit("}")))


def _tell(result: Enriched, context: JobContext) -> None:
    repaired = result.rows.where(F.col("enrichment_status") != FAILED)
    told = repaired.withColumn("processed_at", F.lit(iso(context.now())))
    topic = context.settings.kafka.topics.tracking_success
    kafka.write(success_messages(told, topic, context.settings.pii), context.settings.kafka)
