"""What a batch of task_tracking says once its rows are in the table: messages, metrics, a summary line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.connectors.kafka_group import commit_group_offsets
from claimx_lib.domain.enrichment import EnrichmentStatus
from claimx_lib.domain.instants import iso
from claimx_lib.domain.masking import masked_text
from claimx_lib.errors import KafkaError
from claimx_lib.observability.logs import logger
from claimx_lib.streams.context import BatchRef, JobContext
from claimx_lib.streams.tracking_intake import Intake
from claimx_lib.streams.tracking_lookup import Enriched
from claimx_lib.streams.tracking_stored import STORED
from claimx_lib.transforms import tracking_messages

_FAILED = str(EnrichmentStatus.FAILED)
_STORED_DDL = ", ".join(f"{name} {kind}" for name, kind in {**STORED, "processed_at": "STRING"}.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a batch has in the table: new rows (none: no frame) and rows that were there before."""

    new: Enriched | None
    stored: list[dict[str, Any]]


def publish(
    context: JobContext, judged: DataFrame, written: Written, letters: DataFrame | None, *, now: datetime
) -> None:
    """Send a success message for each event of the batch, an errors message for each failure, in one write."""
    settings = context.settings
    topics, pii = settings.kafka.topics, settings.pii
    rows = [*_new(written, judged, now), *_stored(context, written, judged)]
    errors = [told.failures for told in rows if told.failures is not None]
    if letters is not None:
        errors.append(letters.select(*tracking_messages.ERROR_COLUMNS))
    largest = settings.kafka.max_message_bytes
    messages = [tracking_messages.success_messages(told.rows, topics.tracking_success, pii) for told in rows]
    messages += [
        tracking_messages.error_messages(e, topics.tracking_errors, pii, at=now, max_message_bytes=largest)
        for e in errors
    ]
    if messages:
        kafka.write(reduce(DataFrame.unionByName, messages), settings.kafka)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Rows as messages need them, and those that failed, if any did, with their raw values."""

    rows: DataFrame
    failures: DataFrame | None


def _new(written: Written, judged: DataFrame, now: datetime) -> list[_Told]:
    if written.new is None:
        return []
    rows = written.new.rows.withColumn("processed_at", F.lit(iso(now)))
    has_failed = _FAILED in written.new.figures["enrichments"]
    coordinates = ("partition", "offset")
    failed = tracking_messages.failures(rows, _raw(judged), coordinates) if has_failed else None
    return [_Told(rows=rows, failures=failed)]


def _stored(context: JobContext, written: Written, judged: DataFrame) -> list[_Told]:
    """An event that came more than once is told once, with the first of its records."""
    if not written.stored:
        return []
    rows = _stored_frame(context, written.stored)
    has_failed = any(row["enrichment_status"] == _FAILED for row in written.stored)
    records = _raw(judged).groupBy("event_id").agg(F.first("raw_value").alias("raw_value"))
    return [_Told(rows=rows, failures=tracking_messages.failures(rows, records, ("event_id",)) if has_failed else None)]


def _raw(judged: DataFrame) -> DataFrame:
    valid = judged.where(F.col("verdict").isNull())
    return valid.select("partition", "offset", "event_id", F.col("value").alias("raw_value"))


def _stored_frame(context: JobContext, stored: list[dict[str, Any]]) -> DataFrame:
    rows = [(*(row[name] for name in STORED), iso(datetime.fromtimestamp(row["processed_at"], UTC))) for row in stored]
    return context.session.createDataFrame(rows, _STORED_DDL)


def count(context: JobContext, batch: BatchRef, intake: Intake, written: Written, *, job: str) -> None:
    """Metrics and the summary line; then, where asked for, the group's offsets for lag tools."""
    metrics, row = context.metrics, written.new.figures if written.new else None
    new = row["rows"] if row else 0
    outcomes = {
        "tracked": new,
        "repeated": intake.records - intake.refused - intake.skipped - new,
        "skipped": intake.skipped,
        "dead_letter": intake.refused,
    }
    for outcome, number in outcomes.items():
        metrics.count("claimx_stream_records_total", number, job=job, outcome=outcome)
    metrics.count("itel_worker_messages_consumed_total", intake.records)
    metrics.count("itel_worker_messages_processed_total", new + outcomes["repeated"])
    metrics.count("itel_worker_messages_failed_total", intake.refused)
    metrics.count("itel_worker_delta_writes_total", new)
    for status in row["statuses"] if row else ():
        metrics.count("itel_worker_events_by_status_total", status=masked_text(status))
    for status in row["enrichments"] if row else ():
        metrics.count("itel_worker_enrichment_total", status=status)
    _observe_latency(context, intake)
    logger(job=job, batch_id=batch.batch_id).info("messages tracked", records=intake.records, **outcomes)
    _commit_offsets(context, intake)


def _observe_latency(context: JobContext, intake: Intake) -> None:
    done_at = context.now().timestamp()
    for came_at in intake.kafka_seconds:
        context.metrics.observe("itel_worker_processing_latency_seconds", max(0.0, done_at - came_at))


def _commit_offsets(context: JobContext, intake: Intake) -> None:
    """Lag tools only: a broker that does not take them stops nothing."""
    job = context.settings.jobs.task_tracking
    if not job.commit_group_offsets or not intake.ends:
        return
    try:
        commit_group_offsets(context.settings.kafka, job.consumer_group, intake.ends)
    except KafkaError as error:
        logger(job="task_tracking").warning(error.message)
