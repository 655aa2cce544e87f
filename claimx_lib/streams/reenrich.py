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
from claimx_lib.domain.instants import iso
from claimx_lib.errors import ConfigError
from claimx_lib.schemas.tables import TRACKING
from claimx_lib.streams.tracking_lookup import Calls, Enriched, looked_up
from claimx_lib.transforms.encode import json_members
from claimx_lib.transforms.rescue import typed
from claimx_lib.transforms.tracking import lookup_key
from claimx_lib.transforms.tracking_messages import success_messages
from claimx_lib.transforms.tracking_rows import PROJECT_DETAILS, TASK_DETAILS, fits_of, rescued_data

if TYPE_CHECKING:
    from delta.tables import DeltaMergeBuilder
    from pyspark.sql import Column, DataFrame

    from claimx_lib.config.jobs import TaskTracking
    from claimx_lib.config.settings import Settings
    from claimx_lib.streams.context import JobContext

JOB = "task_tracking"
FAILED = str(EnrichmentStatus.FAILED)
DAY = ("year", "month", "day")
ANSWER = ("enrichment_status", "enrichment_error", "enriched_at")
PROJECT = "claimx_project_full"
LIMIT = 100_000
"""Rows of one call, the newest: what fails again is among the first of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """How many rows were asked for, and what became of them: `enriched`, `not_found`, or `failed` still.

    `is_cut` tells that older rows that have failed were left for another call.
    """

    asked: int
    outcomes: dict[str, int]
    is_cut: bool = False

    def told(self) -> str:
        """The same as a line."""
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        left = "; older ones are left" if self.is_cut else ""
        return (
            f"{self.asked} rows asked for again: {outcomes}{left}" if self.asked else "no row's enrichment has failed"
        )


def reenrich(context: JobContext, *, since: datetime | None, limit: int = LIMIT) -> Repaired:
    """Ask ClaimX again for rows written since `since` whose enrichment failed: the newest `limit` of them.

    A row is changed only where ClaimX has answered now, and gets a success message that says so: the message first, so
    that after a crash between them the row is still failed, and is asked for and told again. Run again, it takes what
    has failed then, the newest first again. Streams may go on beside it. With `project_lookup` the project is asked for
    too where the row has none.
    """
    require_lookups(context.settings)
    failed = _failed(context, since, limit + 1)
    there = failed.collect()
    found = there[:limit]
    if not found:
        return Repaired(asked=0, outcomes={})
    # Rows of the driver's: Spark would compute a cached frame that reads the table anew once the MERGE has changed it.
    rows = context.session.createDataFrame(found, failed.schema)
    result = looked_up(rows, len(found), context, Calls(), job=JOB)
    try:
        _tell(result, context)
        _change(result, context)
        outcomes = dict(Counter(result.figures["enrichments"]))
        return Repaired(asked=len(found), outcomes=outcomes, is_cut=len(there) > limit)
    finally:
        result.rows.unpersist()


def require_lookups(settings: Settings) -> None:
    """Return only where ClaimX may be asked: unasked, rows that have failed would count as skipped, for ever."""
    if not settings.jobs.task_tracking.lookup_enabled:
        raise ConfigError(
            "jobs.task_tracking.lookup_enabled is false: nobody may be asked for what has failed",
            cure="repair with --set jobs.task_tracking.lookup_enabled=true",
        )


def _failed(context: JobContext, since: datetime | None, limit: int) -> DataFrame:
    table = context.warehouse.read(context.session, TRACKING.name)
    wanted = F.col("enrichment_status") == FAILED
    if since is not None:
        wanted &= F.col("processed_timestamp") >= F.lit(since)
    job = context.settings.jobs.task_tracking
    nothing = F.lit(None).cast("string")
    return (
        table.where(wanted)
        .orderBy(F.col("processed_timestamp").desc(), F.col("event_timestamp").desc())
        .limit(limit)
        .select(
            "event_id",
            *DAY,
            "task_id",
            "assignment_id",
            "project_id",
            "task_status",
            _asked_by(job, "task_id").alias(TASK_KEY),
            (_missing_project(job) if job.project_lookup else nothing).alias(PROJECT_KEY),
            nothing.alias("task"),
            nothing.alias("project"),
            nothing.alias("misfits"),
        )
    )


def _asked_by(job: TaskTracking, parameter: str) -> Column:
    """What fills `{parameter}` of a path, out of the table's column, or of `rescued_data` where that was too small."""
    column = _lookup_column(job, parameter)
    return lookup_key(F.coalesce(F.col(column).cast("string"), _rescued(column)))


def _missing_project(job: TaskTracking) -> Column:
    """The project of a row that has no answer to it yet; NULL asks for nothing."""
    is_missing = F.col(PROJECT).isNull() & _rescued(PROJECT).isNull()
    return F.when(is_missing, _asked_by(job, "project_id"))


def _rescued(column: str) -> Column:
    return F.get_json_object("rescued_data", f"$.{column}")


def _lookup_column(job: TaskTracking, parameter: str) -> str:
    """The table's column that holds what is asked for."""
    path = job.path_params.get(parameter, parameter)
    found = [column for column, source in job.mappings.items() if path in {source, column}]
    if not found:
        raise ConfigError(
            f"jobs.task_tracking.path_params.{parameter} = {path!r}: no column of the table holds it",
            cure="name a field that jobs.task_tracking.mappings brings into a column",
        )
    return found[0]


def _change(result: Enriched, context: JobContext) -> None:
    job = context.settings.jobs.task_tracking
    table = context.warehouse.read(context.session, TRACKING.name).schema
    most = job.max_new_fields if job.schema_evolution else 0
    details = {**TASK_DETAILS, **(PROJECT_DETAILS if job.project_lookup else {})}
    fits = fits_of(result.figures, details, table, max_new_fields=most)
    opened = result.rows.where(F.col("enrichment_status") != FAILED).select(
        "*", *(typed(F.col(fit.text), fit.evolution.target).alias(name) for name, fit in fits.items())
    )
    source = opened.withColumn("rescued_data", rescued_data(fits, F.col("misfits")))
    source = source.select("event_id", *DAY, *ANSWER, *details, "rescued_data")
    target = context.warehouse.open(context.session, TRACKING.name)
    same_row = " AND ".join(f"t.{name} = s.{name}" for name in (*DAY, "event_id"))
    merge = target.alias("t").merge(source.alias("s"), same_row).withSchemaEvolution()
    on_conflict_again(_updating(merge, *details).execute)()


def _updating(merge: DeltaMergeBuilder, *details: str) -> DeltaMergeBuilder:
    """The first clause that fits a row counts: a project that is there already is never taken away."""
    has_failed = f"t.enrichment_status = '{FAILED}'"
    task: dict[str, str | Column] = {name: F.col(f"s.{name}") for name in (*ANSWER, *TASK_DETAILS)}
    task["rescued_data"] = _both(F.col("t.rescued_data"), F.col("s.rescued_data"))
    if PROJECT in details:
        both = {**task, PROJECT: F.col(f"s.{PROJECT}")}
        merge = merge.whenMatchedUpdate(condition=f"{has_failed} AND s.{PROJECT} IS NOT NULL", set=both)
    return merge.whenMatchedUpdate(condition=has_failed, set=task)


def _both(there: Column, new: Column) -> Column:
    members = F.concat_ws(",", json_members(there), json_members(new))
    return F.when(members != "", F.concat(F.lit("{"), members, F.lit("}")))


def _tell(result: Enriched, context: JobContext) -> None:
    repaired = result.rows.where(F.col("enrichment_status") != FAILED)
    told = repaired.withColumn("processed_at", F.lit(iso(context.now())))
    topic = context.settings.kafka.topics.tracking_success
    kafka.write(success_messages(told, topic, context.settings.pii), context.settings.kafka)
