"""R5: the kernel over what a first version does."""

from __future__ import annotations

from tests.performance.claimx import claimx, ids_of, kernel_seconds, naive_seconds
from tests.performance.frame import Bound, Goal, Result, ratio

KERNEL_ROWS = 3_200
NAIVE_ROWS = 80


def measure() -> Result:
    """Rows a second, every row with an id of its own: neither cache nor deduplication helps."""
    with claimx() as simulator:
        return ratio(
            "R5",
            "partition kernel ÷ one requests.get a row, 20 ms",
            Goal(bound=Bound.AT_LEAST, limit=30),
            ours=lambda: KERNEL_ROWS / kernel_seconds(simulator, ids_of(KERNEL_ROWS)),
            other=lambda: NAIVE_ROWS / naive_seconds(simulator, ids_of(NAIVE_ROWS)),
            unit="rows/s",
        )
