"""What happens beside a running driver: a second one, upkeep, people who decide and read; and floods of records."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.faults import gather
from tests.faults.acts import Say, at_work, last_failure, new_matrix, not_run, some_batches
from tests.faults.driver import ROOT, Driver
from tests.faults.feed import Feed, Item
from tests.faults.gather import TABLES
from tests.faults.matrix import Matrix, Outcome
from tests.faults.stack import Stack
from tests.faults.warm import WarmJvm
from tests.faults.world import failures_in

_OF_ANOTHER = re.compile("another process runs this job|concurren", re.IGNORECASE)
ROUNDS = 3
OLD_DAYS = 30
TIMES = 100
FLOOD_SECONDS = 300.0


def second_instance(shared: Stack, seed: int, say: Say) -> Outcome:
    """A second process runs the same jobs on the same checkpoint; both may work, either may end with its one line."""
    outcome = Outcome()
    for pipeline in ("identity", "tracking"):
        matrix = new_matrix(shared, seed, say, pipeline)
        said, said_too = matrix.world.output, matrix.world.folder / "second.log"
        with matrix.driver() as driver:
            at_work(matrix, driver)
            with replace(matrix, warm=None).driver(output=said_too) as second:
                matrix.feed_until(second, lambda: driver.status is not None)
                say(f"  first {driver.status}, second {second.status}: {failures_in(said) + failures_in(said_too)}")
                matrix.outcome.violations += _of_two(driver.status, said, second.status, said_too)
        with said.open("ab") as whole:
            whole.write(said_too.read_bytes())
        outcome = outcome.plus(matrix.finished(f"a second instance on one checkpoint, {pipeline}"))
    return outcome


def _of_two(first: int | None, said: Path, second: int | None, said_too: Path) -> Iterator[str]:
    """What is wrong with two instances that have ended so, or go on (None), by what each has said."""
    for which, status, output in (("first", first, said), ("second", second, said_too)):
        if status is not None and (status != 1 or not failures_in(output)):
            yield f"the {which} of two instances ended with {status} and no line"
    is_told = any(_OF_ANOTHER.search(line) for line in failures_in(said) + failures_in(said_too))
    if not is_told and b'"batch_id"' not in said_too.read_bytes():
        yield "the second of two instances came to no batch beside the first: the scenario proves nothing"


def upkeep_beside(shared: Stack, seed: int, say: Say) -> Outcome:
    """OPTIMIZE and VACUUM of every table, decisions of people, `claimx status` and readers of every table go on
    beside running streams of both pipelines: neither stops the other. Each VACUUM takes a file that is old enough.
    """
    if shared.warm is None:
        return not_run(say, "upkeep beside", "statements need the shared JVM: leave out --cold")
    outcome = Outcome()
    for pipeline in ("tracking", "identity"):
        matrix = new_matrix(shared, seed, say, pipeline)
        with matrix.driver() as driver:
            at_work(matrix, driver)
            for number in range(ROUNDS):
                matrix.world.send_burst()
                _upkeep(matrix, shared.warm, number)
            if not some_batches(matrix, driver):
                matrix.outcome.violations.append(f"upkeep beside a stream: it stopped: {last_failure(matrix)}")
        outcome = outcome.plus(matrix.finished(f"OPTIMIZE, VACUUM, decisions and readers beside it, {pipeline}"))
    return outcome


def _upkeep(matrix: Matrix, warm: WarmJvm, number: int) -> None:
    """One round; what fails is told as a breach."""
    world, warehouse = matrix.world, Path(matrix.world.settings.storage.warehouse)
    for table in TABLES[world.pipeline]:
        file = _old_file(warehouse / table)
        for statement in ("OPTIMIZE", "VACUUM"):
            warm.sql(f"{statement} delta.`{warehouse / table}`")
        if file.exists():
            matrix.outcome.violations.append(f"VACUUM of {table} left a file of nobody: the scenario proves nothing")
        gather.rows(world, table)
    for command in (("status",), *_decisions(matrix, number)):
        done = _claimx(*command, "--config", str(world.config))
        if done.returncode:
            matrix.outcome.violations.append(f"claimx {command[0]} beside a stream: {done.stderr.strip()[-300:]}")


def _decisions(matrix: Matrix, number: int) -> Iterator[tuple[str, ...]]:
    """What people decide meanwhile: a record that cannot be read is discarded, and a claim given a project."""
    who = ("--by", "faults", "--why", "a test")
    letters = gather.rows(matrix.world, "dead_letters", "dead_letter_id, state, reason")
    unread = [row["dead_letter_id"] for row in letters if (row["state"], row["reason"]) == ("OPEN", "undecodable")]
    if unread:
        yield "dlq", "discard", unread[0], *who
    else:
        matrix.outcome.violations.append("no dead letter was there to be decided: the scenario proves nothing of it")
    if matrix.world.pipeline == "identity":
        yield "mapping", "set", f"P-{number}", str(90_000 + number), *who


def _old_file(table: Path) -> Path:
    """A data file that no version of the table has and that is older than VACUUM spares; all others are minutes old."""
    file = table / "part-of-nobody.parquet"
    file.write_bytes(b"of nobody")
    long_ago = time.time() - OLD_DAYS * 86_400
    os.utime(file, (long_ago, long_ago))
    return file


def _claimx(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "claimx_lib.cli.main", *words], cwd=ROOT, env=os.environ, check=False,
                          capture_output=True, text=True, timeout=120)  # fmt: skip


def flood(shared: Stack, seed: int, say: Say) -> Outcome:
    """Each record of a burst comes a hundred times, backwards; then a hundred bursts at once, of one task or claim."""
    outcome = Outcome()
    for pipeline in ("tracking", "identity"):
        matrix = new_matrix(shared, seed, say, pipeline)
        world = matrix.world
        with matrix.driver() as driver:
            at_work(matrix, driver, more=1)
            world.send_burst(TIMES)
            _all_done(matrix, driver)
            world.sender.send(list(_hot(world.feed)))
            _all_done(matrix, driver)
        outcome = outcome.plus(
            matrix.finished(f"duplicates x{TIMES} backwards, a burst x{TIMES} of one key, {pipeline}")
        )
    return outcome


def _hot(feed: Feed) -> Iterable[Item]:
    for _ in range(TIMES):
        yield from feed.hot()


def _all_done(matrix: Matrix, driver: Driver) -> None:
    done = driver.until(lambda: not any(gather.lags(matrix.world).values()), FLOOD_SECONDS)
    if not done:
        matrix.outcome.violations.append(f"a flood was not read in {FLOOD_SECONDS:g} s: {gather.lags(matrix.world)}")
