from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.plan import JOBS, SIGNALS, Fault, crash_points, faults, jobs_to

STREAMS = Path(__file__).resolve().parents[3] / "claimx_lib" / "streams"


def test_every_crash_point_of_the_code_is_found() -> None:
    """A crash point that is added to a job is in the matrix without anybody's doing."""
    written = {
        name for file in STREAMS.glob("*.py") for name in re.findall(r'crash_point\("([^"]+)"\)', file.read_text())
    }
    found = crash_points()
    assert {name for names in found.values() for name in names} == written
    assert all(found.values())


@pytest.mark.parametrize("pipeline", sorted(JOBS))
def test_the_plan_follows_from_the_seed_alone(pipeline: str) -> None:
    """The same seed gives the same faults, another one others."""
    assert faults(7, pipeline, 40) == faults(7, pipeline, 40)
    assert faults(7, pipeline, 40) != faults(8, pipeline, 40)


def test_two_hundred_runs_hit_each_crash_point_five_times() -> None:
    """Worlds of twenty faults, the pipelines in turn, two hundred in all: each crash point at least five times."""
    planned = {p: Counter(f.name for world in range(5) for f in faults(world, p, 20)) for p in JOBS}
    few = {name: planned[p][name] for p, names in crash_points().items() for name in names if planned[p][name] < 5}
    assert few == {}


def test_as_many_kills_as_asked_for() -> None:
    """A SIGTERM, which ends a driver in order, comes on top."""
    for pipeline in JOBS:
        assert sum(fault.is_kill for fault in faults(3, pipeline, 25)) == 25


def test_a_round_has_every_signal() -> None:
    """Each pipeline's round kills Python, the JVM and both."""
    for pipeline, points in crash_points().items():
        a_round = Counter(fault.name for fault in faults(1, pipeline, 2 * (len(points) + len(SIGNALS[pipeline]))))
        assert set(SIGNALS[pipeline]) <= set(a_round)


@pytest.mark.parametrize(
    ("point", "pipeline", "jobs"),
    [
        ("post-sent", "identity", ("mapping_sync", "task_creation")),
        ("pending-merged", "identity", ("task_creation",)),
        ("mapping_sync.history", "identity", ("mapping_sync",)),
        ("trigger-published", "tracking", ("task_trigger",)),
        ("tracking-after-append", "tracking", ("task_trigger", "task_tracking")),
    ],
)
def test_a_crash_point_needs_its_own_job_and_what_feeds_it(point: str, pipeline: str, jobs: tuple[str, ...]) -> None:
    """task_tracking reads what task_trigger writes, a POST needs a mapping; all else comes to its crash points alone."""
    assert jobs_to(Fault(name=point), pipeline) == jobs
