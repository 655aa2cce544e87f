"""What stands outside the product, started beside something else that takes its time."""

from __future__ import annotations

import threading
from typing import Protocol


class Startable(Protocol):
    """A process that returns from `start` when it can be used."""

    def start(self) -> object:
        """Starts it; raises where it does not come up."""
        ...


class Outside(threading.Thread):
    """Starts processes one after the other; what goes wrong is raised to who waits."""

    def __init__(self, *processes: Startable) -> None:
        super().__init__(daemon=True)
        self._processes = processes
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            for process in self._processes:
                process.start()
        except Exception as error:  # noqa: BLE001  (raised again in the thread that waits)
            self._error = error

    def wait(self) -> None:
        """Return when all of them are up."""
        self.join()
        if self._error is not None:
            raise self._error
