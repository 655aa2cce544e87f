"""When to ask again, and when to stop asking."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from claimx_lib.domain.api import ApiAnswer, ApiOutcome
from claimx_lib.domain.clock import Clock

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
"""A server that asks for more than a day is taken to mean a day."""

_SECONDS = re.compile(r"\d{1,20}(\.\d{1,9})?", re.ASCII)
_LOOK_UP_EVERY_SECONDS = 0.25
_OVERFLOWS_FROM_ATTEMPT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how far apart: `backoff_base ** retry` seconds, at most `backoff_max_seconds`.

    `max_retries` counts tries after the first. `jitter` is the part of each delay that chance may take away:
    0 none, 1 all of it.
    """

    max_retries: int = 3
    backoff_base: float = 2.0
    backoff_max_seconds: float = 60.0
    jitter: float = 0.5

    @property
    def max_attempts(self) -> int:
        """The first try and all that may follow."""
        return self.max_retries + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Every answer of one question, in order; the last one decides."""

    answers: tuple[ApiAnswer, ...]

    @property
    def last(self) -> ApiAnswer:
        """The answer that counts."""
        return self.answers[-1]


def delay_before(attempt: int, policy: RetryPolicy, retry_after: float | None, random: Callable[[], float]) -> float:
    """Seconds to wait before `attempt` (2 is the first retry); never less than the server asked for.

    `random` gives values in [0, 1).
    """
    exponent = min(attempt - 1, _OVERFLOWS_FROM_ATTEMPT)
    backoff = min(policy.backoff_base**exponent, policy.backoff_max_seconds)
    waited = backoff * (1.0 - policy.jitter * random())
    return max(waited, retry_after or 0.0)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """What a `Retry-After` header asks for, from 0 to a day; None where it is missing, negative or unreadable."""
    if header is None:
        return None
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_RETRY_AFTER_SECONDS)
    wanted = _http_date(text)
    if wanted is None:
        return None
    seconds = (wanted - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def call_with_retries(
    call: Callable[[], ApiAnswer],
    policy: RetryPolicy,
    clock: Clock,
    deadline: float = math.inf,
    *,
    random: Callable[[], float],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Attempts:
    """Calls until the answer is not transient, the tries are used up, or the next one would start after `deadline`.

    `deadline` is a point of `clock.monotonic()`. The last real answer is kept: a wait that does not fit the budget
    ends with the failure that asked for it. Source: the specification's `max_retries`, `retry_backoff_base`,
    `retry_backoff_max`.
    """
    if clock.monotonic() >= deadline:
        return Attempts(answers=(ApiAnswer(kind=ApiOutcome.OUT_OF_TIME, error=str(ApiOutcome.OUT_OF_TIME)),))
    answers = [call()]
    while answers[-1].is_transient and len(answers) < policy.max_attempts:
        delay = delay_before(len(answers) + 1, policy, answers[-1].retry_after_seconds, random)
        if clock.monotonic() + delay >= deadline or not _slept(delay, clock, is_cancelled):
            break
        answers.append(call())
    return Attempts(answers=tuple(answers))


def _slept(seconds: float, clock: Clock, is_cancelled: Callable[[], bool]) -> bool:
    """False when the wait was given up; looked at often, so that an open circuit frees its waiters soon."""
    until = clock.monotonic() + seconds
    while not is_cancelled():
        left = until - clock.monotonic()
        if left <= 0:
            return True
        clock.sleep(min(left, _LOOK_UP_EVERY_SECONDS))
    return False
