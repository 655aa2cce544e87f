"""R7: what a batch of 500 claims costs hardly grows with the mappings that there are, 10⁴ to 10⁷."""

from __future__ import annotations

import math
import os
import random
import statistics
from typing import Any

from claimx_lib.domain.mapping_fold import folded
from claimx_lib.streams.mapping_state import before_of
from claimx_lib.streams.mapping_writes import merge_mapping
from tests.performance.frame import Bound, Goal, Result
from tests.performance.mapping_tables import Mapped, Stopwatch, mapped, session

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
KEYS = 500
ROUNDS = 4
RANDOM_GOAL, LOCAL_GOAL = 0.35, 0.15
Samples = dict[bool, dict[int, list[tuple[float, float]]]]


def measure() -> Result:
    """The slope, log by log, of looking 500 claims up in mapping and history and merging them, keys random and local.

    Seconds of the processor, which other work on the machine moves little; those of the clock stand in the notes.
    """
    samples: Samples = {False: {}, True: {}}
    largest = int(os.environ.get("CLAIMX_BENCH_MAPPINGS", SIZES[-1]))
    with session() as spark:
        with mapped(spark, SIZES[0]) as tables:  # else the smallest size pays for what the JVM compiles
            for is_local in (False, True):
                _rounds(tables, is_local=is_local)
        for size in (s for s in SIZES if s <= largest):
            with mapped(spark, size) as tables:
                for is_local in (False, True):
                    samples[is_local][size] = _rounds(tables, is_local=is_local)
    return result(samples)


def result(samples: Samples) -> Result:
    """The slope that is nearer its goal; the local one is told in the random one's measure."""
    random_slope = slope(samples[False], part=1)
    local_slope = slope(samples[True], part=1) * RANDOM_GOAL / LOCAL_GOAL
    return Result(
        name="R7",
        what=f"slope of look-up + MERGE of {KEYS} keys over the mappings; random, or local where that is nearer its goal",
        goal=Goal(bound=Bound.AT_MOST, limit=RANDOM_GOAL),
        figure=max(random_slope, local_slope),
        low=min(random_slope, local_slope),
        high=max(random_slope, local_slope),
        unit="seconds of the processor for a batch",
        ours=[value for _, value in _medians(samples[False], part=1)],
        other=[value for _, value in _medians(samples[True], part=1)],
        notes=_notes(samples),
    )


def _rounds(tables: Mapped, *, is_local: bool) -> list[tuple[float, float]]:
    """One unmeasured round, then the measured ones, each upon what those before it left."""
    chance = random.Random(7)
    offset = 100 if is_local else 0
    return [_batch(tables, chance, is_local=is_local, minute=offset + n) for n in range(ROUNDS + 1)][1:]


def _batch(tables: Mapped, chance: random.Random, *, is_local: bool, minute: int) -> tuple[float, float]:
    events = tables.events(tables.keys(KEYS, is_local=is_local, chance=chance), minute=minute)
    watch = Stopwatch()
    result = folded(events, (), before_of(tables.context, events, ()))
    merge_mapping(tables.context, result.claims)
    taken = watch.stop()
    assert len(result.claims) == len(events), "every claim of the batch must change"
    return taken


def _medians(samples: dict[int, list[tuple[float, float]]], *, part: int) -> list[tuple[int, float]]:
    return [(size, statistics.median(one[part] for one in taken)) for size, taken in samples.items()]


def slope(samples: dict[int, list[tuple[float, float]]], *, part: int) -> float:
    """Least squares through the medians, both axes logarithmic."""
    points = [(math.log10(size), math.log10(seconds)) for size, seconds in _medians(samples, part=part)]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def _notes(samples: Samples) -> dict[str, Any]:
    told: dict[str, Any] = {"mappings": list(samples[False]), "keys": KEYS}
    for is_local, goal in ((False, RANDOM_GOAL), (True, LOCAL_GOAL)):
        taken = samples[is_local]
        told["local" if is_local else "random"] = {
            "slope": round(slope(taken, part=1), 3),
            "slope_by_the_clock": round(slope(taken, part=0), 3),
            "goal": f"<= {goal}",
            "processor_seconds": [round(value, 2) for _, value in _medians(taken, part=1)],
            "clock_seconds": [round(value, 2) for _, value in _medians(taken, part=0)],
        }
    return told
