"""When to ask again, and when to stop asking."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.api import ApiAnswer, ApiOutcome
from claimx_lib.domain.retry import (
    LONGEST_RETRY_AFTER_SECONDS,
    RetryPolicy,
    call_with_retries,
    delay_before,
    retry_after_seconds,
)
from tests.fakes.clock import BEGINNING, FakeClock

NO_JITTER = RetryPolicy(max_retries=3, backoff_base=2, backoff_max_seconds=60, jitter=0)
OK = ApiAnswer(kind=ApiOutcome.OK, status=200, body="{}")
DOWN = ApiAnswer(kind=ApiOutcome.UNAVAILABLE, status=503)


def never() -> float:
    """Chance that takes nothing away."""
    return 0.0


def asked(*answers: ApiAnswer, clock: FakeClock | None = None, deadline: float = 1e9, **options):
    """The attempts made when the server gives these answers in turn."""
    left = iter(answers)
    return call_with_retries(
        lambda: next(left), NO_JITTER, clock or FakeClock(), deadline, random=never, **options
    ).answers


def test_delays_double_up_to_the_limit():
    """Backoff 2 up to 60 seconds, as specified."""
    delays = [delay_before(attempt, NO_JITTER, None, never) for attempt in range(2, 10)]
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]


@given(
    attempt=st.integers(2, 10_000),
    chance=st.floats(0, 1, exclude_max=True),
    jitter=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, LONGEST_RETRY_AFTER_SECONDS),
)
def test_a_delay_is_never_shorter_than_asked_for_nor_longer_than_allowed(attempt, chance, jitter, retry_after):
    """Whatever chance says, `Retry-After` is a floor, and without it the limit holds."""
    policy = RetryPolicy(jitter=jitter)
    delay = delay_before(attempt, policy, retry_after, lambda: chance)
    assert max(retry_after or 0, 0) <= delay <= max(policy.backoff_max_seconds, retry_after or 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("9" * 18, LONGEST_RETRY_AFTER_SECONDS),
        ("-1", None),
        ("", None),
        ("soon", None),
        ("١٢", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        (None, None),
        (format_datetime(BEGINNING + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(BEGINNING - timedelta(days=1), usegmt=True), 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER_SECONDS),
        ("Fri, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    """Seconds, HTTP date, missing, negative, huge and garbage."""
    assert retry_after_seconds(header, BEGINNING) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9 A-Za-z:+-]{0,40}"))
def test_no_retry_after_header_can_hurt(header):
    """Any text gives a number from 0 to a day, or none."""
    seconds = retry_after_seconds(header, BEGINNING)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_SECONDS


def test_a_good_answer_ends_the_asking():
    """One failure, one retry, and no more than that."""
    assert asked(DOWN, OK) == (DOWN, OK)


def test_retries_end_after_max_retries():
    """Three tries after the first, and the last failure is the answer."""
    clock = FakeClock()
    assert asked(DOWN, DOWN, DOWN, DOWN, OK, clock=clock) == (DOWN,) * 4
    assert clock.monotonic() == 2 + 4 + 8


@pytest.mark.parametrize(
    "kind", [ApiOutcome.NOT_FOUND, ApiOutcome.UNAUTHORIZED, ApiOutcome.FORBIDDEN, ApiOutcome.REJECTED]
)
def test_what_will_not_change_is_not_asked_again(kind):
    """Only transient outcomes are worth a second try."""
    assert len(asked(ApiAnswer(kind=kind), OK)) == 1


def test_a_spent_budget_calls_nobody():
    """Beyond the deadline there is no call at all."""
    assert [answer.kind for answer in asked(OK, deadline=0.0)] == [ApiOutcome.OUT_OF_TIME]


def test_a_wait_beyond_the_budget_keeps_the_failure_that_asked_for_it():
    """A huge `Retry-After` ends the asking at once, with its own cause."""
    clock = FakeClock()
    limited = ApiAnswer(kind=ApiOutcome.RATE_LIMITED, status=429, retry_after_seconds=3600)
    assert asked(limited, OK, clock=clock, deadline=60) == (limited,)
    assert clock.monotonic() == 0


def test_a_cancelled_wait_ends_soon():
    """Somebody who waits for a retry leaves when nobody is to be called any more."""
    clock = FakeClock()
    assert asked(DOWN, OK, clock=clock, is_cancelled=lambda: clock.monotonic() > 0.5) == (DOWN,)
    assert clock.monotonic() < 1
