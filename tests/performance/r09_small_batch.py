"""R9: a small batch over the two writes that it cannot do without."""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass

from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.small_batches import COMPILED, plan_for
from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.fakes.world import World, tracking_message
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_world import streamed, tracking_world

ROWS = 50
WARM_UP = 15
PAIRS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a running job keeps from batch to batch."""

    context: JobContext
    memory: Memory


def measure() -> Result:
    """Seconds of a batch of 50 new events, calls included; against a Delta append and a Kafka write of 50 rows."""
    with tracking_world() as base:
        numbers, job = itertools.count(), Job(context=base.context(), memory=Memory())
        world = streamed(base)
        for _ in range(WARM_UP):
            small_batch_seconds(world, next(numbers), job)
            _bare(world, next(numbers))
        result = ratio(
            "R9",
            "a 50-row batch ÷ a bare append plus a bare Kafka write",
            Goal(bound=Bound.AT_MOST, limit=1.30),
            ours=lambda: small_batch_seconds(world, next(numbers), job),
            other=lambda: _bare(world, next(numbers)),
            unit="s",
            pairs=PAIRS,
        )
        once = [_bare(world, next(numbers), is_once=True) / _bare(world, next(numbers)) for _ in range(PAIRS)]
        result.notes["bare_side_with_an_idempotent_append"] = round(statistics.median(once), 2)
        return result


def _messages(number: int) -> list[object]:
    return [tracking_message(f"b{number}-{n}", task=number * 100 + n % 10) for n in range(ROWS)]


def small_batch_seconds(world: World, number: int, job: Job) -> float:
    """How long a batch of 50 new events takes, calls, rows and messages included."""
    frame = world.frame(_messages(number))
    started = time.perf_counter()
    plan_for(ROWS, COMPILED, world.spark, job.context.session)
    process_batch(frame, world.batch(number), job.context, job.memory)
    return time.perf_counter() - started


def _bare(world: World, number: int, *, is_once: bool = False) -> float:
    texts = world.frame(_messages(number)).select(F.col("value").cast("string").alias("value"), "offset")
    topic = world.topic("tracking_success")
    for name, value in COMPILED.items():
        world.spark.conf.set(name, value)
    started = time.perf_counter()
    writer = texts.write.format("delta").mode("append")
    if is_once:
        writer = writer.option("txnAppId", "bare").option("txnVersion", number)
    writer.save(f"{world.folder}/bare")
    kafka.write(texts.select(F.lit(topic).alias("topic"), F.lit("k").alias("key"), "value"), world.settings.kafka)
    return time.perf_counter() - started
