"""What the JVM keeps for Python over many batches, where Python's own collector does not come to it."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest
from py4j.clientserver import DEFAULT_WORKER_SLEEP_TIME

from claimx_lib.devstack.waiting import wait_until
from claimx_lib.streams.garbage import Collector
from claimx_lib.streams.query import start
from claimx_lib.streams.task_trigger import stage
from tests.fakes.world import World, Worlds, event

BATCHES = 8


def bindings(world: World) -> int:
    """How many JVM objects stand for something in Python at this moment."""
    return int(world.spark.sparkContext._gateway.java_gateway_server.getGateway().getBindings().size())


def kept(world: World, collector: Collector) -> int:
    """How many stay: what was collected is let go by a thread of Py4J's, which sleeps for a second where it has nothing to
    do; and what the very last batch has left, its listeners' events too, is no growth from batch to batch.
    """
    to_let_go = world.spark.sparkContext._gateway._gateway_client.finalizer_deque
    before, now = bindings(world) + 1, bindings(world)
    while now < before:
        collector.collect_if_due()
        wait_until(lambda: not to_let_go, what="Py4J has let go what was collected", timeout_seconds=60)
        time.sleep(2 * DEFAULT_WORKER_SLEEP_TIME)
        before, now = now, bindings(world)
    return now


def grown_by(new: Worlds, collector: Collector) -> int:
    """What is kept more after the last batches than before them.

    As many run before that: what one query of a session keeps once, and the one before it did not, is no growth.
    """
    world = new("jobs.task_trigger.max_records_per_batch=1")
    sizes = []
    for numbers in (range(BATCHES), range(BATCHES, 2 * BATCHES)):
        world.send("claimx_events", [event(f"e{n}") for n in numbers])
        query = start(stage(context := world.context(available_now=True, collector=collector)), context)
        query.awaitTermination()
        sizes.append(kept(world, collector))
    assert len(world.received("tracking")) == 2 * BATCHES
    return sizes[1] - sizes[0]


@pytest.fixture
def _collector_at_rest() -> Iterator[None]:
    """As in a driver with many objects, whose full collections are rare."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.long
@pytest.mark.usefixtures("_collector_at_rest")
@pytest.mark.parametrize(
    ("seconds_between", "at_least", "at_most"),
    [
        pytest.param(float("inf"), 40, 1_000, id="never"),
        pytest.param(0.0, float("-inf"), 5, id="each batch"),
    ],
)
def test_what_the_jvm_keeps_from_batch_to_batch(
    new: Worlds, seconds_between: float, at_least: float, at_most: int
) -> None:
    """With collections between the batches nothing piles up; without them each batch leaves its frames and columns."""
    assert at_least <= grown_by(new, Collector(seconds_between)) / BATCHES <= at_most
