"""R11: what comes in while ClaimX is gone, over what comes in while it answers."""

from __future__ import annotations

import itertools

from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.streams.small_batches import plan_for
from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.performance.claimx import LATENCY_SECONDS
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_feed import Feed, seconds_of
from tests.performance.tracking_world import streamed, tracking_world

ROWS = 2_000
AS_SHIPPED = ("claimx.max_retries=3", "claimx.retry_backoff_base=2")


def measure() -> Result:
    """Rows a second with every connection reset, the breaker open as it comes, and with answers after 20 ms."""
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
            plan_for(ROWS, world.spark, context)
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
        return result
