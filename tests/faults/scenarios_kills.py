"""Kills that no crash point makes: at any moment of a driver's life, and amid a MERGE, which the JVM carries out."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.faults.acts import Say, last_failure, new_matrix
from tests.faults.matrix import END_SECONDS, TRIES, Matrix, Outcome
from tests.faults.stack import Stack

KILLS, KILLS_AMID_MERGES = 12, 5
MERGED = ("xact_task_pending", "claim_project_mapping", "claimx_projects")
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 14.0
JVM_TOO = 0.25
"""The share of kills that take the JVM along; a new one costs as much as five runs on a warm one."""


def random_kills(shared: Stack, seed: int, say: Say) -> Outcome:
    """Twelve drivers of each pipeline, until a stop is asked for and `--available-now` in turns, die at a moment that the
    seed draws. One that ended by itself before is followed by another.
    """
    outcome = Outcome()
    for pipeline in ("identity", "tracking"):
        outcome = outcome.plus(_random_kills(new_matrix(shared, seed, say, pipeline), random.Random(seed), say))
    return outcome


def _random_kills(matrix: Matrix, chance: random.Random, say: Say) -> Outcome:
    while matrix.outcome.hits.total() < KILLS:
        seconds, is_with_jvm = chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), chance.random() < JVM_TOO
        is_killed = _lives(matrix, seconds, is_with_jvm=is_with_jvm, available_now=bool(chance.getrandbits(1)))
        (matrix.outcome.hits if is_killed else matrix.outcome.misses)["kill -9 at a random moment"] += 1
        what = "killed" if is_killed else "had ended"
        say(f"  {matrix.outcome.hits.total():3}/{KILLS} {what} after {seconds:.1f} s{', its JVM too' * is_with_jvm}")
    matrix.check()
    return matrix.outcome


def _lives(matrix: Matrix, seconds: float, *, is_with_jvm: bool, available_now: bool) -> bool:
    """A driver is at work, with bursts coming, until its time is up; whether that ended it."""
    dies_at = time.monotonic() + seconds
    matrix.world.send_burst()
    with matrix.driver(available_now=available_now) as driver:
        is_alive = matrix.feed_until(driver, lambda: time.monotonic() >= dies_at) and driver.status is None
        if driver.status:
            matrix.outcome.violations.append(f"a driver ended by itself with {driver.status}: {last_failure(matrix)}")
        driver.signal(signal.SIGKILL)
        if is_with_jvm:
            driver.kill_jvm()
        driver.ended_within(END_SECONDS)
        return is_alive


def kills_amid_merges(shared: Stack, seed: int, say: Say) -> Outcome:
    """Python and JVM die five times while a MERGE has written files and not yet its commit, which never comes."""
    matrix = new_matrix(shared, seed, say)
    for number in range(KILLS_AMID_MERGES * TRIES):
        table = _dies_amid_a_merge(matrix)
        (matrix.outcome.hits if table else matrix.outcome.misses)["kill -9 of both amid a MERGE"] += 1
        say(f"  {number + 1:3} {f'killed amid a MERGE into {table}' if table else 'the commit was quicker'}")
        if matrix.outcome.hits.total() == KILLS_AMID_MERGES:
            break
    else:
        matrix.outcome.never_hit.append(f"{KILLS_AMID_MERGES - matrix.outcome.hits.total()} kills amid a MERGE")
    matrix.check()
    return matrix.outcome


def _dies_amid_a_merge(matrix: Matrix) -> str | None:
    """The table whose version is the same after the kill as when a new file was seen in it."""
    warehouse, seen = Path(matrix.world.settings.storage.warehouse), dict[str, tuple[int, int]]()
    merging: list[str] = []

    def has_begun() -> bool:
        for table in MERGED:
            now, before = _state(warehouse / table), seen.get(table)
            if before is not None and now[0] == before[0] and now[1] > before[1]:
                merging.append(table)
            seen[table] = now
        return bool(merging)

    matrix.world.send_burst()
    with matrix.driver() as driver:
        if matrix.feed_until(driver, has_begun):
            driver.signal(signal.SIGKILL)
            driver.kill_jvm()
        driver.ended_within(END_SECONDS)
        if driver.status not in {None, -signal.SIGKILL}:
            matrix.outcome.violations.append(f"a driver ended by itself with {driver.status}: {last_failure(matrix)}")
    return next((table for table in merging if _state(warehouse / table)[0] == seen[table][0]), None)


def _state(table: Path) -> tuple[int, int]:
    """A table's version, and how many data files lie in its folder."""
    version = max((int(file.stem) for file in (table / "_delta_log").glob("*.json")), default=-1)
    return version, sum(1 for _ in table.rglob("*.parquet") if "_delta_log" not in _.parts)
