"""What Python no longer needs, found in time, so that the JVM gets its half back.

Py4J keeps a JVM object until Python's collector has found the object that stands for it. Frames and columns lie in
cycles, which only a full collection finds, and Python puts that off until a quarter of its objects is new: some dozens
of batches, whose plans, broadcast tables and shuffle files the JVM keeps meanwhile (measured, `docs/reliability.md`).
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

SECONDS_BETWEEN = 10.0
"""A full collection took 0.10 to 0.16 s of a driver with 130,000 objects: two hundredths of the time at most."""


class Collector:
    """Collects at most once in `seconds_between`, for all jobs of an application together."""

    def __init__(
        self, seconds_between: float = SECONDS_BETWEEN, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds_between = seconds_between
        self._monotonic = monotonic
        self._due_at = monotonic()
        self._lock = threading.Lock()

    def collect_if_due(self) -> bool:
        """Collect in full if it is time to, and tell whether it was; while another thread collects it is not."""
        if self._monotonic() < self._due_at or not self._lock.acquire(blocking=False):
            return False
        try:
            gc.collect()
            self._due_at = self._monotonic() + self._seconds_between
        finally:
            self._lock.release()
        return True
