"""Watches running queries until they end: each for itself, and all of them when a stop is asked for."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from py4j.protocol import Py4JError

from claimx_lib.errors import ClaimxError, StopRequested
from claimx_lib.streams.failure import explained

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

    from claimx_lib.streams.context import JobContext

POLL_SECONDS = 0.1
_SPARK_IS_DOWN = re.compile(r"SparkContext was shut down|stopped SparkContext")


def watch(
    queries: Mapping[str, StreamingQuery],
    context: JobContext,
    *,
    ended: Callable[[str, ClaimxError | None], None],
) -> None:
    """Return when every query has ended; one that fails leaves the others running.

    `ended` is called once for each with why it failed, None where it is done or was stopped. Once `context.stop` is
    set, a query between two batches is stopped at once and one in a batch after it: the next batch refuses. What is
    not at rest after `stop_timeout_seconds` is stopped all the same: the checkpoint makes that safe.
    """
    running = dict(queries)
    stopping_since: float | None = None
    while running:
        if context.stop.is_set:
            stopping_since = stopping_since or time.monotonic()
            overdue = time.monotonic() - stopping_since > context.settings.stop_timeout_seconds
            _stop_idle(running, even_busy=overdue)
        for job, query in list(running.items()):
            if not _is_active(query):
                del running[job]
                ended(job, failure_of(job, query, context))
        if running:
            time.sleep(POLL_SECONDS)


def failure_of(job: str, query: StreamingQuery, context: JobContext) -> ClaimxError | None:
    """Return why an ended query failed; None where it came to its end or was stopped."""
    try:
        said = query.exception()
    except (Py4JError, OSError) as error:  # a JVM that was killed refuses the connection
        return None if context.stop.is_set else explained(error)
    raised = context.failures.pop(job, None)
    if said is None or isinstance(raised, StopRequested):
        return None
    if context.stop.is_set and _SPARK_IS_DOWN.search(str(said)):  # who stops us may signal the JVM too, as systemd does
        return None
    if isinstance(raised, ClaimxError):
        return raised
    failure = explained(said)
    if raised is not None:
        failure.__cause__ = raised  # it has the lines of our code, what Spark says of it the text alone
        traceback.clear_frames(raised.__traceback__)  # other jobs go on: what the batch held is let go
    return failure


def _is_active(query: StreamingQuery) -> bool:
    try:
        return bool(query.isActive)
    except (Py4JError, OSError):
        return False


def _stop_idle(running: Mapping[str, StreamingQuery], *, even_busy: bool) -> None:
    for query in running.values():
        try:
            if even_busy or not query.status["isTriggerActive"]:
                query.stop()
        except (Py4JError, OSError):
            continue
