from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.key_ranges import key_ranges


@given(st.lists(st.integers() | st.integers(0, 50)), st.integers(1, 40))
def test_every_key_lies_in_exactly_one_of_few_ranges(keys: list[int], at_most: int) -> None:
    """The ranges are at most as many as asked for, apart from each other, and hold each key."""
    ranges = key_ranges(keys, at_most=at_most)
    assert len(ranges) <= at_most
    assert all(sum(first <= key <= last for first, last in ranges) == 1 for key in keys)


def test_few_keys_have_a_range_each() -> None:
    """Up to the limit a range is one key, so that nothing between two keys is read."""
    assert key_ranges(["b", "a", "z", "a"]) == (("a", "a"), ("b", "b"), ("z", "z"))


def test_no_keys_have_no_range() -> None:
    """Of nothing there are no ranges."""
    assert key_ranges(()) == ()
