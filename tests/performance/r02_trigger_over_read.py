"""R2: the trigger over Spark's own reading."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator

from claimx_lib.streams.task_trigger import process_batch
from tests.fakes.world import World, event
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_world import batch_of, tracking_world

EVENTS = 1_000_000
EACH_NTH_IS_OURS = 100


def measure() -> Result:
    """Events a second: filtered, parsed where they may be ours, published; against a read that leads nowhere."""
    with tracking_world("jobs.task_trigger.log_events_per_batch=0") as world:
        world.send("claimx_events", _events())
        numbers = itertools.count()
        context = world.context()
        result = ratio(
            "R2",
            "task_trigger ÷ a no-op Kafka read by Spark",
            Goal(bound=Bound.AT_LEAST, limit=0.80),
            ours=lambda: (
                EVENTS
                / _seconds(lambda: process_batch(batch_of(world, "claimx_events"), world.batch(next(numbers)), context))
            ),
            other=lambda: EVENTS / _seconds(lambda: _read(world)),
            unit="events/s",
        )
        published = world.metrics.value("itel_plugin_events_published_total")
        assert published == next(numbers) * EVENTS // EACH_NTH_IS_OURS
        return result


def _events() -> Iterator[str]:
    text = json.dumps(event("<id>", template="<template>")).replace('"<template>"', "<template>")
    return (text.replace("<id>", f"e{n}").replace("<template>", str(_template(n))) for n in range(EVENTS))


def _template(number: int) -> int:
    return 32513 if number % EACH_NTH_IS_OURS == 0 else 40_000 + number % 97


def _read(world: World) -> None:
    batch_of(world, "claimx_events").write.format("noop").mode("overwrite").save()


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
