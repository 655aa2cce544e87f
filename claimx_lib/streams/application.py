"""The queries of one application: started, measured, watched."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from py4j.protocol import Py4JError

from claimx_lib.connectors.spark import session_beside
from claimx_lib.errors import StopRequested
from claimx_lib.observability.logs import logger
from claimx_lib.observability.progress import ProgressListener
from claimx_lib.streams.failure import explained
from claimx_lib.streams.query import start
from claimx_lib.streams.supervise import watch

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from claimx_lib.errors import ClaimxError
    from claimx_lib.streams.context import JobContext, Stage

RUNNING = "claimx_stream_running"
LAST_WORD_SECONDS = 2.0

Failures = dict[str, "ClaimxError"]


def stage_of(job: str, context: JobContext) -> Stage:
    """Return the job's stage; its module is loaded only now, so that a job alone loads no other."""
    stage: Stage = importlib.import_module(f"claimx_lib.streams.{job}").stage(context)
    return stage


def run_together(jobs: Sequence[str], context: JobContext) -> Failures:
    """Run the jobs beside each other until each has ended; return those that failed, with why."""
    return _run(jobs, context, ProgressListener(context.metrics))


def run_in_turn(jobs: Sequence[str], context: JobContext) -> Failures:
    """Run the jobs one after the other; return those that failed, with why. A stop leaves out those to come.

    mapping_sync runs once more after task_creation, so that what that has learnt from the API is mapped.
    """
    again = ("mapping_sync",) if {"mapping_sync", "task_creation"} <= set(jobs) else ()
    failures: Failures = {}
    listener = ProgressListener(context.metrics)
    for job in (*jobs, *again):
        if not context.stop.is_set:
            failures |= _run([job], context, listener)
    return failures


def _run(jobs: Sequence[str], context: JobContext, listener: ProgressListener) -> Failures:
    began = time.monotonic()
    failures: Failures = {}

    def ended(job: str, failure: ClaimxError | None) -> None:
        seconds = round(time.monotonic() - began, 1)
        listener.end(job)
        if failure is None:
            records = listener.records(job, wait_seconds=LAST_WORD_SECONDS)
            context.metrics.forget(RUNNING, job=job)
            logger(job=job).info("job ended", records=records, seconds=seconds)
        else:
            context.metrics.set(RUNNING, 0, job=job)
            failures[job] = failure
            logger(job=job).error("job failed", error=str(failure), seconds=seconds)

    queries: dict[str, StreamingQuery] = {}
    with ExitStack() as listening:
        for job in jobs:
            listener.begin(job)
            try:
                own = listening.enter_context(_own(context, listener))
                queries[job] = start(stage_of(job, own), own)
            except Exception as error:  # noqa: BLE001  (one job that can't start leaves the others running)
                ended(job, None if isinstance(error, StopRequested) else explained(error))
            else:
                context.metrics.set(RUNNING, 1, job=job)
        watch(queries, context, ended=ended)
    return failures


@contextmanager
def _own(context: JobContext, listener: ProgressListener) -> Iterator[JobContext]:
    """The context on a session of the job's own, whose plans are as its batches need them, and which is listened to."""
    session = session_beside(context.session, context.settings)
    session.streams.addListener(listener)
    try:
        yield replace(context, session=session)
    finally:
        try:
            session.streams.removeListener(listener)
        except (Py4JError, OSError):
            logger().debug("the JVM was gone before its listener")
