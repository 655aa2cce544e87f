"""R10: the slowest batches over the usual one, while the table's log grows by a commit each."""

from __future__ import annotations

import itertools
import os
import statistics

from claimx_lib.streams.task_tracking import Memory
from tests.performance.frame import Bound, Goal, Result
from tests.performance.r09_small_batch import ROWS, Job, small_batch_seconds
from tests.performance.tracking_world import streamed, tracking_world

WARM_UP = 30
BATCHES = 200


def measure() -> Result:
    """p99 over p50 of 200 batches of 50 new events, of all and of four quarters; the JVM is warm at the first."""
    with tracking_world() as base:
        numbers, job = itertools.count(), Job(context=base.context(), memory=Memory())
        world = streamed(base)
        for _ in range(WARM_UP):
            small_batch_seconds(world, next(numbers), job)
        load = [os.getloadavg()[0]]
        seconds = []
        for _ in range(BATCHES):
            seconds.append(small_batch_seconds(world, next(numbers), job))
            load.append(os.getloadavg()[0])
    quarters = [seconds[at : at + BATCHES // 4] for at in range(0, BATCHES, BATCHES // 4)]
    ratios = [_p99(quarter) / statistics.median(quarter) for quarter in quarters]
    figure = _p99(seconds) / statistics.median(seconds)
    return Result(
        name="R10",
        what="p99 ÷ p50 of batch time over 200 batches of 50 rows; range: of 50 each",
        goal=Goal(bound=Bound.AT_MOST, limit=2.5),
        figure=figure,
        low=min(*ratios, figure),
        high=max(*ratios, figure),
        unit="s",
        ours=[_p99(quarter) for quarter in (seconds, *quarters)],
        other=[statistics.median(quarter) for quarter in (seconds, *quarters)],
        notes={
            "rows": ROWS,
            "load": [round(min(load), 1), round(max(load), 1)],
            "worst": [round(s, 2) for s in sorted(seconds)[-5:]],
        },
    )


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]
