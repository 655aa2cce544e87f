from __future__ import annotations

import fcntl
import threading
from pathlib import Path

from tests.faults.turn import Turns


def is_free(file: Path) -> bool:
    with file.open("a") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_worlds_side_by_side_share_a_turn(tmp_path: Path) -> None:
    """Two runs hold the lock together, and it stays held between runs until the turn's time is up."""
    turns, file, both = Turns(tmp_path / "lock"), tmp_path / "lock", threading.Barrier(2, timeout=10)

    def a_run() -> None:
        with turns():
            both.wait()

    threads = [threading.Thread(target=a_run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not is_free(file)


def test_a_turn_ends_with_the_last_run_in_it(tmp_path: Path) -> None:
    """Once its time is up the lock is free as soon as nobody runs, and is taken again by the next run."""
    turns, file = Turns(tmp_path / "lock", seconds=0.0), tmp_path / "lock"
    for _ in range(2):
        with turns():
            assert not is_free(file)
        assert is_free(file)
