"""task_trigger: the events of configured templates go from `claimx.events` to the tracking topic.

A batch that runs again, whatever it was killed in, ends the same: dead letters are appended once for their coordinates,
and tracking messages that are sent twice carry the same event_id, which task_tracking tells apart. Delta comes first,
Kafka last.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import Observation
from pyspark.sql import functions as F

from claimx_lib.config.jobs import TaskTrigger, TriggerLog
from claimx_lib.connectors import kafka
from claimx_lib.domain.log_message import as_it_is, filled
from claimx_lib.domain.masking import masked_field
from claimx_lib.observability.logs import logger
from claimx_lib.streams.context import BatchRef, JobContext, Stage
from claimx_lib.streams.crash_points import crash_point
from claimx_lib.streams.refusals import append_dead_letters
from claimx_lib.transforms import trigger
from claimx_lib.transforms.dead_letters import dead_letter_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

JOB = "task_trigger"


def stage(context: JobContext) -> Stage:
    """Return the job over the events topic."""
    settings = context.settings
    job = settings.jobs.task_trigger
    source = kafka.read_stream(
        context.session,
        settings.kafka,
        [settings.kafka.topics.claimx_events],
        starting_offsets=job.starting_offsets,
        max_records=job.max_records_per_batch,
    )
    return Stage(job=JOB, source=source, process_batch=partial(process_batch, context=context))


def process_batch(frame: DataFrame, batch: BatchRef, context: JobContext) -> None:
    """Publish what is ours, append a dead letter for what cannot be read or forwarded, count the rest.

    Reads the source once: only records that mention a configured template are parsed and kept.
    """
    job, limit = context.settings.jobs.task_trigger, context.settings.kafka.max_message_bytes
    read = Observation()
    seen = frame.observe(read, F.count(F.lit(1)).alias("records"))
    rows = trigger.judged(trigger.candidates(seen, job.triggers), job, max_message_bytes=limit).persist()
    try:
        outcomes = _outcomes(rows)
        published = outcomes.pop(trigger.PUBLISHED, 0)
        outcomes.pop(trigger.NOT_OURS, 0)
        dead = sum(outcomes.values())
        if dead:
            letters = dead_letter_rows(trigger.refused_events(rows), pipeline=JOB, opened_at=context.now())
            append_dead_letters(context, letters, batch, job=JOB)
            crash_point("trigger-letters-appended")
        if published:
            _log_events(rows, published, batch, context)
            _publish(rows, published, context)
            crash_point("trigger-published")
        _count(context, total=read.get["records"], published=published, dead=dead)
    finally:
        rows.unpersist()


def _outcomes(rows: DataFrame) -> dict[str, int]:
    return {row.outcome: row["count"] for row in rows.groupBy("outcome").count().collect()}


def _publish(rows: DataFrame, events: int, context: JobContext) -> None:
    context.metrics.count("itel_plugin_events_triggered_total", events)
    try:
        kafka.write(trigger.tracking_messages(rows), context.settings.kafka)
    except Exception:
        context.metrics.count("itel_plugin_publish_errors_total", events)
        raise
    context.metrics.count("itel_plugin_events_published_total", events)


def _log_events(rows: DataFrame, published: int, batch: BatchRef, context: JobContext) -> None:
    """A line for each event up to `log_events_per_batch`, in the settings' words, then one for the whole batch."""
    job = context.settings.jobs.task_trigger
    log = logger(job=JOB, batch_id=batch.batch_id)
    ours = rows.where(F.col("outcome") == trigger.PUBLISHED)
    heads = ours.select("head").limit(job.log_events_per_batch).collect() if job.log_events_per_batch else []
    shown = masked_field if context.settings.pii.mask_messages else as_it_is
    logged = 0
    for row in heads:
        try:
            fields = json.loads(row["head"])
        except (ValueError, RecursionError):  # a thousand levels are JSON to Spark; a line is no reason to stop
            continue
        logged += 1
        for line in _lines(job, fields):
            event_id = filled("{event_id}", fields, shown)
            getattr(log, line.level)(filled(line.message, fields, shown), event_id=event_id)
    log.info("events tracked", events=published, not_logged=published - logged)


def _lines(job: TaskTrigger, fields: dict[str, object]) -> list[TriggerLog]:
    configured = job.triggers[int(str(fields["task_id"]))]
    actions = (configured.on_any, configured.on_status.get(str(fields["task_status"])))
    return [action.log for action in actions if action is not None and action.log is not None]


def _count(context: JobContext, *, total: int, published: int, dead: int) -> None:
    not_ours = total - published - dead
    for outcome, number in (("published", published), ("not_ours", not_ours), ("dead_letter", dead)):
        context.metrics.count("claimx_stream_records_total", number, job=JOB, outcome=outcome)
