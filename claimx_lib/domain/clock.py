"""Time as an argument, so that no test sleeps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What may be asked of time."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Returns when `seconds` have passed."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own time; picklable, so it can travel to an executor."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Returns when `seconds` have passed."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
