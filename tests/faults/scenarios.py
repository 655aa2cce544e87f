"""Named faults that are no kill inside a batch: each befalls a running driver; then all is drained and checked."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.fakes.claimx import TOKEN
from tests.faults.driver import Driver
from tests.faults.matrix import END_SECONDS, Matrix, Outcome
from tests.faults.stack import Stack

Say = Callable[[str], None]
STOPPED_SECONDS = 20.0
BROKER_DOWN_SECONDS = 8.0
SMALL_DISK = "24m"
BAD_ANSWERS = ("hang", "garbage", "truncated_json", "html", "cut_short", "not_http", "hang_after_commit")


def play(name: str, shared: Stack, seed: int, say: Say) -> Outcome:
    """The scenario's outcome: what it is called counts as hit where it came about."""
    say(f"scenario {name}, seed {seed}")
    with shared.turn():
        return SCENARIOS[name](shared, seed, say)


def _matrix(shared: Stack, seed: int, say: Say, pipeline: str = "identity") -> Matrix:
    matrix = Matrix(world=shared.world(seed, pipeline), warm=shared.warm, say=say)
    matrix.begin()
    return matrix


def _some_batches(matrix: Matrix, driver: Driver, more: int = 2) -> bool:
    """Every job of this driver finishes batches while bursts come."""
    world = matrix.world
    done = {job: world.progress(job).done + more for job in world.jobs}
    world.send_burst()
    return matrix.feed_until(driver, lambda: all(world.progress(job).done >= n for job, n in done.items()))


def _revived(matrix: Matrix, driver: Driver) -> None:
    """The driver has gone on by itself, or ended with 1; then another takes over, as a supervisor would have it."""
    if _some_batches(matrix, driver):
        matrix.say("  it went on by itself")
        return
    told = last_failure(matrix)
    if not told:
        matrix.outcome.violations.append(f"after the fault a driver neither worked nor said why ({driver.status})")
    matrix.say(f"  a job ended, another driver takes over: {told}")


def last_failure(matrix: Matrix) -> str:
    """Why a job of some driver ended last, in the line that is for a person."""
    lines = [line for line in matrix.world.output.read_text().splitlines() if '"job failed"' in line]
    return str(json.loads(lines[-1])["error"]) if lines else ""


def broker_restart(shared: Stack, seed: int, say: Say) -> Outcome:
    """The broker goes away for some seconds amid a batch, and comes back with its data."""
    matrix = _matrix(shared, seed, say)
    with matrix.driver() as driver:
        _some_batches(matrix, driver)
        matrix.world.send_burst()
        shared.broker.stop()
        driver.ended_within(BROKER_DOWN_SECONDS)
        shared.broker.start()
        _revived(matrix, driver)
    return matrix.finished("broker stopped and started")


def stopped_process(shared: Stack, seed: int, say: Say) -> Outcome:
    """The driver stands still for 20 s amid its POSTs, longer than its INTENTs live, and goes on."""
    matrix = _matrix(shared, seed, say)
    with matrix.driver() as driver:
        posts = matrix.posts()
        if matrix.feed_until(driver, lambda: matrix.posts() > posts):
            driver.signal(signal.SIGSTOP)
            driver.ended_within(STOPPED_SECONDS)
            driver.signal(signal.SIGCONT)
            _revived(matrix, driver)
    return matrix.finished("SIGSTOP for 20 s, then SIGCONT")


def refused_token(shared: Stack, seed: int, say: Say) -> Outcome:
    """ClaimX refuses the token in mid-run (401) until it is the right one again; no attempt is used up."""
    matrix = _matrix(shared, seed, say)
    token = matrix.world.folder / "token"
    with matrix.driver() as driver:
        _some_batches(matrix, driver)
        token.write_text("another")
        before = matrix.calls_with(401)
        if not matrix.feed_until(driver, lambda: matrix.calls_with(401) > before):
            matrix.outcome.violations.append("the wrong token was never tried: the scenario proves nothing")
        token.write_text(TOKEN)
        _revived(matrix, driver)
    return matrix.finished("401 in mid-run, then the token restored")


def bad_answers(shared: Stack, seed: int, say: Say) -> Outcome:
    """ClaimX hangs, answers garbage, half of its JSON, pages, half of a body, no HTTP, each to one call in twenty."""
    matrix = _matrix(shared, seed, say)
    for number, kind in enumerate(BAD_ANSWERS):
        matrix.world.simulator.control.fault(kind, probability=0.05, seed=seed * 10 + number)
    with matrix.driver() as driver:
        _some_batches(matrix, driver, more=6)
    return matrix.finished("hang, garbage, truncated, HTML, no HTTP")


def bad_answers_tracking(shared: Stack, seed: int, say: Say) -> Outcome:
    """The same to the calls of tracking: rows are written, `failed` where no details came."""
    matrix = _matrix(shared, seed, say, "tracking")
    for number, kind in enumerate(BAD_ANSWERS):
        matrix.world.simulator.control.fault(kind, probability=0.05, seed=seed * 10 + number)
    with matrix.driver() as driver:
        _some_batches(matrix, driver, more=6)
    return matrix.finished("hang, garbage, truncated, HTML, no HTTP")


def second_instance(shared: Stack, seed: int, say: Say) -> Outcome:
    """A second process runs the same jobs on the same checkpoint; both may work, either may end with its one line."""
    matrix = _matrix(shared, seed, say)
    other = replace(matrix, warm=None)
    with matrix.driver() as driver:
        _some_batches(matrix, driver)
        with other.driver() as second:
            both = matrix.feed_until(second, lambda: driver.status is not None)
            ended = (
                f"first {driver.status}, second {second.status}, {'the first' if both else 'not the first'} gave way"
            )
            say(f"  {ended}: {last_failure(matrix)}")
    return matrix.finished("a second instance on one checkpoint")


def new_checkpoint(shared: Stack, seed: int, say: Say) -> Outcome:
    """The checkpoints are lost: everything is read again, nothing is doubled, in both pipelines."""
    outcome = Outcome()
    for pipeline in ("tracking", "identity"):
        matrix = _matrix(shared, seed, say, pipeline)
        with matrix.driver() as driver:
            _some_batches(matrix, driver)
        shutil.rmtree(matrix.world.settings.storage.checkpoints)
        outcome = outcome.plus(matrix.finished(f"new checkpoint, {pipeline}"))
    return outcome


def full_disk(shared: Stack, seed: int, say: Say) -> Outcome:
    """Tables and checkpoints lie on a small tmpfs that fills up in mid-run; with space again all goes on."""
    data = shared.folder / f"identity-{seed}" / "data"
    data.mkdir(parents=True)
    if not _mounted(data):
        say("  not run: mounting a tmpfs takes root")
        return Outcome(misses=Counter(["full disk (not run: no right to mount)"]))
    try:
        matrix = _matrix(shared, seed, say)
        with matrix.driver() as driver:
            _some_batches(matrix, driver)
            _fill(data / "filler")
            matrix.feed_until(driver, lambda: False)
            say(f"  ended with {driver.status}: {last_failure(matrix)}")
            if "disk is full" not in last_failure(matrix):
                matrix.outcome.violations.append(f"a full disk is not what it says: {last_failure(matrix)}")
            (data / "filler").unlink()
        return matrix.finished("full disk")
    finally:
        subprocess.run([shutil.which("umount") or "umount", "-l", str(data)], check=False)


def damaged_checkpoint(shared: Stack, seed: int, say: Say) -> Outcome:
    """A checkpoint whose newest file was cut to nothing is told in one line with its cure, and the cure holds."""
    matrix = _matrix(shared, seed, say)
    with matrix.driver() as driver:
        _some_batches(matrix, driver)
    world = matrix.world
    checkpoint = world.checkpoint("task_creation")
    newest = max((checkpoint / "offsets").glob("[0-9]*"), key=lambda file: int(file.name))
    newest.write_bytes(b"")
    with matrix.driver(available_now=True) as driver:
        if not driver.ended_within(END_SECONDS) or driver.status != 1 or "move it away" not in last_failure(matrix):
            matrix.outcome.violations.append(f"a cut checkpoint: status {driver.status}, {last_failure(matrix)}")
        say(f"  {last_failure(matrix)}")
    shutil.rmtree(checkpoint)
    return matrix.finished("checkpoint truncated")


def _mounted(folder: Path) -> bool:
    words = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    return subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode == 0


def _fill(file: object) -> None:
    """Writes until there is no space left."""
    with open(str(file), "wb", buffering=0) as filler:  # noqa: PTH123 # unbuffered, so that its end is the disk's
        try:
            while True:
                filler.write(bytes(65536))
        except OSError:
            return


SCENARIOS: dict[str, Callable[[Stack, int, Say], Outcome]] = {
    "broker-restart": broker_restart,
    "sigstop": stopped_process,
    "token-refused": refused_token,
    "bad-answers": bad_answers,
    "bad-answers-tracking": bad_answers_tracking,
    "second-instance": second_instance,
    "new-checkpoint": new_checkpoint,
    "full-disk": full_disk,
    "damaged-checkpoint": damaged_checkpoint,
}
