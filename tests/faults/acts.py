"""What the scenarios have in common: a world, batches that pass, a driver that goes on or is followed by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from tests.faults import gather
from tests.faults.driver import Driver
from tests.faults.matrix import Matrix, Outcome
from tests.faults.stack import Stack
from tests.faults.world import failed_jobs

BATCHES = 2
"""So many show that a job goes on: the first may have been begun before."""
UNKNOWN = "run it again with --debug"
"""The cure of what the product has no words for."""
Say = Callable[[str], None]


def new_matrix(shared: Stack, seed: int, say: Say, pipeline: str = "identity") -> Matrix:
    """A world that nothing has befallen yet."""
    matrix = Matrix(world=shared.world(seed, pipeline), warm=shared.warm, say=say)
    matrix.begin()
    return matrix


def some_batches(matrix: Matrix, driver: Driver, more: int = BATCHES) -> bool:
    """Every job of this driver finishes batches while bursts come."""
    world = matrix.world
    done = {job: world.progress(job).done + more for job in world.jobs}
    world.send_burst()
    return matrix.feed_until(driver, lambda: all(world.progress(job).done >= n for job, n in done.items()))


def at_work(matrix: Matrix, driver: Driver, more: int = BATCHES) -> None:
    """Every job of this driver has finished batches before anything befalls it: else a scenario proves nothing."""
    if not some_batches(matrix, driver, more):
        told = last_failure(matrix) or f"its status is {driver.status}"
        matrix.outcome.violations.append(f"a driver did not come to work before its fault: {told}")


def revived(matrix: Matrix, driver: Driver) -> None:
    """The driver has gone on by itself, or each job that has not has ended with a line of its own since the driver began;
    then another takes over, as a supervisor would have it.
    """
    done = {job: matrix.world.progress(job).done for job in matrix.world.jobs}
    if some_batches(matrix, driver):
        matrix.say("  it went on by itself")
        return
    told = dict(failed_jobs(matrix.world.output, driver.said_from))
    matrix.outcome.violations += _silent(matrix, done, told)
    matrix.outcome.violations += [f"{job} ended without a cure: {why}" for job, why in told.items() if UNKNOWN in why]
    matrix.say(f"  a job ended, another driver takes over: {told}")


def _silent(matrix: Matrix, done: dict[str, int], told: dict[str, str]) -> Iterator[str]:
    """Jobs with records to read that did not go on since and said nothing. One that is fed by a job that ended has none."""
    if not told:
        yield "after the fault a driver neither worked nor said why"
    for job, lag in gather.lags(matrix.world).items():
        if lag and job not in told and matrix.world.progress(job).done < done[job] + BATCHES:
            yield f"after the fault {job} neither worked nor said why: {lag} records wait"


def fails_with(matrix: Matrix, driver: Driver, told: str, what: str) -> None:
    """Bursts come until a job has ended with 1, or the whole driver has; the line says `told`, and what to do."""
    since = driver.said_from
    matrix.feed_until(driver, lambda: any(told in line for line in matrix.world.failures(since)))
    driver.ended_within(0.1)
    line = (matrix.world.failures(since) or [""])[-1]
    matrix.say(f"  {what}: {line}")
    if told not in line or " — " not in line or UNKNOWN in line:
        matrix.outcome.violations.append(f"{what}: no line that says {told!r} and what to do: {line or 'nothing'}")


def last_failure(matrix: Matrix) -> str:
    """Why a job of some driver ended last, in the line that is for a person."""
    return (matrix.world.failures() or [""])[-1]


def not_run(say: Say, name: str, why: str) -> Outcome:
    """Told, and counted as neither hit nor broken."""
    say(f"  not run: {why}")
    return Outcome(misses=Counter([f"{name} (not run: {why})"]))
