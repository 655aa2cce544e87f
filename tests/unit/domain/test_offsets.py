"""Where a query stands, what is left, what is gone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.offsets import Gap, Range, TopicPartition, gaps, lag

A0 = TopicPartition(topic="a", partition=0)
A1 = TopicPartition(topic="a", partition=1)
SMALL = st.integers(min_value=0, max_value=50)


def test_lag_counts_what_is_still_there_to_read() -> None:
    """Unread records count, a partition never read counts whole, aged out records count no more."""
    assert lag({A0: 3}, {A0: Range(first=0, end=10), A1: Range(first=5, end=9)}) == 7 + 4
    assert lag({A0: 3}, {A0: Range(first=6, end=10)}) == 4


def test_a_gap_is_what_aged_out_or_was_made_anew() -> None:
    """Offsets before the first one held, and offsets beyond the end of a topic made anew, are gone."""
    assert gaps({A0: 3}, {A0: Range(first=6, end=10)}) == [Gap(topic="a", partition=0, first=3, end=6)]
    assert gaps({A0: 30}, {A0: Range(first=0, end=10)}) == [Gap(topic="a", partition=0, first=10, end=30)]
    assert str(Gap(topic="a", partition=0, first=3, end=6)) == "a/0, offsets 3 to 5"


@given(SMALL, SMALL, SMALL)
def test_without_a_gap_reading_goes_on_where_it_stopped(position: int, first: int, length: int) -> None:
    """There is a gap exactly where the next offset is outside of what the partition holds."""
    held = Range(first=first, end=first + length)
    is_held = held.first <= position <= held.end
    assert (gaps({A0: position}, {A0: held}) == []) is is_held
    assert lag({A0: position}, {A0: held}) <= length
