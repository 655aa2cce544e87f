"""What the scenarios have in common: a world, batches that pass, a driver that goes on or is followed by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.faults.driver import Driver
from tests.faults.matrix import Matrix, Outcome
from tests.faults.stack import Stack

Say = Callable[[str], None]


def new_matrix(shared: Stack, seed: int, say: Say, pipeline: str = "identity") -> Matrix:
    """A world that nothing has befallen yet."""
    matrix = Matrix(world=shared.world(seed, pipeline), warm=shared.warm, say=say)
    matrix.begin()
    return matrix


def some_batches(matrix: Matrix, driver: Driver, more: int = 2) -> bool:
    """Every job of this driver finishes batches while bursts come."""
    world = matrix.world
    done = {job: world.progress(job).done + more for job in world.jobs}
    world.send_burst()
    return matrix.feed_until(driver, lambda: all(world.progress(job).done >= n for job, n in done.items()))


def revived(matrix: Matrix, driver: Driver) -> None:
    """The driver has gone on by itself, or ended with 1; then another takes over, as a supervisor would have it."""
    if some_batches(matrix, driver):
        matrix.say("  it went on by itself")
        return
    told = last_failure(matrix)
    if not told:
        matrix.outcome.violations.append(f"after the fault a driver neither worked nor said why ({driver.status})")
    matrix.say(f"  a job ended, another driver takes over: {told}")


def fails_with(matrix: Matrix, driver: Driver, told: str, what: str) -> None:
    """Bursts come until a job has ended with 1, or the whole driver has; the line says `told`, and what to do."""
    matrix.feed_until(driver, lambda: any(told in line for line in matrix.world.failures()))
    driver.ended_within(0.1)
    line = last_failure(matrix)
    matrix.say(f"  {what}: {line}")
    if told not in line or " — " not in line:
        matrix.outcome.violations.append(f"{what}: no line that says {told!r} and what to do: {line or 'nothing'}")


def last_failure(matrix: Matrix) -> str:
    """Why a job of some driver ended last, in the line that is for a person."""
    return (matrix.world.failures() or [""])[-1]


def not_run(say: Say, name: str, why: str) -> Outcome:
    """Told, and counted as neither hit nor broken."""
    say(f"  not run: {why}")
    return Outcome(misses=Counter([f"{name} (not run: {why})"]))
