"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.cli.times import parsed_time
from claimx_lib.errors import UsageError

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-10", datetime(2026, 1, 10, tzinfo=UTC)),
        ("2026-01-10T08:00Z", datetime(2026, 1, 10, 8, tzinfo=UTC)),
        ("2026-01-10T08:00+02:00", datetime(2026, 1, 10, 6, tzinfo=UTC)),
        (" 2h ", NOW - timedelta(hours=2)),
        ("30min", NOW - timedelta(minutes=30)),
        ("3d", NOW - timedelta(days=3)),
    ],
)
def test_dates_instants_and_ages_are_taken(text: str, expected: datetime) -> None:
    """A date or an instant is UTC unless it says otherwise; an age counts back from now."""
    assert parsed_time(text, NOW) == expected


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,6}(min|m|h|d)", fullmatch=True))
def test_anything_else_is_wrong_usage(text: str) -> None:
    """Whatever is typed, it is an instant with a zone or a UsageError, never another failure."""
    try:
        found = parsed_time(text, NOW)
    except UsageError:
        return
    assert found.tzinfo is not None
