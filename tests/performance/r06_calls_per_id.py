"""R6: no id is asked for twice. Counted by the API's own log: no load can move it."""

from __future__ import annotations

import random

from tests.performance.claimx import claimx, ids_of, kernel_seconds
from tests.performance.frame import Bound, Goal, Result

ROWS = 5_000
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
        notes={"rows": ROWS},
    )
