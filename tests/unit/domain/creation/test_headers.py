"""Headers of the retry topic: anybody may have written them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.creation.headers import (
    ATTEMPT_ID,
    DEAD_LETTER_ID,
    REPLAY_COUNT,
    RETRY_AFTER,
    RETRY_COUNT,
    Replay,
    RetryHeaders,
    retry_headers,
)

LETTER = "0f" * 32
NAMES = st.sampled_from([RETRY_COUNT, RETRY_AFTER, ATTEMPT_ID, DEAD_LETTER_ID, REPLAY_COUNT, "other", ""])
VALUES = st.none() | st.binary(max_size=80) | st.from_regex(r"[-+]?\d{1,30}(\.\d+)?|[0-9a-f]{64}").map(str.encode)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_no_header_can_hurt(headers: list[tuple[str, bytes | None]]) -> None:
    """Whatever stands there, repeated or no UTF-8: nothing raises, counts and waits are bounded, no id is invented."""
    told = retry_headers(headers)
    assert 0 <= told.retry_count < 10**6
    assert 0 <= told.retry_after_seconds < 10**9
    assert told.replay is None or (told.replay.count > 0 and len(told.replay.dead_letter_id) == 64)


@given(st.integers(0, 999_999), st.integers(0, 10**8), st.integers(1, 999_999))
def test_what_is_written_is_read_again(count: int, after: int, replay: int) -> None:
    """Numbers come back as they were written; of a name that is there twice the last counts."""
    written = {RETRY_COUNT: count, RETRY_AFTER: after, REPLAY_COUNT: replay, DEAD_LETTER_ID: LETTER, ATTEMPT_ID: "a"}
    headers = [(RETRY_COUNT, b"7"), *((name, str(value).encode()) for name, value in written.items())]
    assert retry_headers(headers) == RetryHeaders(
        retry_count=count,
        retry_after_seconds=float(after),
        attempt_id="a",
        replay=Replay(dead_letter_id=LETTER, count=replay),
    )


@pytest.mark.parametrize(
    "value", [None, b"", b"-1", b"1e3", b"0x10", b"1.5", b"\xff", b"9" * 7, "\u0663".encode(), b"1 2", b"NaN"]
)
def test_a_count_that_is_none_counts_as_absent(value: bytes | None) -> None:
    """Neither the retry nor the replay of such a header is believed."""
    assert retry_headers([(RETRY_COUNT, value)]).retry_count == 0
    assert retry_headers([(DEAD_LETTER_ID, LETTER.encode()), (REPLAY_COUNT, value)]).replay is None


@pytest.mark.parametrize("letter", ["../../x", LETTER[:-1], LETTER.upper(), f"{LETTER}\n0", "' OR 1=1 --"])
def test_a_letters_id_is_64_hexadecimal_digits(letter: str) -> None:
    """Nothing else is looked up as one."""
    assert retry_headers([(DEAD_LETTER_ID, letter.encode()), (REPLAY_COUNT, b"1")]).replay is None
