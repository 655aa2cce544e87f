"""What Spark says of its queries' progress, as metrics."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.sql.streaming.listener import StreamingQueryListener

if TYPE_CHECKING:
    from pyspark.sql.streaming.listener import (
        QueryIdleEvent,
        QueryProgressEvent,
        QueryStartedEvent,
        QueryTerminatedEvent,
    )

    from claimx_lib.observability.metrics import Metrics

LAG = "claimx_stream_lag_records"
SINCE_PROGRESS = "claimx_stream_seconds_since_progress"


class ProgressListener(StreamingQueryListener):
    """Keeps each query's lag, records read and time of its last progress; a query's name is its job.

    A query without input tells so every ten seconds: that is progress too. One that is stuck in a batch tells nothing.
    The time since then is taken whenever somebody looks: it grows also while Spark's JVM answers nobody.
    """

    def __init__(self, metrics: Metrics, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._monotonic = monotonic
        self._names: dict[str, str] = {}
        self._last: dict[str, float] = {}
        self._records: dict[str, int] = {}
        self._ended: dict[str, threading.Event] = {}

    def begin(self, job: str) -> None:
        """Count from now: a query that is only starting has not been stuck."""
        self._last[job] = self._monotonic()
        self._records[job] = 0
        self._ended[job] = threading.Event()
        self._metrics.follow(SINCE_PROGRESS, lambda: self._since(job), job=job)

    def records(self, job: str, *, wait_seconds: float = 0.0) -> int:
        """Return the number of records that the query has read since it began.

        Spark tells of the last batch some time after an ended query has ended: wait for it so long.
        """
        self._ended[job].wait(wait_seconds)
        return self._records[job]

    def end(self, job: str) -> None:
        """Let the time since the last progress stand: a query that has ended is not stuck."""
        self._metrics.forget(SINCE_PROGRESS, job=job)
        self._metrics.set(SINCE_PROGRESS, self._since(job), job=job)

    def _since(self, job: str) -> float:
        return self._monotonic() - self._last[job]

    # Spark names these four.

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802
        self._names[str(event.id)] = event.name or ""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        progress = event.progress
        job = progress.name
        if job is None:
            return
        self._last[job] = self._monotonic()
        self._records[job] = self._records.get(job, 0) + max(progress.numInputRows, 0)
        self._metrics.set(LAG, sum(lag_of(s.latestOffset, s.endOffset) for s in progress.sources), job=job)

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        job = self._names.get(str(event.id))
        if job in self._last:
            self._last[job] = self._monotonic()

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        job = self._names.pop(str(event.id), "")
        if job in self._ended:
            self._ended[job].set()


def lag_of(latest: str | None, end: str | None) -> int:
    """Return the records between two offsets in Spark's JSON (topic → partition → offset); 0 for any other source.

    Spark's own figures (`maxOffsetsBehindLatest`) are strings, and tell of one partition only.
    """
    newest, done = _offsets(latest), _offsets(end)
    return sum(max(offset - done.get(place, offset), 0) for place, offset in newest.items())


def _offsets(text: str | None) -> dict[tuple[str, str], int]:
    try:
        parsed: Any = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(parsed, dict):
        return {}
    topics = {topic: partitions for topic, partitions in parsed.items() if isinstance(partitions, dict)}
    return {(topic, p): int(offset) for topic, partitions in topics.items() for p, offset in partitions.items()}
