"""Which fault befalls which run, from a seed: each crash point of the code, signals to Python, to the JVM and to both."""

from __future__ import annotations

import ast
import itertools
import random
from dataclasses import dataclass
from pathlib import Path

STREAMS = Path(__file__).resolve().parents[2] / "claimx_lib" / "streams"
JOBS = {"tracking": ("task_trigger", "task_tracking"), "identity": ("mapping_sync", "task_creation")}
BOTH_PIPELINES = "both"
"""A world whose drivers run all four jobs."""
_OF_FILE = {"tracking": ("task_trigger", "task_tracking", "tracking"),
            "identity": ("mapping", "task_creation", "creation")}  # fmt: skip
PYTHON, JVM, BOTH, TERM = "SIGKILL of Python", "SIGKILL of the JVM", "SIGKILL of both", "SIGTERM amid the POSTs"
SIGNALS = {"tracking": (PYTHON, PYTHON, PYTHON, JVM, BOTH), "identity": (PYTHON, TERM, JVM, BOTH)}
COLD = (JVM, BOTH)
"""A new JVM costs as much as five runs on a warm one: each round has one of these, by turns."""
MOST_PASSINGS = {"post-sent": 3}
LONGEST_DELAY_SECONDS = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One run's end: at a crash point's nth passing, or by a signal some time after a batch has begun."""

    name: str
    nth: int = 1
    delay_seconds: float = 0.0

    @property
    def is_signal(self) -> bool:
        return self.name in {PYTHON, JVM, BOTH, TERM}

    @property
    def is_kill(self) -> bool:
        return self.name != TERM

    def __str__(self) -> str:
        return f"{self.name} +{self.delay_seconds:.2f} s" if self.is_signal else f"{self.name}:{self.nth}"


def jobs_to(fault: Fault, pipeline: str) -> tuple[str, ...]:
    """The jobs that a run needs to come to its end: that of the crash point alone, unless another one feeds it.

    A POST needs claims that are mapped: without mapping_sync only those that the API finds would come to one.
    """
    alone = {"task_trigger": ("task_trigger",), "mapping": ("mapping_sync",), "task_creation": ("task_creation",),
             "creation": ("task_creation",)}  # fmt: skip
    files = [file.stem for file in STREAMS.glob("*.py") if f'crash_point("{fault.name}")' in file.read_text()]
    if "creation_posts" in files:
        return JOBS["identity"]
    found = [jobs for start, jobs in alone.items() for stem in files if stem.startswith(start)]
    return found[0] if found else JOBS.get(pipeline, JOBS["tracking"])


def crash_points(streams: Path = STREAMS) -> dict[str, list[str]]:
    """The names of all crash points in the code, by pipeline; one in a file of both belongs to both."""
    found: dict[str, list[str]] = {pipeline: [] for pipeline in JOBS}
    for file in sorted(streams.glob("*.py")):
        names = [node.args[0].value for node in ast.walk(ast.parse(file.read_text()))
                 if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "crash_point"
                 and node.args and isinstance(node.args[0], ast.Constant)]  # fmt: skip
        owners = [p for p, starts in _OF_FILE.items() if file.stem.startswith(starts)] or list(JOBS)
        for pipeline in owners:
            found[pipeline] += map(str, names)
    return found


def faults(seed: int, pipeline: str, kills: int) -> list[Fault]:
    """Faults with so many kills in a seeded order: rounds of every crash point of the pipeline and every signal."""
    chance = random.Random(seed)
    points = crash_points()[pipeline]
    planned: list[Fault] = []
    for number in itertools.count(seed):
        signals = [name for name in SIGNALS[pipeline] if name != COLD[number % len(COLD)]]
        a_round = [_at(chance, name) for name in points] + [_signal(chance, name) for name in signals]
        chance.shuffle(a_round)
        for fault in a_round:
            if sum(one.is_kill for one in planned) == kills:
                return planned
            planned.append(fault)
    raise AssertionError("rounds do not end")


def _at(chance: random.Random, point: str) -> Fault:
    return Fault(name=point, nth=chance.randint(1, MOST_PASSINGS.get(point, 1)))


def _signal(chance: random.Random, name: str) -> Fault:
    return Fault(name=name, delay_seconds=chance.uniform(0.0, LONGEST_DELAY_SECONDS))
