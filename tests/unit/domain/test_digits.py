from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.digits import whole


@given(st.integers(min_value=0, max_value=9999))
def test_a_number_of_so_many_digits_is_read(number: int) -> None:
    """What its digits say is what comes out."""
    assert whole(str(number), digits=4) == number


@pytest.mark.parametrize("text", ["", "²", "٣", "-1", "+1", "1_0", "1.0", " 1", "1\n", "12345", "9" * 5000])
def test_anything_else_is_no_number(text: str) -> None:
    """No sign, no other script, no more digits than wanted; and no text makes it fail."""
    assert whole(text, digits=4) is None
