"""A pace that is never exceeded, whatever came before."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from claimx_lib.domain.clock import Clock

HEADROOM = 0.05
"""Part of the limit left unused: calls reach the server up to 50 ms unevenly, and the limit holds there too."""

_CATCH_UP_SECONDS = 0.01


class RateLimiter:
    """At most `per_second` permits in any window of one second: after a start, an idle hour, a stall or a reopened
    circuit alike.

    Permits are paced, not saved up: there is no bucket that could burst. Thread-safe; waiters queue for one lock, so
    that a permit wakes one thread only. A permit that comes late may be caught up by 10 ms, no more: a process that
    stood still does not release what it missed.
    """

    __slots__ = ("_clock", "_held_until", "_holding", "_lock", "_next", "_spacing")

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next = -math.inf
        self._holding = threading.Lock()
        self._held_until = -math.inf
        self._spacing = _spacing(per_second)

    def set_pace(self, per_second: float) -> None:
        """From the next permit on; what was granted before still counts."""
        with self._lock:
            self._spacing = _spacing(per_second)

    def acquire(self, deadline: float = math.inf, is_cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Waits for a permit; False, and none taken, when it would come after `deadline` or nobody wants it any more.

        `deadline` is a point of `clock.monotonic()`.
        """
        with self._lock:
            due = max(self._clock.monotonic(), self._next)
            while True:
                due = max(due, self._held_until)  # a hold may come while this one sleeps
                if due >= deadline or is_cancelled():
                    return False
                rest = due - self._clock.monotonic()
                if rest <= 0:
                    break
                self._clock.sleep(rest)
            self._next = max(due, self._clock.monotonic() - _CATCH_UP_SECONDS) + self._spacing
            return True

    def hold(self, seconds: float) -> None:
        """No permit for the next `seconds`, not to those who wait already either: what a 429 asks of all who share the limit."""
        until = self._clock.monotonic() + seconds
        with self._holding:  # not the waiters' lock, which one of them keeps while it sleeps
            self._held_until = max(self._held_until, until)


def pause_after(per_second: float, limiters: int) -> float:
    """Seconds after which as many other limiters may follow on those that shared the pace: each one's own spacing."""
    return limiters * _spacing(per_second)


def _spacing(per_second: float) -> float:
    if not per_second > 0:
        message = "per_second must be positive"
        raise ValueError(message)
    return 0.0 if math.isinf(per_second) else (1.0 + HEADROOM) / per_second
