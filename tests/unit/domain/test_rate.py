"""A pace that is never exceeded."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claimx_lib.domain.rate import RateLimiter, pause_after
from claimx_lib.transforms.enrichment import partitions_for
from tests.fakes.clock import FakeClock


def most_in_a_second(instants: list[float]) -> int:
    """The largest number of permits in any window of one second."""
    return max((sum(start <= at < start + 1 for at in instants) for start in instants), default=0)


@given(
    per_second=st.sampled_from([0.5, 1, 2.5, 7, 100]),
    pauses=st.lists(st.floats(0, 5) | st.just(0.0), max_size=60),
)
@settings(max_examples=50)
def test_no_second_has_more_than_the_limit(per_second, pauses):
    """Whenever permits are asked for (at once, after idling, in bursts), no window of a second has too many."""
    clock = FakeClock()
    limiter = RateLimiter(per_second, clock)
    granted = []
    for pause in pauses:
        clock.advance(pause)
        assert limiter.acquire()
        granted.append(clock.monotonic())
    assert most_in_a_second(granted) <= max(1, math.ceil(per_second))


def test_an_idle_hour_saves_nothing_up():
    """I11: right after a long pause the pace is the same as ever."""
    clock = FakeClock()
    limiter = RateLimiter(10, clock)
    limiter.acquire()
    clock.advance(3600)
    granted = [clock.monotonic() for _ in range(40) if limiter.acquire()]
    assert most_in_a_second(granted) <= 10


def test_the_pace_is_used():
    """The limit is a promise about most, not an excuse for little: 90 of 100 permits come in a second."""
    clock = FakeClock()
    limiter = RateLimiter(100, clock)
    granted = [clock.monotonic() for _ in range(500) if limiter.acquire()]
    assert most_in_a_second(granted) >= 90


def test_a_permit_beyond_the_deadline_is_refused_and_not_used_up():
    """Who can't wait takes nothing from those who can."""
    clock = FakeClock()
    limiter = RateLimiter(1, clock)
    assert limiter.acquire()
    assert not limiter.acquire(deadline=0.5)
    assert limiter.acquire(deadline=2.0)


def test_nobody_waits_for_a_permit_that_is_not_wanted():
    """When calling has stopped, waiting stops."""
    limiter = RateLimiter(1, FakeClock())
    assert not limiter.acquire(is_cancelled=lambda: True)


def test_a_hold_holds_everybody():
    """What a 429 asks for delays the next permit, whoever takes it."""
    clock = FakeClock()
    limiter = RateLimiter(math.inf, clock)
    assert limiter.acquire()
    limiter.hold(7)
    assert limiter.acquire()
    assert clock.monotonic() == 7


def test_a_hold_holds_those_who_wait_already():
    """Who was to call next when the 429 came calls after it, and so do all behind: nobody had to finish first."""

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.sleeps) == 1:
                limiter.hold(60)

    clock = Interrupted()
    limiter = RateLimiter(1, clock)
    limiter.acquire()
    assert limiter.acquire()
    assert clock.monotonic() > 60
    limiter.hold(30)
    assert not limiter.acquire(deadline=clock.monotonic() + 29)


def test_a_changed_pace_holds_from_the_next_permit():
    """The share of a partition may change between batches; the past still counts."""
    clock = FakeClock()
    limiter = RateLimiter(1, clock)
    limiter.acquire()
    limiter.set_pace(100)
    limiter.acquire()
    assert clock.monotonic() > 1
    limiter.acquire()
    assert clock.monotonic() < 1.2


def test_a_pace_is_positive():
    """Nought calls a second is no pace."""
    with pytest.raises(ValueError, match="positive"):
        RateLimiter(0, FakeClock())


def test_threads_share_one_pace():
    """Many waiters, one limit."""
    clock = FakeClock()
    limiter = RateLimiter(50, clock)
    granted: list[float] = []

    def take() -> None:
        for _ in range(20):
            limiter.acquire()
            granted.append(clock.monotonic())

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 160
    assert clock.monotonic() >= 159 / 50


@given(
    per_second=st.sampled_from([0.5, 1, 3, 10, 25, 50, 100]),
    batches=st.lists(st.tuples(st.integers(1, 1_000), st.floats(0, 2)), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_workers_that_share_a_pace_keep_it_from_batch_to_batch(per_second, batches):
    """I11: whatever workers a batch gets, and whenever it follows the last one, no second has too many calls."""
    granted, start = [], 0.0
    for rows, later in batches:
        workers = partitions_for(rows, 4, per_second)
        ends = [start]
        for worker in range(workers):
            clock = FakeClock()
            limiter = RateLimiter(per_second / workers, clock)
            begun = clock.monotonic()
            for _ in range(worker, min(rows, 60), workers):
                assert limiter.acquire()
                granted.append(start + clock.monotonic() - begun)
            ends.append(start + clock.monotonic() - begun)
        start = max(ends) + pause_after(per_second, workers) + later
    assert most_in_a_second(granted) <= max(1, math.ceil(per_second))
