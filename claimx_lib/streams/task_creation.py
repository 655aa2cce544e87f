"""task_creation: XACT events become ClaimX tasks, one each, or wait, or go to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.errors import ConfigError, StopRequested, TokenRefused
from claimx_lib.schemas.tables import LEDGER, PLAN
from claimx_lib.streams.context import Stage
from claimx_lib.streams.creation_report import report
from claimx_lib.streams.creation_rows import source_record
from claimx_lib.streams.creation_wiring import JOB, flow_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from claimx_lib.streams.context import BatchRef, JobContext
    from claimx_lib.streams.creation_flow import Flow

_READABLE_TIME = "least(greatest(timestamp, TIMESTAMP '1970-01-01 00:00:00Z'), TIMESTAMP '2101-01-01 00:00:00Z')"
"""A record's time is its producer's own number: Python has no year beyond 9999, and would refuse the batch for ever."""


def stage(context: JobContext) -> Stage:
    """The job, ready to start: `xact.events`, the retry topic and a heartbeat, so that due rows need no traffic.

    Raises StopRequested where `mode` is off, ConfigError at a first start without `events_since` where that is required.
    """
    job = context.settings.jobs.task_creation
    if job.mode == "off":
        raise StopRequested("jobs.task_creation.mode is off: no task is created, nothing is read")
    if job.require_events_since and job.events_since is None and _is_first_start(context):
        raise ConfigError(
            "jobs.task_creation.events_since is not set: at this first start all of history would make tasks",
            cure="set it to the time from which XACT events count, e.g. 2026-01-10T00:00:00Z",
        )
    flow = flow_of(context)
    return Stage(
        job=JOB,
        source=source(context),
        process_batch=lambda frame, batch: process_batch(frame, batch, context, flow=flow),
    )


def source(context: JobContext) -> DataFrame:
    """Both topics in one Kafka source, and one row a trigger of which every column is NULL.

    The heartbeat is `rate-micro-batch`: the plain rate source would make an available-now run one single batch.
    """
    settings = context.settings
    job = settings.jobs.task_creation
    records = kafka.read_stream(
        context.session,
        settings.kafka,
        [settings.kafka.topics.xact_events, job.retry_topic],
        starting_offsets=job.starting_offsets,
        max_records=job.max_records_per_batch,
    )
    beats = context.session.readStream.format("rate-micro-batch").option("rowsPerBatch", 1).option("numPartitions", 1)
    nothing = [F.lit(None).cast(field.dataType).alias(field.name) for field in records.schema]
    return records.unionByName(beats.load().select(*nothing))


def process_batch(frame: DataFrame, batch: BatchRef, context: JobContext, *, flow: Flow | None = None) -> None:
    """Process the records of one micro-batch (`connectors.kafka.RECORD`), what is due, and what a mapping has woken.

    Runs again after a crash at any point without a second task (docs/adr/0010-create-once.md). `flow` keeps pace,
    circuit and misses from batch to batch. Raises TokenRefused, after all is written, where ClaimX answered 401 in an
    available-now run.
    """
    recipe = flow or flow_of(context)
    ours = frame.where(F.col("topic").isNotNull()).withColumn("timestamp", F.expr(_READABLE_TIME))
    records = [source_record(row) for row in ours.collect()]
    recipe.run(records, batch)
    report(recipe.last_ended, context.metrics)
    for outcome, number in recipe.counts.items():
        context.metrics.count("claimx_stream_records_total", number, job=JOB, outcome=outcome)
    is_open = recipe.calls.open_until is not None or recipe.calls.is_refused
    context.metrics.set("claimx_circuit_open", float(is_open), job=JOB)
    if recipe.calls.is_refused and context.available_now:
        raise TokenRefused(
            "ClaimX refused the token (401): no task was created with it, no attempt was used",
            cure="put a valid token where claimx.token points (CLAIMX_API_TOKEN), then run it again",
        )


def _is_first_start(context: JobContext) -> bool:
    tables = (PLAN.name, LEDGER.name)
    return all(context.warehouse.read(context.session, table).limit(1).count() == 0 for table in tables)
