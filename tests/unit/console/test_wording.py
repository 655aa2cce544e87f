from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.console.wording import NONE, ago, payload_text, percent, reason_text, span, visible

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


@given(st.text(st.characters()))
def test_visible_text_holds_no_markup_and_nothing_unseen(text: str) -> None:
    """Whatever comes in, no tag, no quote that ends an attribute, no direction character and no half of a pair comes out."""
    shown = str(visible(text)).replace('<span class="unseen">', "").replace("</span>", "")
    assert shown.encode().decode() == shown
    assert not set(shown) & set("<>\"'\u202e\u202d\u2066\u200f\u0000\u001b")


def test_direction_characters_are_written_out() -> None:
    """A right-to-left override can't make a text look like another one."""
    assert str(visible("a\u202eb")) == 'a<span class="unseen">\\u202e</span>b'


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations_have_one_unit(seconds: float, told: str) -> None:
    """A duration is told in the largest unit that fits."""
    assert span(seconds) == told


def test_moments_are_told_from_now() -> None:
    """What is to come, by a clock that differs, is "just now", never negative."""
    assert ago(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert ago(NOW + timedelta(minutes=2), NOW) == "just now"
    assert ago(None, NOW) == NONE


def test_json_is_indented_and_anything_else_is_shown_as_it_is() -> None:
    """A payload is readable whatever it is: JSON, broken JSON, bytes, or nested too deep to parse."""
    assert payload_text(b'{"a":1}', most=100) == ('{\n  "a": 1\n}', 0)
    assert payload_text(b"\xff{", most=100) == ("\\xff{", 0)
    assert payload_text(b"[" * 5000, most=10_000)[0] == "[" * 5000


def test_a_large_payload_is_cut_and_says_by_how_much() -> None:
    """A page never carries a megabyte of payload."""
    text, left_out = payload_text(b"x" * 1_000_000, most=20_000)
    assert (len(text), left_out) == (20_000, 980_000)


def test_reasons_and_shares_are_words() -> None:
    """Known codes become sentences, unknown ones stay, and no share is made up."""
    assert reason_text("missing-task_status") == "Field task_status is missing"
    assert reason_text("quite-new") == "quite-new"
    assert (percent(1.0), percent(0.9312), percent(None)) == ("100 %", "93.1 %", NONE)
