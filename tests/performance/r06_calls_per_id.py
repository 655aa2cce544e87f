"""R6: no id is asked for twice. Counted by the API's own log: no load can move it."""

from __future__ import annotations

import random

from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.performance.claimx import claimx, ids_of, kernel_seconds
from tests.performance.frame import Bound, Goal, Result
from tests.performance.tracking_feed import Feed
from tests.performance.tracking_world import tracking_world

ROWS = 5_000
BATCHES = 10
DISTINCT = 400
RUNS = 5


def measure() -> Result:
    """Calls made over distinct ids, each id a dozen times over five record batches."""
    calls: list[float] = []
    distinct: list[float] = []
    with claimx() as simulator:
        for seed in range(RUNS):
            chance = random.Random(seed)
            ids = [chance.choice(ids_of(DISTINCT)) for _ in range(ROWS)]
            before = simulator.control.state()["served"]
            kernel_seconds(simulator, ids)
            calls.append(simulator.control.state()["served"] - before)
            distinct.append(len(set(ids)))
    ratios = [made / needed for made, needed in zip(calls, distinct, strict=True)]
    return Result(
        name="R6",
        what="calls made ÷ distinct uncached ids, by the API's log",
        goal=Goal(bound=Bound.AT_MOST, limit=1.0),
        figure=max(ratios),
        low=min(ratios),
        high=max(ratios),
        unit="calls",
        ours=calls,
        other=distinct,
        notes={"rows": ROWS, "across_ten_batches_of_task_tracking": round(_across_batches(), 3)},
    )


def _across_batches() -> float:
    """Calls over distinct tasks where ten batches, spread over two workers, tell of the same tasks while answers are fresh."""
    with tracking_world("jobs.task_tracking.cache_ttl_seconds=3600") as world:
        feed, context, memory = Feed(world=world, rows=DISTINCT, tasks=DISTINCT), world.context(), Memory()
        claimx_log = SimulatorControl(world.settings.claimx.base_url)
        before = claimx_log.state()["served"]
        for number in range(BATCHES):
            process_batch(feed.frame(feed.new()), world.batch(number), context, memory)
        return (claimx_log.state()["served"] - before) / DISTINCT
