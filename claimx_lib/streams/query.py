"""A stage as a running query: trigger, checkpoint, name, and the first line of every batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.observability.logs import carrying, logger
from claimx_lib.streams.context import BatchRef, JobContext, Stage
from claimx_lib.streams.erasure import spared
from claimx_lib.streams.gaps import record_gaps_of
from claimx_lib.streams.small_batches import left_to_us, plan_for, records_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery


def start(stage: Stage, context: JobContext) -> StreamingQuery:
    """Start the stage's query on the checkpoint `<root>/<job>`; restarts go on where it stopped.

    Under a stop request a batch ends in its first line, before any effect (StopRequested). What a batch raises is
    kept in `context.failures`: Spark hands on its text only.
    """
    job = getattr(context.settings.jobs, stage.job)
    writer = stage.source.writeStream.queryName(stage.job).option(
        "checkpointLocation", checkpoint_of(context, stage.job)
    )
    if context.available_now:
        writer = writer.trigger(availableNow=True)
    else:
        writer = writer.trigger(processingTime=f"{int(job.trigger_seconds * 1000)} milliseconds")
    context.session.sparkContext.setLocalProperty("spark.scheduler.pool", stage.job)
    return writer.foreachBatch(_guarded(stage, context)).start()


def checkpoint_of(context: JobContext, job: str) -> str:
    """Return the job's checkpoint folder."""
    return f"{context.settings.storage.checkpoints.rstrip('/')}/{job}"


def _guarded(stage: Stage, context: JobContext) -> Callable[[DataFrame, int], None]:
    ours = left_to_us(context.session)

    def process(frame: DataFrame, batch_id: int) -> None:
        started = time.monotonic()
        batch = BatchRef(query_id=_query_id(frame), batch_id=batch_id)
        try:
            context.stop.check()
            plan_for(records_of(batch_id, context, job=stage.job), ours, frame.sparkSession, context.session)
            with carrying(job=stage.job, batch_id=batch_id):
                record_gaps_of(context, batch, job=stage.job)
                stage.process_batch(spared(_in_range(frame, context), context, job=stage.job), batch)
        except Exception as error:
            context.failures[stage.job] = error
            raise
        context.collector.collect_if_due()
        seconds = time.monotonic() - started
        context.metrics.observe("claimx_stream_batch_duration_seconds", seconds, job=stage.job)
        logger(job=stage.job, batch_id=batch_id).debug("batch done", seconds=round(seconds, 3))

    return process


def _in_range(frame: DataFrame, context: JobContext) -> DataFrame:
    """Of a backfill's records those that the job has behind it: what it is at, it does itself."""
    if context.until is not None:
        frame = frame.where(F.col("timestamp") < F.lit(context.until))
    if not context.ends:
        return frame
    done = [
        (F.col("topic") == place.topic) & (F.col("partition") == place.partition) & (F.col("offset") < end)
        for place, end in context.ends.items()
    ]
    return frame.where(reduce(or_, done))


def _query_id(frame: DataFrame) -> str:
    query_id = frame.sparkSession.sparkContext.getLocalProperty("sql.streaming.queryId")
    if query_id is None:
        raise RuntimeError("process_batch runs outside a streaming query")
    return query_id
