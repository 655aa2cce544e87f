from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.operations.likeness import likeness


@pytest.mark.parametrize(
    ("key", "other", "reason"),
    [
        ("ABC123456", "ABC123456", "the same but for case, dashes and leading zeros"),
        ("ABC123456", "123456", "the same digits without the letters ABC"),
        ("123456", "ABC123456", "the same digits without the letters ABC"),
        ("ABC123456", "XYZ123456", "the same digits after other letters (ABC here, XYZ there)"),
        ("ABC123456", "ABC123457", "one character differs (6 here, 7 there)"),
        ("ABC1234506", "ABC12345O6", "0 here, O there: characters that look alike"),
        ("ABC123456", "ABC123465", "two neighbouring characters are swapped"),
        ("ABC123456", "ABC12345", "one character more here (6)"),
        ("ABC12345", "ABC123456", "one character more there (6)"),
        ("ABC123456", "ABC923458", "two characters differ"),
        ("ABC123456", "ABC12345601", "one is part of the other (…01)"),
    ],
)
def test_each_likeness_has_its_reason(key: str, other: str, reason: str) -> None:
    """A person is told why two claim numbers may be one."""
    found = likeness(key, other)
    assert found is not None
    assert found.reason == reason


@pytest.mark.parametrize(
    ("key", "other"), [("ABC123456", "ABC999999"), ("123", "124"), ("ABC123456", ""), ("1234", "ABC56789")]
)
def test_what_is_not_alike_is_not_suggested(key: str, other: str) -> None:
    """Different numbers, and numbers too short to tell, are no suggestion."""
    assert likeness(key, other) is None


@given(st.text("ABO012345", min_size=1, max_size=12), st.text("ABO012345", min_size=1, max_size=12))
def test_likeness_has_no_direction(key: str, other: str) -> None:
    """Which of two keys is the claim's own makes no difference to the score."""
    one, two = likeness(key, other), likeness(other, key)
    assert (one and one.score) == (two and two.score)
