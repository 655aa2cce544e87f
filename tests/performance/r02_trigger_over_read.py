"""R2: the trigger over Spark's own reading."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from pyspark.sql import functions as F

from claimx_lib.connectors import kafka
from claimx_lib.streams.task_trigger import process_batch
from tests.fakes.world import World, event
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_feed import seconds_of
from tests.performance.tracking_world import batch_of, tracking_world

EVENTS = 1_000_000
EACH_NTH_IS_OURS = 100
WARM_UP = 4
EVENT = (
    "event_id STRING, event_type STRING, project_id STRING, timestamp STRING, project STRING, "
    "task STRUCT<task_id: BIGINT, assignment_id: BIGINT, task_name: STRING, status: STRING>"
)


def measure() -> Result:
    """Events a second: filtered, parsed where they may be ours, published; against a read that leads nowhere.

    In the notes what one plain pass of Spark reaches, which filters, parses and publishes, but neither counts nor
    refuses: the most that any trigger on Spark could.
    """
    with tracking_world("jobs.task_trigger.log_events_per_batch=0") as world:
        world.send("claimx_events", _events())
        numbers = itertools.count()
        context = world.context()

        def ours() -> float:
            frame, batch = batch_of(world, "claimx_events"), world.batch(next(numbers))
            return EVENTS / seconds_of(lambda: process_batch(frame, batch, context))

        for _ in range(WARM_UP):
            ours(), _read(world)
        result = ratio(
            "R2",
            "task_trigger ÷ a no-op Kafka read by Spark",
            Goal(bound=Bound.AT_LEAST, limit=0.80),
            ours=ours,
            other=lambda: _read(world),
            unit="events/s",
        )
        published = world.metrics.value("itel_plugin_events_published_total")
        assert published == next(numbers) * EVENTS // EACH_NTH_IS_OURS
        plain = ratio("", "", result.goal, ours=lambda: _plain(world), other=lambda: _read(world), unit="", pairs=5)
        result.notes["one_plain_pass"] = round(plain.figure, 3)
        return result


def _events() -> Iterator[str]:
    text = json.dumps(event("<id>", template="<template>")).replace('"<template>"', "<template>")
    return (text.replace("<id>", f"e{n}").replace("<template>", str(_template(n))) for n in range(EVENTS))


def _template(number: int) -> int:
    return 32513 if number % EACH_NTH_IS_OURS == 0 else 40_000 + number % 97


def _read(world: World) -> float:
    records = batch_of(world, "claimx_events")
    return EVENTS / seconds_of(lambda: records.write.format("noop").mode("overwrite").save())


def _plain(world: World) -> float:
    """What a user would write: the bytes searched for the template, the rest parsed, ours published."""
    records = batch_of(world, "claimx_events")
    maybe = records.where(F.contains("value", F.lit(b"32513")))
    told = maybe.select(F.from_json(F.col("value").cast("string"), EVENT).alias("event")).where(
        "event.task.task_id = 32513"
    )
    message = F.to_json(F.struct(F.lit("iTel Cabinet Task Tracking").alias("trigger_name"), "event.*"))
    topic = F.lit(world.topic("tracking")).alias("topic")
    sent = told.select(topic, F.col("event.project_id").alias("key"), message.alias("value"))
    return EVENTS / seconds_of(lambda: kafka.write(sent, world.settings.kafka))
