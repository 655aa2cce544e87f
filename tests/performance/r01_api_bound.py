"""R1: the kernel is as fast as the API lets the leanest client be."""

from __future__ import annotations

from tests.performance.claimx import claimx, ids_of, kernel_seconds, leanest_seconds
from tests.performance.frame import Bound, Goal, Result, ratio

CALLS = 3_200


def measure() -> Result:
    """Enriched events a second, ours over the leanest client's."""
    ids = ids_of(CALLS)
    with claimx() as simulator:
        return ratio(
            "R1",
            "enriched events/s ÷ what the API gives the leanest client, 32 in flight, 20 ms",
            Goal(bound=Bound.AT_LEAST, limit=0.90),
            ours=lambda: CALLS / kernel_seconds(simulator, ids),
            other=lambda: CALLS / leanest_seconds(simulator, ids),
            unit="events/s",
        )
