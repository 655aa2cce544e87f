"""Taking turns on a machine that others measure on too: one lock file, held for some minutes and free between two turns."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO

Turn = Callable[[], AbstractContextManager[None]]
TURN_SECONDS = 360.0
"""A turn ends with the first run that ends after so long."""
LET_OTHERS_SECONDS = 0.5
"""Free for so long before it is asked for again: who waits for the lock is awake by then."""


def no_turns() -> AbstractContextManager[None]:
    """Nobody else is there."""
    return nullcontext()


class Turns:
    """An exclusive lock on a file around each run, kept from run to run until the turn's time is up.

    Worlds side by side share it: once its time is up none begins another run, and the last to end one sets it free.
    """

    def __init__(self, file: Path, *, seconds: float = TURN_SECONDS) -> None:
        self._file = file
        self._seconds = seconds
        self._held: IO[str] | None = None
        self._until = 0.0
        self._running = 0
        self._lock = threading.Condition()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._lock.wait_for(lambda: self._held is None or time.monotonic() < self._until)
            if self._held is None:
                self._take()
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running and time.monotonic() >= self._until:
                    self._end()

    def _take(self) -> None:
        time.sleep(LET_OTHERS_SECONDS)
        self._held = self._file.open("a")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        self._until = time.monotonic() + self._seconds

    def _end(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        self._lock.notify_all()
