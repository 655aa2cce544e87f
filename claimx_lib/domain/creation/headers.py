"""The headers of the retry topic: written exactly, read with suspicion."""

from __future__ import annotations

import re
from dataclasses import dataclass

from claimx_lib.domain.creation.events import Headers

RETRY_COUNT, RETRY_AFTER, CLAIM_NUMBER = "x-retry-count", "x-retry-after", "x-claim-number"
EVENT_ID, ATTEMPT_ID = "x-event-id", "x-attempt-id"
DEAD_LETTER_ID, REPLAY_COUNT, DLQ_REASON = "x-dead-letter-id", "x-replay-count", "x-dlq-reason"

_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_LETTER_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Replay:
    """Which dead letter came back, and for which time (from 1)."""

    dead_letter_id: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryHeaders:
    """What a message of the retry topic says of itself; zeros where its headers say nothing that can be read."""

    retry_count: int = 0
    retry_after_seconds: float = 0.0
    attempt_id: str | None = None
    replay: Replay | None = None


def retry_headers(headers: Headers) -> RetryHeaders:
    """The headers' values, the last of each name; garbled ones count as absent, nothing is raised."""
    texts = {name: _text(value) for name, value in headers}
    count, after = texts.get(RETRY_COUNT, ""), texts.get(RETRY_AFTER, "")
    return RetryHeaders(
        retry_count=int(count) if _COUNT.fullmatch(count) else 0,
        retry_after_seconds=float(after) if _SECONDS.fullmatch(after) else 0.0,
        attempt_id=texts.get(ATTEMPT_ID) or None,
        replay=_replay(texts.get(DEAD_LETTER_ID, ""), texts.get(REPLAY_COUNT, "")),
    )


def _replay(dead_letter_id: str, count: str) -> Replay | None:
    if not _LETTER_ID.fullmatch(dead_letter_id) or not _COUNT.fullmatch(count) or int(count) == 0:
        return None
    return Replay(dead_letter_id=dead_letter_id, count=int(count))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace").strip()
