"""R3: task tracking without calls over the least that brings the same rows to Delta."""

from __future__ import annotations

import itertools

from pyspark.sql import functions as F

from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_feed import Feed, Stretch, seconds_of
from tests.performance.tracking_world import tracking_world

ROWS, TASKS = 10_000, 500
WORKERS = 2
"""Of `local[2]`: each has a cache of its own, and which of them a partition meets is left to chance."""
WARM_ROUNDS = 3, 10


def measure() -> Result:
    """Rows a second of a full batch, each answer in the workers' caches, and of Spark's bare Kafka → Delta append."""
    with tracking_world("jobs.task_tracking.cache_ttl_seconds=3600") as world:
        feed, memory, numbers = Feed(world=world, rows=ROWS, tasks=TASKS), Memory(), itertools.count()
        context = world.context()

        def ours() -> float:
            stretch = feed.new()
            return ROWS / seconds_of(
                lambda: process_batch(feed.frame(stretch), world.batch(next(numbers)), context, memory)
            )

        def bare(stretch: Stretch) -> None:
            value, key = (F.col(name).cast("string").alias(name) for name in ("value", "key"))
            rows = feed.frame(stretch).select(key, value, "topic", "partition", "offset", "timestamp")
            rows.write.format("delta").mode("append").save(f"{world.folder}/bare")

        def other() -> float:
            stretch = feed.new()
            return ROWS / seconds_of(lambda: bare(stretch))

        def calls() -> float:
            return world.metrics.value("itel_worker_claimx_api_calls_total")

        for number in range(WARM_ROUNDS[1]):
            ours(), other()
            if number >= WARM_ROUNDS[0] and calls() >= WORKERS * TASKS:
                break
        before = calls()
        result = ratio(
            "R3",
            "task_tracking rows/s, warm cache ÷ a bare Spark append of the same rows",
            Goal(bound=Bound.AT_LEAST, limit=0.50, is_binding=False),
            ours=ours,
            other=other,
            unit="rows/s",
        )
        made = {"calls_before": before, "calls_made": calls() - before}
        result.notes.update(rows=ROWS, ids=TASKS, workers=WORKERS, messages_sent_by_ours=ROWS, **made)
        return result
