"""Named faults that are no kill inside a batch: each befalls a running driver; then all is drained and checked."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable

from tests.fakes.claimx import TOKEN
from tests.faults import scenarios_beside, scenarios_kills, scenarios_storage
from tests.faults.acts import Say, at_work, last_failure, new_matrix, revived, some_batches
from tests.faults.driver import Driver
from tests.faults.matrix import Matrix, Outcome
from tests.faults.stack import Stack

STOPPED_SECONDS = 60.0
BROKER_DOWN_SECONDS = 8.0
OUTAGE_SECONDS, BACKLOG_BURSTS = 30.0, 5
BAD_ANSWERS = ("hang", "drip", "garbage", "truncated_json", "html", "cut_short", "not_http", "redirect",
               "hang_after_commit")  # fmt: skip
REFUSALS = (401, 403)


def play(name: str, shared: Stack, seed: int, say: Say) -> Outcome:
    """The scenario's outcome: what it is called counts as hit where it came about."""
    say(f"scenario {name}, seed {seed}")
    with shared.turn():
        return SCENARIOS[name](shared, seed, say)


def broker_restart(shared: Stack, seed: int, say: Say) -> Outcome:
    """The broker goes away for some seconds amid a batch, and comes back with its data."""
    outcome = Outcome()
    for pipeline in ("identity", "tracking"):
        matrix = new_matrix(shared, seed, say, pipeline)
        with matrix.driver() as driver:
            at_work(matrix, driver)
            begun = matrix.world.begun()
            if not matrix.feed_until(driver, lambda world=matrix.world, begun=begun: world.is_in_batch(begun)):
                matrix.outcome.violations.append(
                    "no batch was begun to stop the broker amid: the scenario proves nothing"
                )
            shared.broker.stop()
            driver.ended_within(BROKER_DOWN_SECONDS)
            shared.broker.start()
            revived(matrix, driver)
        outcome = outcome.plus(matrix.finished(f"broker stopped and started, {pipeline}"))
    return outcome


def stopped_process(shared: Stack, seed: int, say: Say) -> Outcome:
    """The driver stands still for a minute amid its POSTs, longer than its INTENTs live, or while its workers look up, and goes on."""
    outcome = Outcome()
    for pipeline, sent in (("identity", Matrix.posts), ("tracking", Matrix.calls)):
        matrix = new_matrix(shared, seed, say, pipeline)
        with matrix.driver() as driver:
            _stopped_amid(matrix, driver, sent)
            revived(matrix, driver)
        outcome = outcome.plus(matrix.finished(f"SIGSTOP for {STOPPED_SECONDS:g} s, then SIGCONT, {pipeline}"))
    return outcome


def _stopped_amid(matrix: Matrix, driver: Driver, sent: Callable[[Matrix], int]) -> None:
    before = sent(matrix)
    if not matrix.feed_until(driver, lambda: sent(matrix) > before):
        matrix.outcome.violations.append("nothing was sent to stop amid: the scenario proves nothing")
    driver.signal(signal.SIGSTOP)
    driver.ended_within(STOPPED_SECONDS)
    driver.signal(signal.SIGCONT)


def killed_worker(shared: Stack, seed: int, say: Say) -> Outcome:
    """The Python workers that call ClaimX are killed amid their calls: Spark runs the task again."""
    matrix = new_matrix(shared, seed, say, "tracking")
    with matrix.driver() as driver:
        at_work(matrix, driver)
        matrix.world.simulator.control.fault("latency", seconds=0.5)
        calls = matrix.calls()
        if not matrix.feed_until(driver, lambda: matrix.calls() > calls):
            matrix.outcome.violations.append("nobody called ClaimX: the scenario proves nothing")
        killed = driver.kill_workers()
        say(f"  {killed} workers killed")
        if not killed:
            matrix.outcome.violations.append("no Python worker was there to be killed: the scenario proves nothing")
        revived(matrix, driver)
    return matrix.finished("Python workers killed")


def refused_token(shared: Stack, seed: int, say: Say) -> Outcome:
    """ClaimX refuses the token in mid-run (401) until it is the right one again; no attempt is used up.

    Then it forbids everything for a while (403), which is for a person where it meets a POST.
    """
    matrix = new_matrix(shared, seed, say)
    token = matrix.world.folder / "token"
    with matrix.driver() as driver:
        at_work(matrix, driver)
        token.write_text("another")
        _refused(matrix, driver, 401)
        token.write_text(TOKEN)
        revived(matrix, driver)
    with matrix.driver() as driver:
        matrix.world.simulator.control.fault("status", status=403, count=10)
        _refused(matrix, driver, 403)
        revived(matrix, driver)
    return matrix.finished("401 and 403 in mid-run, then the token restored")


def _refused(matrix: Matrix, driver: Driver, status: int) -> None:
    before = matrix.calls_with(status)
    matrix.world.send_burst()
    if not matrix.feed_until(driver, lambda: matrix.calls_with(status) > before):
        matrix.outcome.violations.append(f"nothing was answered {status}: the scenario proves nothing")


def bad_answers(shared: Stack, seed: int, say: Say) -> Outcome:
    """ClaimX hangs, drips, answers garbage, half of its JSON, pages, half of a body, no HTTP, and points elsewhere, each
    to one call in twenty, and at least to one. Tracking writes its rows all the same, `failed` where no details came.
    """
    outcome = Outcome()
    for pipeline in ("identity", "tracking"):
        matrix = new_matrix(shared, seed, say, pipeline)
        before = matrix.befallen()
        for number, kind in enumerate(BAD_ANSWERS):
            matrix.world.simulator.control.fault(kind, probability=0.05, seed=seed * 10 + number, seconds=0.05)
        with matrix.driver() as driver:
            if not some_batches(matrix, driver, more=6):
                matrix.outcome.violations.append(f"bad answers stopped a driver: {last_failure(matrix)}")
            _each_given(matrix, driver, before)
        outcome = outcome.plus(matrix.finished(f"hang, drip, garbage, truncated, HTML, no HTTP, redirect, {pipeline}"))
    return outcome


def _each_given(matrix: Matrix, driver: Driver, before: Counter[str]) -> None:
    """Every kind of bad answer was given since then; those that chance has left out come to the next calls."""

    def left() -> list[str]:
        given = matrix.befallen() - before
        return [kind for kind in BAD_ANSWERS if not given[kind]]

    for kind in left():
        matrix.world.simulator.control.fault(kind, count=1, seconds=0.05)
    if not matrix.feed_until(driver, lambda: not left()):
        matrix.outcome.violations.append(f"never answered so: {', '.join(left())}: the scenario proves nothing of them")


def outage(shared: Stack, seed: int, say: Say) -> Outcome:
    """ClaimX is gone, every connection reset, until circuits have opened and a backlog waits; then it is back, and
    nobody calls faster than the limit, from the first call on.
    """
    outcome = Outcome()
    for pipeline in ("identity", "tracking"):
        matrix = new_matrix(shared, seed, say, pipeline)
        control = matrix.world.simulator.control
        with matrix.driver() as driver:
            at_work(matrix, driver)
            control.clear_faults()
            _until_circuits_open(matrix, driver)
            for _ in range(BACKLOG_BURSTS):
                matrix.world.send_burst()
            control.clear_faults()
            matrix.world.spoil_api()
            if not some_batches(matrix, driver):
                matrix.outcome.violations.append(f"an outage stopped a driver: {last_failure(matrix)}")
        outcome = outcome.plus(matrix.finished(f"ClaimX gone for {OUTAGE_SECONDS:g} s, back to a backlog, {pipeline}"))
    return outcome


def _until_circuits_open(matrix: Matrix, driver: Driver) -> None:
    """Every connection is reset for some time, and until a circuit has had the failures that open it."""
    before, back_at = matrix.befallen()["reset"], time.monotonic() + OUTAGE_SECONDS
    least = matrix.world.settings.claimx.circuit.failures
    matrix.world.simulator.control.fault("reset")

    def resets() -> int:
        return matrix.befallen()["reset"] - before

    if not matrix.feed_until(driver, lambda: time.monotonic() >= back_at and resets() >= least):
        told = f"{resets()} calls met a ClaimX that was gone, a circuit opens at {least}: the scenario proves nothing"
        matrix.outcome.violations.append(told)


SCENARIOS: dict[str, Callable[[Stack, int, Say], Outcome]] = {
    "random-kills": scenarios_kills.random_kills,
    "merge-kills": scenarios_kills.kills_amid_merges,
    "broker-restart": broker_restart,
    "sigstop": stopped_process,
    "worker-killed": killed_worker,
    "token-refused": refused_token,
    "bad-answers": bad_answers,
    "api-outage": outage,
    "second-instance": scenarios_beside.second_instance,
    "upkeep-beside": scenarios_beside.upkeep_beside,
    "flood": scenarios_beside.flood,
    "new-checkpoint": scenarios_storage.new_checkpoint,
    "damaged-checkpoint": scenarios_storage.damaged_checkpoint,
    "read-only-checkpoint": scenarios_storage.read_only_checkpoint,
    "full-disk": scenarios_storage.full_disk,
    "damaged-delta-logs": scenarios_storage.damaged_delta_logs,
    "changed-tables": scenarios_storage.changed_tables,
    "table-made-anew": scenarios_storage.table_made_anew,
}
