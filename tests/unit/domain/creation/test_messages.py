"""What task creation says on its topics fits the broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from claimx_lib.domain.creation.decisions import GiveUp, Subject, Wait
from claimx_lib.domain.creation.events import SourceRecord, XactEvent, decoded
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.messages import HEADROOM_BYTES, OutgoingMessage, dlq_message, retry_message
from tests.fakes.creation import xact_bytes

NOW = datetime(2026, 1, 10, tzinfo=UTC)
LONGEST = {"event_id": "\U0001f600" * 512, "claim_number": "\U0001f600" * 50}
"""Ids as long as they may be, in the characters that weigh most."""


def subject(value: bytes) -> Subject:
    event = decoded(SourceRecord(topic="xact.events", partition=0, offset=7, value=value, at=NOW), {"ESTIMATE_CREATED"})
    assert isinstance(event, XactEvent)
    replay = Replay(dead_letter_id="a" * 64, count=2**31)
    return Subject(event=event, attempt="a" * 64, attempts=2**31, first_seen_at=NOW, replay=replay)


def weight_beside_value(message: OutgoingMessage) -> int:
    headers = sum(len(name) + len(value) + 10 for name, value in message.headers)  # 10: the lengths of both
    return len(message.key.encode()) + headers + 100  # 100: batch and record


@pytest.mark.parametrize("projects", [2, 400])
def test_many_candidates_are_left_to_the_letter(projects: int) -> None:
    """They are told where they leave room for the rest, whole or cut; thousands of projects make no message too large."""
    listed = json.dumps([{"claim_number": "C1", "project_id": n} for n in range(projects)])
    for note in ("", "x" * 20_000):
        given_up = GiveUp(
            subject=subject(xact_bytes("e1", "C1", note=note)),
            reason="ambiguous-project",
            sentence="s",
            candidates=listed,
        )
        message = dlq_message(given_up, "dlq", max_bytes=10_000)
        told = json.loads(message.value)
        assert len(message.value) <= 10_000
        assert len(told.get("candidates", ())) == (2 if projects == 2 else 0)
        assert ("is_cut" in told["event"]) is bool(note)
        assert len(message.cut or "") <= 10_000


def test_key_and_headers_fit_beside_the_largest_value() -> None:
    """However long the ids are: that is what the headroom is for, with and without masking."""
    given = subject(xact_bytes(LONGEST["event_id"], LONGEST["claim_number"]))
    retry = retry_message(Wait(subject=given, reason="r", next_attempt_at=NOW, retry_after_seconds=30.5), "retry")
    dlq = dlq_message(GiveUp(subject=given, reason="missing-" + "x" * 60, sentence="s"), "dlq", max_bytes=100_000)
    assert max(map(weight_beside_value, (retry, dlq))) <= HEADROOM_BYTES
