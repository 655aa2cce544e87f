"""R4: task tracking over one process by hand: confluent-kafka, requests in threads, delta-rs."""

from __future__ import annotations

import itertools

from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.performance.claimx import LATENCY_SECONDS
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.rival import Rival
from tests.performance.tracking_feed import Feed, seconds_of
from tests.performance.tracking_world import tracking_world

ROWS = 10_000


def measure() -> Result:
    """Rows a second of 10,000 new events of 1,000 new tasks: read, checked, looked up (20 ms), kept, told."""
    with tracking_world() as world:
        SimulatorControl(world.settings.claimx.base_url).switch(any_task=True, latency_seconds=LATENCY_SECONDS)
        feed, memory, numbers = Feed(world=world, rows=ROWS), Memory(), itertools.count()
        context = world.context()
        rival = Rival(world=world, table=f"{world.folder}/rival")

        def ours() -> float:
            stretch = feed.new(new_tasks=True)
            return ROWS / seconds_of(
                lambda: process_batch(feed.frame(stretch), world.batch(next(numbers)), context, memory)
            )

        def other() -> float:
            stretch = feed.new(new_tasks=True)
            return ROWS / seconds_of(lambda: rival.run(stretch))

        for _ in range(2):
            ours(), other()
        result = ratio(
            "R4",
            "task_tracking rows/s ÷ one process by hand (confluent-kafka, requests, delta-rs)",
            Goal(bound=Bound.AT_LEAST, limit=1.0, is_binding=False),
            ours=ours,
            other=other,
            unit="rows/s",
        )
        result.notes.update(rows=ROWS, tasks=ROWS // 10)
        return result
