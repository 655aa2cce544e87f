"""Where a query stands, what is left, what is gone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.offsets import Gap, Range, TopicPartition, gaps, gone, lag, made_anew

A0 = TopicPartition(topic="a", partition=0)
A1 = TopicPartition(topic="a", partition=1)
SMALL = st.integers(min_value=0, max_value=50)


def test_lag_counts_what_is_still_there_to_read() -> None:
    """Unread records count, a partition never read counts whole, aged out records count no more."""
    assert lag({A0: 3}, {A0: Range(first=0, end=10), A1: Range(first=5, end=9)}) == 7 + 4
    assert lag({A0: 3}, {A0: Range(first=6, end=10)}) == 4


def test_a_gap_is_what_aged_out() -> None:
    """Offsets before the first one held are gone; where a topic ends before the next one, it is another topic."""
    assert gaps({A0: 3}, {A0: Range(first=6, end=10)}) == [Gap(topic="a", partition=0, first=3, end=6)]
    assert gaps({A0: 30}, {A0: Range(first=0, end=10)}) == []
    assert made_anew({A0: 30, A1: 1}, {A0: Range(first=0, end=10), A1: Range(first=0, end=1)}) == [A0]
    assert str(Gap(topic="a", partition=0, first=3, end=6)) == "a/0, offsets 3 to 5"


def test_of_a_batch_only_its_own_range_is_gone() -> None:
    """What aged out behind its end belongs to a later batch; a topic that is no more has lost all of it."""
    planned = {A0: Range(first=3, end=8), A1: Range(first=0, end=2)}
    held = {A0: Range(first=20, end=30)}
    assert [str(gap) for gap in gone(planned, held)] == ["a/0, offsets 3 to 7", "a/1, offsets 0 to 1"]
    assert gone(planned, {A0: Range(first=3, end=8), A1: Range(first=0, end=2)}) == []


@given(SMALL, SMALL, SMALL)
def test_without_a_gap_reading_goes_on_where_it_stopped(position: int, first: int, length: int) -> None:
    """There is a gap exactly where the next offset is outside of what the partition holds."""
    held = Range(first=first, end=first + length)
    is_held = held.first <= position <= held.end
    told = [*gaps({A0: position}, {A0: held}), *made_anew({A0: position}, {A0: held})]
    assert (told == []) is is_held
    assert lag({A0: position}, {A0: held}) <= length
