"""Progress of queries, as metrics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from claimx_lib.observability.metrics import Metrics
from claimx_lib.observability.progress import LAG, SINCE_PROGRESS, ProgressListener, lag_of


class Seconds:
    """A monotonic clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def progress(rows: int, *, latest: str, end: str) -> Any:
    source = SimpleNamespace(latestOffset=latest, endOffset=end)
    return SimpleNamespace(progress=SimpleNamespace(name="task_trigger", numInputRows=rows, sources=[source]))


@pytest.mark.parametrize(
    ("latest", "end", "expected"),
    [
        ('{"t":{"0":10,"1":7}}', '{"t":{"0":4,"1":7}}', 6),
        ('{"t":{"0":10}}', None, 0),
        (None, '{"t":{"0":4}}', 0),
        ("17", "12", 0),
        ("not json", '{"t":{"0":4}}', 0),
    ],
)
def test_lag_is_the_sum_over_partitions(latest: str | None, end: str | None, expected: int) -> None:
    """Records behind add up over all partitions; a source that is not Kafka has none."""
    assert lag_of(latest, end) == expected


def test_a_stuck_batch_lets_the_time_since_progress_grow() -> None:
    """Progress and idleness set the time back, a batch that says nothing lets it grow."""
    clock, metrics = Seconds(), Metrics()
    listener = ProgressListener(metrics, monotonic=clock)
    listener.begin("task_trigger")
    listener.onQueryStarted(SimpleNamespace(id="q", name="task_trigger"))
    clock.now = 5
    listener.onQueryProgress(progress(3, latest='{"t":{"0":9}}', end='{"t":{"0":3}}'))
    assert metrics.value(LAG, job="task_trigger") == 6
    clock.now = 95
    assert metrics.value(SINCE_PROGRESS, job="task_trigger") == 90
    listener.onQueryIdle(SimpleNamespace(id="q"))
    assert metrics.value(SINCE_PROGRESS, job="task_trigger") == 0


def test_the_time_since_progress_stands_once_a_query_has_ended() -> None:
    """What has ended is not stuck: its last figure stays; a second run of the same job counts anew."""
    clock, metrics = Seconds(), Metrics()
    listener = ProgressListener(metrics, monotonic=clock)
    listener.begin("mapping_sync")
    clock.now = 7
    listener.end("mapping_sync")
    clock.now = 900
    assert metrics.value(SINCE_PROGRESS, job="mapping_sync") == 7
    listener.begin("mapping_sync")
    clock.now = 903
    assert metrics.value(SINCE_PROGRESS, job="mapping_sync") == 3


def test_the_last_batch_is_counted_before_the_end_is_told() -> None:
    """The records of a query are known whole once Spark has told of its end."""
    listener = ProgressListener(Metrics())
    listener.begin("task_trigger")
    listener.onQueryStarted(SimpleNamespace(id="q", name="task_trigger"))
    listener.onQueryProgress(progress(3, latest="{}", end="{}"))
    listener.onQueryProgress(progress(4, latest="{}", end="{}"))
    listener.onQueryTerminated(SimpleNamespace(id="q"))
    assert listener.records("task_trigger", wait_seconds=5) == 7
