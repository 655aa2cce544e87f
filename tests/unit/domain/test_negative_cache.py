from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from claimx_lib.domain.negative_cache import SWEEP_FROM, NegativeCache
from tests.fakes.clock import FakeClock


def test_a_miss_is_remembered_until_its_time_has_passed() -> None:
    """A format is a miss for the time to live and not a moment longer."""
    clock = FakeClock()
    misses = NegativeCache(ttl_seconds=20, clock=clock)
    misses.remember("ABC-1")
    clock.sleep(19.9)
    assert misses.is_miss("ABC-1")
    clock.sleep(0.1)
    assert not misses.is_miss("ABC-1")


def test_each_format_is_a_miss_of_its_own() -> None:
    """That one format is unknown says nothing about another."""
    misses = NegativeCache(ttl_seconds=20, clock=FakeClock())
    misses.remember("ABC-1")
    assert not misses.is_miss("abc-1")


def test_a_changed_mapping_clears_every_format_of_its_key() -> None:
    """After `forget` of a key no format of it is a miss, and those of other keys still are."""
    misses = NegativeCache(ttl_seconds=20, clock=FakeClock())
    for text in ("ABC-1", "abc1", "XYZ-1"):
        misses.remember(text)
    misses.forget("ABC1")
    assert [misses.is_miss(text) for text in ("ABC-1", "abc1", "XYZ-1")] == [False, False, True]


def test_a_time_to_live_of_zero_remembers_nothing() -> None:
    """`negative_cache_seconds: 0` switches the cache off."""
    misses = NegativeCache(ttl_seconds=0, clock=FakeClock())
    misses.remember("ABC-1")
    assert not misses.is_miss("ABC-1")
    assert misses.size == 0


def test_memory_is_bounded_by_what_has_not_expired() -> None:
    """Expired keys are dropped once there are many."""
    clock = FakeClock()
    misses = NegativeCache(ttl_seconds=20, clock=clock)
    for number in range(SWEEP_FROM):
        misses.remember(f"A{number}")
    clock.sleep(21)
    misses.remember("B1")
    assert misses.size == 1


def test_threads_may_remember_while_one_sweeps() -> None:
    """What has expired is dropped once there are many, whoever puts misses in meanwhile."""
    clock = FakeClock()
    misses = NegativeCache(ttl_seconds=20, clock=clock)
    for number in range(SWEEP_FROM):
        misses.remember(f"A{number}")

    def remember(thread: int) -> None:
        for number in range(2_000):
            clock.sleep(0.05)
            misses.remember(f"B{thread}-{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(remember, range(8)))
    assert misses.size < SWEEP_FROM + 1_000


def test_a_sweep_comes_once_in_the_time_to_live() -> None:
    """With many misses that are all alive an addition does not look through them each time."""
    clock = FakeClock()
    misses = NegativeCache(ttl_seconds=20, clock=clock)
    for number in range(SWEEP_FROM + 5):
        misses.remember(f"A{number}")
    assert misses.size == SWEEP_FROM + 5
    clock.sleep(21)
    misses.remember("B1")
    assert misses.size == 1
