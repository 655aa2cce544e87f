"""Taking turns on a machine that others measure on too: one lock file, held for some minutes and free between two turns."""

from __future__ import annotations

import fcntl
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
    """An exclusive lock on a file around each run, kept from run to run until the turn's time is up."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: IO[str] | None = None
        self._since = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self._held is None:
            time.sleep(LET_OTHERS_SECONDS)
            self._held = self._file.open("a")
            fcntl.flock(self._held, fcntl.LOCK_EX)
            self._since = time.monotonic()
        try:
            yield
        finally:
            if time.monotonic() - self._since >= TURN_SECONDS:
                self.end()

    def end(self) -> None:
        """The lock is free when this returns."""
        if self._held is not None:
            self._held.close()
            self._held = None
