"""Checkpoints and tables that are lost, cut, damaged, changed, full or read-only, while a driver runs or before it starts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake import DeltaTable

from tests.faults.acts import Say, at_work, fails_with, last_failure, new_matrix, not_run, revived, some_batches
from tests.faults.driver import Driver
from tests.faults.matrix import END_SECONDS, Matrix, Outcome
from tests.faults.stack import Stack

SMALL_DISK = "24m"
TRACKING = "itel_cabinet_task_tracking"


def new_checkpoint(shared: Stack, seed: int, say: Say) -> Outcome:
    """The checkpoints are lost: everything is read again, nothing is doubled, in both pipelines."""
    outcome = Outcome()
    for pipeline in ("tracking", "identity"):
        matrix = new_matrix(shared, seed, say, pipeline)
        with matrix.driver() as driver:
            at_work(matrix, driver)
        shutil.rmtree(matrix.world.settings.storage.checkpoints)
        outcome = outcome.plus(matrix.finished(f"new checkpoint, {pipeline}"))
    return outcome


def damaged_checkpoint(shared: Stack, seed: int, say: Say) -> Outcome:
    """A checkpoint whose newest file was cut to nothing is told in one line with its cure, and the cure holds."""
    matrix = new_matrix(shared, seed, say)
    with matrix.driver() as driver:
        at_work(matrix, driver)
    checkpoint = matrix.world.checkpoint("task_creation")
    newest = max((checkpoint / "offsets").glob("[0-9]*"), key=lambda file: int(file.name))
    newest.write_bytes(b"")
    with matrix.driver(available_now=True) as driver:
        if not driver.ended_within(END_SECONDS) or driver.status != 1 or "move it away" not in last_failure(matrix):
            matrix.outcome.violations.append(f"a cut checkpoint: status {driver.status}, {last_failure(matrix)}")
        say(f"  {last_failure(matrix)}")
    shutil.rmtree(checkpoint)
    return matrix.finished("checkpoint truncated")


def read_only_checkpoint(shared: Stack, seed: int, say: Say) -> Outcome:
    """The disk of the checkpoints becomes read-only in mid-run: it is told in a line; writable again, all goes on."""
    matrix = new_matrix(shared, seed, say)
    folder = Path(matrix.world.settings.storage.checkpoints)
    with small_disk(folder) as is_mounted:
        if not is_mounted:
            return _without_right(say, "read-only checkpoint")
        with matrix.driver() as driver:
            at_work(matrix, driver)
            _mount("-o", "remount,ro", str(folder))
            fails_with(matrix, driver, "can't be written", "a read-only checkpoint")
            _mount("-o", "remount,rw", str(folder))
        return matrix.finished("read-only checkpoint")


def full_disk(shared: Stack, seed: int, say: Say) -> Outcome:
    """Tables and checkpoints lie on a small tmpfs that fills up in mid-run; with space again all goes on."""
    outcome = Outcome()
    for pipeline in ("identity", "tracking"):
        outcome = outcome.plus(_full_disk(shared, seed, say, pipeline))
    return outcome


def _full_disk(shared: Stack, seed: int, say: Say, pipeline: str) -> Outcome:
    data = shared.folder / f"{pipeline}-{seed}" / "data"
    with small_disk(data) as is_mounted:
        if not is_mounted:
            return _without_right(say, "full disk")
        matrix = new_matrix(shared, seed, say, pipeline)
        with matrix.driver() as driver:
            at_work(matrix, driver)
            _fill(data / "filler")
            fails_with(matrix, driver, "disk is full", "a full disk")
            (data / "filler").unlink()
        return matrix.finished(f"full disk, {pipeline}")


def damaged_delta_logs(shared: Stack, seed: int, say: Say) -> Outcome:
    """The `_last_checkpoint` of every table is garbage when a driver starts: the logs are read without it. A checkpoint
    that is cut to nothing is told in one line with its cure, and the cure holds.
    """
    matrix = new_matrix(shared, seed, say)
    with matrix.driver() as driver:
        at_work(matrix, driver)
    for log in Path(matrix.world.settings.storage.warehouse).glob("*/_delta_log"):
        (log / "_last_checkpoint").write_bytes(b'{"version": \xff no JSON')
    with matrix.driver() as driver:
        revived(matrix, driver)
    _cut_checkpoint(matrix, Path(matrix.world.settings.storage.warehouse) / "xact_task_ledger")
    return matrix.finished("corrupt last checkpoint of every table")


def _cut_checkpoint(matrix: Matrix, table: Path) -> None:
    """The newest checkpoint of a table's log is empty when a driver starts; then it is moved away."""
    DeltaTable(table).create_checkpoint()
    log = table / "_delta_log"
    newest = max(log.glob("*.checkpoint*.parquet"))
    newest.write_bytes(b"")
    with matrix.driver() as driver:
        driver.ended_within(END_SECONDS)
        told = matrix.world.output.read_text().splitlines()[-1]
        matrix.say(f"  a cut checkpoint of a table: {driver.status}, {told}")
        if driver.status != 1 or "of its Delta log is damaged" not in told:
            matrix.outcome.violations.append(f"a cut checkpoint of a table: status {driver.status}, {told}")
    newest.unlink()
    (log / "_last_checkpoint").unlink(missing_ok=True)


def changed_tables(shared: Stack, seed: int, say: Say) -> Outcome:
    """In mid-run a table gains a column: nothing happens. One of its columns is retyped, it is dropped: the job ends
    with a line and its cure; once that is undone all goes on, with nothing lost or doubled.
    """
    matrix = new_matrix(shared, seed, say, "tracking")
    if matrix.warm is None:
        return not_run(say, "changed tables", "statements need the shared JVM: leave out --cold")
    table = Path(matrix.world.settings.storage.warehouse) / TRACKING
    with matrix.driver() as driver:
        at_work(matrix, driver)
        matrix.warm.sql(f"ALTER TABLE delta.`{table}` ADD COLUMNS (of_another STRING)")
        if not some_batches(matrix, driver):
            matrix.outcome.violations.append(f"a column was added: {last_failure(matrix) or 'nothing happened'}")
        _retyped(matrix, driver, table)
    with matrix.driver() as driver:
        at_work(matrix, driver)
        aside = table.rename(table.with_name("aside"))
        fails_with(matrix, driver, "no such Delta table", "a dropped table")
    if table.exists():
        matrix.outcome.violations.append("a bare table was made in the place of the one that was dropped")
        shutil.rmtree(table)
    aside.rename(table)
    return matrix.finished("column added, column retyped, table dropped")


def _retyped(matrix: Matrix, driver: Driver, table: Path) -> None:
    """A column is of another type until the job has ended; then the commit that did it is taken back."""
    assert matrix.warm is not None
    rows = f"SELECT * EXCEPT (assignment_id), CAST(assignment_id AS STRING) AS assignment_id FROM delta.`{table}`"  # noqa: S608  a path of ours
    matrix.warm.sql(f"CREATE OR REPLACE TABLE delta.`{table}` USING delta AS {rows}")
    retyped = DeltaTable(table).version()
    fails_with(matrix, driver, "has other columns than this version writes", "a retyped column")
    for file in (table / "_delta_log").glob(f"*{retyped:020}.*"):
        file.unlink()


def table_made_anew(shared: Stack, seed: int, say: Say) -> Outcome:
    """The tracking table is lost and made anew, with new checkpoints: each event has its row again, and one only."""
    matrix = new_matrix(shared, seed, say, "tracking")
    matrix.world.simulator.control.clear_faults()  # a row that is made twice must be made the same, but for its time
    matrix.world.rows_made_twice = True
    warehouse = Path(matrix.world.settings.storage.warehouse)
    with matrix.driver() as driver:
        at_work(matrix, driver)
    shutil.rmtree(warehouse / TRACKING)
    shutil.rmtree(matrix.world.settings.storage.checkpoints)
    shutil.copytree(shared.tables / TRACKING, warehouse / TRACKING)
    return matrix.finished("table made anew, with new checkpoints")


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A tmpfs of its own at the folder while the block runs; whether this process may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    is_mounted = _mount("-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder))
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run([shutil.which("umount") or "umount", "-l", str(folder)], check=False)


def _mount(*words: str) -> bool:
    command = [shutil.which("mount") or "mount", *words]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def _without_right(say: Say, name: str) -> Outcome:
    return not_run(say, name, "mounting a tmpfs takes root")


def _fill(file: Path) -> None:
    """Writes until there is no space left."""
    with file.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(65536))
        except OSError:
            return
