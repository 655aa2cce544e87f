"""What all benchmarks share: both sides measured in turn, the median of the ratios, and a form to tell it in."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.faults.results import commit

DEFAULT_PAIRS = 7


class Bound(StrEnum):
    """On which side of the goal the figure must be."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the figure is held to; `is_binding` is false where a figure informs only."""

    bound: Bound
    limit: float
    is_binding: bool = True

    def holds(self, figure: float) -> bool:
        """Whether the figure is on the right side."""
        return figure >= self.limit if self.bound is Bound.AT_LEAST else figure <= self.limit

    def __str__(self) -> str:
        return f"{self.bound} {self.limit:.2f}" + ("" if self.is_binding else " (informs)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark's outcome: `figure` is the median, `low` and `high` its range; `ours` and `other` are the raw
    samples of both sides in `unit`.
    """

    name: str
    what: str
    goal: Goal
    figure: float
    low: float
    high: float
    unit: str
    ours: list[float]
    other: list[float]
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the goal is met."""
        return self.goal.holds(self.figure)

    def as_json(self) -> dict[str, Any]:
        """The entry of `docs/benchmarks/latest.json`."""
        return {
            "what": self.what,
            "figure": round(self.figure, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "goal": str(self.goal),
            "holds": self.holds,
            "unit": self.unit,
            "ours": [round(sample, 4) for sample in self.ours],
            "other": [round(sample, 4) for sample in self.other],
            "notes": self.notes,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": machine(),
        }


def ratio(
    name: str,
    what: str,
    goal: Goal,
    *,
    ours: Callable[[], float],
    other: Callable[[], float],
    unit: str,
    pairs: int = DEFAULT_PAIRS,
    has_warm_up: bool = True,
) -> Result:
    """The median of `ours / other` over pairs measured one right after the other, now this side first, now that.

    Each side is run once beforehand, unmeasured, unless each run is a process that warms itself up. Only neighbours are
    compared: the machine's pace changes over minutes, seldom between two runs.
    """
    if has_warm_up:
        ours(), other()
    ours_samples: list[float] = []
    other_samples: list[float] = []
    for pair in range(pairs):
        for side in (0, 1) if pair % 2 == 0 else (1, 0):
            (ours_samples if side == 0 else other_samples).append((ours, other)[side]())
    ratios = [a / b for a, b in zip(ours_samples, other_samples, strict=True)]
    return Result(
        name=name,
        what=what,
        goal=goal,
        figure=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        unit=unit,
        ours=ours_samples,
        other=other_samples,
    )


def machine() -> dict[str, Any]:
    """What a reader must know of the machine to judge a figure."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
