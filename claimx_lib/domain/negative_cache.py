"""Misses remembered for a short time, so that a claim that ClaimX does not know is not asked for at once again."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from claimx_lib.domain.claim_number import claim_key
from claimx_lib.domain.clock import SYSTEM_CLOCK, Clock

SWEEP_FROM = 10_000
"""Keys from which an addition forgets what has expired, at most once in the time to live."""


@dataclass(slots=True, kw_only=True)
class NegativeCache:
    """Formats for which ClaimX honestly said "none" less than `ttl_seconds` ago.

    Only an honest "none" may be put in: the caller never remembers an outage. Threads may share it.
    """

    ttl_seconds: float
    clock: Clock = SYSTEM_CLOCK
    _expiry: dict[str, dict[str, float]] = field(default_factory=dict)
    _sweep_at: float = -math.inf
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, claim_format: str) -> None:
        """Keep the miss of this format until the time to live has passed."""
        if self.ttl_seconds <= 0:
            return
        key, now = claim_key(claim_format), self.clock.monotonic()
        with self._lock:
            if len(self._expiry) >= SWEEP_FROM and now >= self._sweep_at:
                self._sweep(now)
            self._expiry.setdefault(key, {})[claim_format] = now + self.ttl_seconds

    def is_miss(self, claim_format: str) -> bool:
        """Tell whether this very format was a miss a short time ago."""
        with self._lock:
            expires_at = self._expiry.get(claim_key(claim_format), {}).get(claim_format)
        return expires_at is not None and self.clock.monotonic() < expires_at

    def forget(self, key: str) -> None:
        """Drop every miss of one claim key: its mapping has changed."""
        with self._lock:
            self._expiry.pop(key, None)

    @property
    def size(self) -> int:
        """The keys kept, expired ones included until the next sweep."""
        return len(self._expiry)

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + self.ttl_seconds
        self._expiry = {key: left for key, kept in self._expiry.items() if (left := _alive(kept, now))}


def _alive(kept: dict[str, float], now: float) -> dict[str, float]:
    return {text: expires_at for text, expires_at in kept.items() if now < expires_at}
