"""Kills at any moment of a driver's life, also while it starts, between two batches or at its end."""

from __future__ import annotations

import random
import signal
import time

from tests.faults.acts import Say, last_failure, new_matrix
from tests.faults.matrix import END_SECONDS, Matrix, Outcome
from tests.faults.stack import Stack

KILLS = 20
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 14.0
JVM_TOO = 0.25
"""The share of kills that take the JVM along; a new one costs as much as five runs on a warm one."""


def random_kills(shared: Stack, seed: int, say: Say) -> Outcome:
    """Twenty drivers of mapping and creation, until a stop is asked for and `--available-now` in turns, die at a moment
    that the seed draws. One that ended by itself before is followed by another.
    """
    matrix, chance = new_matrix(shared, seed, say), random.Random(seed)
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
