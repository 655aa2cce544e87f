"""R12: what a second processor gives."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from pathlib import Path

from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.performance.frame import Bound, Goal, Result, ratio
from tests.performance.tracking_feed import Feed, seconds_of
from tests.performance.tracking_world import tracking_world

ROOT = Path(__file__).resolve().parents[2]
ROWS = 10_000
WARM_UP, BATCHES = 4, 4
TOLD = "rows/s: "


def measure() -> Result:
    """Rows a second of local[2] and of local[1], each in a process of its own with broker and ClaimX beside it."""
    result = ratio(
        "R12",
        "task_tracking rows/s, local[2] ÷ local[1]",
        Goal(bound=Bound.AT_LEAST, limit=1.6, is_binding=False),
        ours=lambda: _in_process(2),
        other=lambda: _in_process(1),
        unit="rows/s",
        pairs=3,
        has_warm_up=False,
    )
    result.notes.update(rows=ROWS, batches=BATCHES)
    return result


def _in_process(cores: int) -> float:
    command = [sys.executable, "-m", "tests.performance.r12_two_cores", str(cores)]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout
    return float(next(line for line in told.splitlines() if line.startswith(TOLD)).removeprefix(TOLD))


def rows_per_second(cores: int) -> float:
    """The median of some batches, after some that warm the JVM and the workers' caches."""
    with tracking_world("jobs.task_tracking.cache_ttl_seconds=3600", master=f"local[{cores}]") as world:
        feed, memory, numbers = Feed(world=world, rows=ROWS, tasks=500), Memory(), itertools.count()
        context = world.context()
        seconds = []
        for _ in range(WARM_UP + BATCHES):
            frame = feed.frame(feed.new())
            seconds.append(seconds_of(lambda f=frame: process_batch(f, world.batch(next(numbers)), context, memory)))
        return ROWS / statistics.median(seconds[WARM_UP:])


if __name__ == "__main__":
    sys.stdout.write(f"{TOLD}{json.dumps(rows_per_second(int(sys.argv[1])))}\n")
