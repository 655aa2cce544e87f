"""R14: how long an event takes to its row through both jobs, over the least that two triggers and two writes take."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.connectors.kafka import spark_options
from claimx_lib.connectors.spark import session_beside
from claimx_lib.streams import query, task_tracking, task_trigger
from claimx_lib.streams.small_batches import COMPILED
from tests.fakes.world import World, event
from tests.performance.frame import Bound, Goal, Result
from tests.performance.latency import seconds_to_row
from tests.performance.tracking_feed import seconds_of
from tests.performance.tracking_world import tracking_world

if TYPE_CHECKING:
    from types import ModuleType

    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

WARM_UP, EVENTS, BARE = 40, 50, 15
TRIGGER_SECONDS = 1.0
TABLE = "itel_cabinet_task_tracking"


def measure() -> Result:
    """The 95th percentile of single events; in the notes that of two plain Spark queries, which do nothing to them."""
    jobs = ("task_trigger", "task_tracking")
    with tracking_world(*(f"jobs.{job}.trigger_seconds={TRIGGER_SECONDS:.0f}" for job in jobs)) as world:
        for name, value in COMPILED.items():
            world.spark.conf.set(name, value)
        for number in range(BARE):
            _bare(world, number)
        both = [_started(job, world) for job in (task_trigger, task_tracking)]
        ours = seconds_to_row(world, both, TABLE, prefix="e", warm_up=WARM_UP, events=EVENTS)
        plain = seconds_to_row(world, _plain(world), "plain", prefix="p", warm_up=WARM_UP, events=EVENTS)
        least = [2 * TRIGGER_SECONDS + _bare(world, number) for number in range(BARE)]
    typical = statistics.median(least)
    return Result(
        name="R14",
        what="event → row readable, p95, triggers of 1 s ÷ two triggers, a bare Kafka write, a bare append",
        goal=Goal(bound=Bound.AT_MOST, limit=1.3),
        figure=_p95(ours) / typical,
        low=ours[0] / typical,
        high=ours[-1] / typical,
        unit="s",
        ours=ours,
        other=least,
        notes={
            "events": EVENTS,
            "range": "fastest to slowest event",
            "median": round(statistics.median(ours), 2),
            "two_plain_queries_p95": round(_p95(plain) / typical, 2),
            "two_plain_queries_median": round(statistics.median(plain), 2),
        },
    )


def _started(job: ModuleType, world: World) -> StreamingQuery:
    """On a session of its own, as `claimx run` has it: what a small batch sets there the plain queries do not see."""
    context = replace(world.context(), session=session_beside(world.spark, world.settings))
    return query.start(job.stage(context), context)


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[18]


def _plain(world: World) -> list[StreamingQuery]:
    """Kafka to Kafka, Kafka to Delta, by Spark's own sinks: what the triggers and Spark's log of batches take alone."""
    options, between = spark_options(world.settings.kafka), world.topic("tracking_errors")
    copied = _texts(world, world.topic("claimx_events")).writeStream.format("kafka").options(**options, topic=between)
    ids = _texts(world, between).select(F.get_json_object("value", "$.event_id").alias("event_id"))
    kept = ids.writeStream.format("delta").option("path", f"{world.settings.storage.warehouse}/plain")
    return [
        writer.option("checkpointLocation", f"{world.folder}/plain-{number}")
        .trigger(processingTime=f"{TRIGGER_SECONDS} seconds")
        .start()
        for number, writer in enumerate((copied, kept))
    ]


def _texts(world: World, topic: str) -> DataFrame:
    read = world.spark.readStream.format("kafka").options(**spark_options(world.settings.kafka))
    return read.option("subscribe", topic).load().select(F.col("value").cast("string").alias("value"))


def _bare(world: World, number: int) -> float:
    row = world.frame([event(f"bare{number}")]).select(F.col("value").cast("string").alias("value"))
    sent = row.select(F.lit(world.topic("tracking_success")).alias("topic"), F.lit("k").alias("key"), "value")
    return seconds_of(
        lambda: (
            kafka.write(sent, world.settings.kafka),
            row.write.format("delta").mode("append").save(f"{world.folder}/bare"),
        )
    )
