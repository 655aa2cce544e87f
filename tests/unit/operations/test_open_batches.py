"""What is waited for before tables are looked at again: batches that were open, no later ones, and not for ever."""

from __future__ import annotations

import os
from pathlib import Path

from claimx_lib.config.load import load
from claimx_lib.operations.open_batches import batches_awaited, longest_batch_seconds


def commit(folder: Path, number: int) -> None:
    (folder / "commits").mkdir(parents=True, exist_ok=True)
    (folder / "commits" / str(number)).touch()


def plan(folder: Path, number: int) -> None:
    (folder / "offsets").mkdir(parents=True, exist_ok=True)
    (folder / "offsets" / str(number)).touch()


LONGEST_SECONDS = longest_batch_seconds(load(environ={}))


class Turns:
    """A clock that moves with each pause, and what happens in the first of them."""

    def __init__(self, *events: object) -> None:
        self.now = 0.0
        self.events = list(events)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        if self.events:
            folder, number = self.events.pop(0)  # type: ignore[misc]
            commit(folder, number)
            plan(folder, number + 1)

    def clock(self) -> float:
        return self.now


def awaited(root: Path | str, turns: Turns) -> tuple[str, ...]:
    settings = load(sets=[f"storage.checkpoints={root}"], environ={})
    return batches_awaited(settings, clock=turns.clock, pause=turns.pause)


def test_open_batches_are_waited_for_and_later_ones_not(tmp_path: Path) -> None:
    """It is over once what was open is committed, though the next batch has begun by then."""
    plan(tmp_path / "task_tracking", 3)
    turns = Turns((tmp_path / "task_tracking", 3))

    assert awaited(tmp_path, turns) == ()
    assert turns.now < 1


def test_nothing_is_waited_for_where_nothing_is_open(tmp_path: Path) -> None:
    """Streams that stand still, or never ran, cost no time."""
    plan(tmp_path / "task_tracking", 3)
    commit(tmp_path / "task_tracking", 3)
    turns = Turns()

    assert awaited(tmp_path, turns) == ()
    assert turns.now == 0


def test_a_batch_that_never_ends_is_named(tmp_path: Path) -> None:
    """A batch that a crash left open is waited for no longer than the longest one takes, and its job is told."""
    plan(tmp_path / "task_tracking", 3)
    plan(tmp_path / "mapping_sync", 0)
    turns = Turns((tmp_path / "mapping_sync", 0))

    assert awaited(tmp_path, turns) == ("task_tracking",)
    assert turns.now >= LONGEST_SECONDS


def test_checkpoints_in_a_store_cost_the_longest_wait() -> None:
    """Where no checkpoint can be looked at, time alone tells."""
    turns = Turns()

    assert awaited("s3://bucket", turns) == ()
    assert turns.now == LONGEST_SECONDS


def test_the_longest_batch_is_as_long_as_its_calls_take() -> None:
    """A slow pace, of which it may have half, makes long batches; a fast one leaves the patience with a ClaimX that does not answer."""
    slow = load(sets=["claimx.requests_per_second=10", "jobs.task_tracking.max_records_per_batch=2000"], environ={})
    assert longest_batch_seconds(slow) == 60 + 1.5 * 400
    fast = load(sets=["claimx.requests_per_second=1000", "jobs.task_tracking.max_records_per_batch=10"], environ={})
    assert longest_batch_seconds(fast) == 60 + fast.jobs.task_tracking.lookup_budget_seconds


def test_a_backfill_is_waited_for_unless_it_ended_long_ago(tmp_path: Path) -> None:
    """One that a crash left open last month writes nothing any more; one of a moment ago may."""
    young, old = (tmp_path / "backfill" / span / "task_tracking" for span in ("young", "old"))
    for folder in (young, old):
        plan(folder, 0)
    os.utime(old / "offsets" / "0", (0, 0))
    assert awaited(tmp_path, Turns()) == ("backfill of task_tracking, young",)
    assert awaited(tmp_path, Turns((young, 0))) == ()
