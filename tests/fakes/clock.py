"""Time that passes when it is told to."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

BEGINNING = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


class FakeClock:
    """A clock whose sleep returns at once, having moved the time; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = 0.0
        self._ahead = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._passed + self._ahead)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._passed += max(seconds, 0.0)
            self.sleeps.append(seconds)

    def advance(self, seconds: float) -> None:
        """Time passes while nobody sleeps."""
        with self._lock:
            self._passed += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock on the wall forward, or back; no time passes."""
        with self._lock:
            self._ahead += seconds
