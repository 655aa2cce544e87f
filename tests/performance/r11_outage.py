"""R11: what comes in while ClaimX is gone, over what comes in while it answers."""

from __future__ import annotations

import itertools
import statistics

from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.small_batches import COMPILED, plan_for
from claimx_lib.streams.task_tracking import Memory, process_batch
from claimx_lib.transforms.tracking_messages import ERROR_COLUMNS, error_messages
from tests.fakes.world import World
from tests.performance.claimx import LATENCY_SECONDS
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_feed import Feed, seconds_of
from tests.performance.tracking_world import streamed, tracking_world

ROWS = 2_000
AS_SHIPPED = ("claimx.max_retries=3", "claimx.retry_backoff_base=2")


def measure() -> Result:
    """Rows a second with every connection reset, the breaker open as it comes, and with answers after 20 ms.

    In the notes where it would stand if a healthy batch had to write an outage's errors messages as well.
    """
    with tracking_world(*AS_SHIPPED) as base:
        world = streamed(base)
        feed, numbers = Feed(world=world, rows=ROWS), itertools.count()
        context = base.context()
        claimx = SimulatorControl(world.settings.claimx.base_url)

        def rows_per_second(memory: Memory, *, is_out: bool) -> float:
            claimx.clear_faults()
            if is_out:
                claimx.fault("reset", path="/api/*")
            stretch = feed.new(new_tasks=True)
            plan_for(ROWS, COMPILED, world.spark, context.session)
            return ROWS / seconds_of(
                lambda: process_batch(feed.frame(stretch), world.batch(next(numbers)), context, memory)
            )

        healthy, out = Memory(), Memory()
        claimx.switch(any_task=True, latency_seconds=LATENCY_SECONDS)
        for _ in range(3):
            rows_per_second(healthy, is_out=False)
        first = ROWS / rows_per_second(out, is_out=True)
        result = ratio(
            "R11",
            "rows/s in a total outage of ClaimX ÷ with a ClaimX that answers in 20 ms",
            Goal(bound=Bound.AT_LEAST, limit=0.90),
            ours=lambda: rows_per_second(out, is_out=True),
            other=lambda: rows_per_second(healthy, is_out=False),
            unit="rows/s",
            pairs=11,
        )
        result.notes.update(rows=ROWS, seconds_of_the_first_batch_of_the_outage=round(first, 2))
        errors_seconds = statistics.median(_errors_seconds(world, feed, context) for _ in range(7))
        result.notes["a_healthy_batch_with_errors_messages"] = round(_limit(result.other, errors_seconds), 3)
        return result


def _limit(healthy: list[float], errors_seconds: float) -> float:
    seconds = ROWS / statistics.median(healthy)
    return seconds / (seconds + errors_seconds)


def _errors_seconds(world: World, feed: Feed, context: JobContext) -> float:
    """How long a bare write of an errors message for each record takes, the records in memory."""
    records = feed.frame(feed.new(new_tasks=True)).persist()
    records.count()
    plan_for(ROWS, COMPILED, world.spark, context.session)
    text = {name: F.lit("x").alias(name) for name in ERROR_COLUMNS}
    coordinates = {name: F.col(name.removeprefix("source_")).alias(name) for name in ERROR_COLUMNS if "source" in name}
    rows = records.select(*(text | coordinates | {"raw_value": F.col("value").alias("raw_value")}).values())
    topic, largest = world.topic("tracking_errors"), world.settings.kafka.max_message_bytes
    told = error_messages(rows, topic, world.settings.pii, at=context.now(), max_message_bytes=largest)
    seconds = seconds_of(lambda: kafka.write(told, world.settings.kafka))
    records.unpersist()
    return seconds
