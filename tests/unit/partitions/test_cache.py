"""Answers kept for a short time, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.api import ApiAnswer, ApiOutcome
from claimx_lib.partitions.cache import AnswerCache, Entry

KEYS = [("task", str(n)) for n in range(10)]


def entry(kind: ApiOutcome = ApiOutcome.OK, body: str | None = "{}", kept_at: float = 0.0) -> Entry:
    """An answer kept at an instant."""
    return Entry(answer=ApiAnswer(kind=kind, body=body), kept_at=kept_at, at_micros=0)


def test_an_entry_lives_for_its_time():
    """Fresh until the time to live is over, and gone afterwards."""
    cache = AnswerCache(max_entries=10, max_bytes=10_000)
    cache.put(KEYS[0], entry())
    assert cache.get(KEYS[0], 59.9, 60) is not None
    assert cache.get(KEYS[0], 60.0, 60) is None
    assert len(cache) == 0


@pytest.mark.parametrize("kind", sorted(set(ApiOutcome) - {ApiOutcome.OK, ApiOutcome.NOT_FOUND}))
def test_no_failure_is_kept(kind):
    """Only what the API knows is kept: an outage never looks like an answer."""
    cache = AnswerCache(max_entries=10, max_bytes=10_000)
    cache.put(KEYS[0], entry(kind))
    assert len(cache) == 0


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 4_000))))
def test_bounds_hold_whatever_is_put(puts):
    """I12: entries and bytes stay within their limits, and the newest small answer is always there."""
    cache = AnswerCache(max_entries=4, max_bytes=5_000)
    for key, size in puts:
        cache.put(key, entry(body="x" * size))
        assert len(cache) <= 4
        assert cache._bytes <= 5_000
        assert cache.get(key, 0, 60) is not None


def test_the_least_lately_used_goes_first():
    """What is asked for stays."""
    cache = AnswerCache(max_entries=2, max_bytes=10_000)
    for key in KEYS[:2]:
        cache.put(key, entry())
    cache.get(KEYS[0], 0, 60)
    cache.put(KEYS[2], entry())
    assert [cache.get(key, 0, 60) is not None for key in KEYS[:3]] == [True, False, True]
