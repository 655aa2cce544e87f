"""Whether what was sampled stays flat: a robust line through each series of each life, past its warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from statistics import median

Point = tuple[float, float]
"""Minutes since the driver's start, value."""
WARM_UP_MINUTES, WARM_UP_SHARE = 8.0, 0.5
"""The first half of a life, at least these minutes: classes are loaded, code is compiled, checkpoints have reached
what they keep.
"""
JUDGED_MINUTES = 10.0
"""A life that is shorter past its warm-up says nothing about an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much a series may grow in an hour: a share of its median, and never less than `floor` of its own unit."""

    floor: float
    share: float = 0.05


LIMITS = {
    "python_mb": Limit(floor=16),
    "workers_mb": Limit(floor=16),
    "jvm_but_code_mb": Limit(floor=32),
    "jvm_heap_mb": Limit(floor=16),
    "jvm_classes_mb": Limit(floor=8),
    "python_threads": Limit(floor=2),
    "jvm_threads": Limit(floor=32),
    "open_files": Limit(floor=16),
    "workers": Limit(floor=1),
    "spark_files": Limit(floor=32),
    "checkpoint_files": Limit(floor=64),
    "processor_seconds_a_batch": Limit(floor=0.1, share=0.25),
    "batch_seconds_task_trigger": Limit(floor=0.3, share=0.5),
    "batch_seconds_task_tracking": Limit(floor=0.3, share=0.5),
    "batch_seconds_mapping_sync": Limit(floor=0.3, share=0.5),
    "batch_seconds_task_creation": Limit(floor=0.3, share=0.5),
}
"""Time by the clock has the widest: other work on the machine moves it. The processor's time is what a leak would show in.
Threads of the JVM come and go in pools of up to 128.
"""
BREATHING = frozenset({"python_threads", "jvm_threads"})
"""Pools fill with each batch and empty after it: a leak lifts the peaks."""
RESTING = frozenset({"jvm_heap_mb"})
"""What the batches of the moment hold lies on top, up to three times the rest: a leak lifts the troughs."""
STRETCH_MINUTES = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One series of one life: its median, what it grows by in an hour, and what it may."""

    series: str
    life: int
    median: float
    growth_an_hour: float
    limit: float

    @property
    def is_flat(self) -> bool:
        return self.growth_an_hour <= self.limit

    def __str__(self) -> str:
        grows = f"{self.series} of life {self.life} grows by {self.growth_an_hour:.2f} an hour"
        return f"{grows}, {self.limit:.2f} is allowed; its median is {self.median:.2f}"


def trends(series: str, life: int, points: Sequence[Point]) -> list[Trend]:
    """The one trend of a series, none where the life was too short to tell."""
    limit = LIMITS.get(series)
    warm_at = max(WARM_UP_MINUTES, WARM_UP_SHARE * max((at for at, _ in points), default=0.0))
    warm = [(at, value) for at, value in points if at >= warm_at]
    past = peaks(warm) if series in BREATHING else troughs(warm) if series in RESTING else warm
    if limit is None or len(past) < 2 or past[-1][0] - past[0][0] < JUDGED_MINUTES:
        return []
    middle = median(value for _, value in past)
    return [Trend(series=series, life=life, median=middle, growth_an_hour=60 * slope(past),
                  limit=max(limit.floor, limit.share * middle))]  # fmt: skip


def unjudged(found: Sequence[Trend]) -> list[str]:
    """The series with a limit that no life was long enough for, or that nobody sampled."""
    return [series for series in LIMITS if series not in {trend.series for trend in found}]


def peaks(points: Sequence[Point]) -> list[Point]:
    """The highest point of each stretch of STRETCH_MINUTES."""
    return [max(stretch, key=lambda point: point[1]) for stretch in _stretches(points)]


def troughs(points: Sequence[Point]) -> list[Point]:
    """The lowest point of each stretch of STRETCH_MINUTES."""
    return [min(stretch, key=lambda point: point[1]) for stretch in _stretches(points)]


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    return [list(stretch) for _, stretch in groupby(points, key=lambda point: point[0] // STRETCH_MINUTES)]


def slope(points: Sequence[Point]) -> float:
    """Growth a minute: the median of the slopes of all pairs (Theil-Sen), which a few outliers do not move."""
    return median((v2 - v1) / (t2 - t1) for (t1, v1), (t2, v2) in combinations(points, 2) if t2 > t1)
