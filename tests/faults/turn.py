"""Taking turns on a machine that others measure on too: one lock file, held for a run and free between two."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

Turn = Callable[[], AbstractContextManager[None]]
LET_OTHERS_SECONDS = 0.5
"""Free for so long before it is asked for again: who waits for the lock is awake by then."""


def no_turns() -> AbstractContextManager[None]:
    """Nobody else is there."""
    return nullcontext()


def turns_of(file: Path | None) -> Turn:
    """Holds an exclusive lock on the file for as long as the block runs; without a file, nothing."""
    if file is None:
        return no_turns

    @contextmanager
    def held() -> Iterator[None]:
        time.sleep(LET_OTHERS_SECONDS)
        with file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    return held
