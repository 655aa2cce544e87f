"""The messages of task creation, to the letter of the contract."""

from __future__ import annotations

import json
from dataclasses import dataclass

from claimx_lib.domain.creation import headers as names
from claimx_lib.domain.creation.decisions import GiveUp, SyncHit, Wait
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.keys import dead_letter_id
from claimx_lib.domain.creation.policy import header_seconds
from claimx_lib.domain.instants import iso

HEADROOM_BYTES = 4096
"""Of a message, for its key and headers: an event's id and its claim number in each at most."""


def largest_value(max_message_bytes: int) -> int:
    """What the value of a message may weigh."""
    return max(max_message_bytes - HEADROOM_BYTES, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """One message for Kafka; `cut` is what a message that leaves the internal topics says where it can't be masked,
    or would not fit the broker any more: what is hidden may be shorter than `***`.
    """

    topic: str
    key: str
    value: str | bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    cut: str | None = None


def retry_message(wait: Wait, topic: str) -> OutgoingMessage:
    """The original event, unchanged, with the number of the retry to come and the seconds until then."""
    event = wait.subject.event
    told = {
        names.RETRY_COUNT: str(wait.subject.attempts),
        names.CLAIM_NUMBER: event.claim_number,
        names.RETRY_AFTER: header_seconds(wait.retry_after_seconds or 0.0),
        names.EVENT_ID: event.event_id,
        names.ATTEMPT_ID: wait.subject.attempt,
        **_replay_headers(wait.subject.replay),
    }
    return OutgoingMessage(topic=topic, key=event.claim_number, value=event.record.value or b"", headers=_encoded(told))


def dlq_message(decision: GiveUp, topic: str, *, max_bytes: int) -> OutgoingMessage:
    """Both forms of the document in one; an event that would not fit the broker is cut to where it can be read whole.

    More candidates than half a message takes are left to the letter: they would not fit in the cut form either.
    """
    event = decision.subject.event
    head = {
        "claim_number": event.claim_number,
        "event_type": event.event_type,
        "event_id": event.event_id,
        "timestamp": iso(event.happened_at),
        "reason": decision.sentence,
        "reason_code": decision.reason,
    }
    listed = decision.candidates or ""
    candidates = f',"candidates":{listed}' if 0 < len(listed.encode("utf-8")) <= max_bytes // 2 else ""
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1] + candidates
    letter = dead_letter_id(event.record, decision.reason)
    cut = _with_event(start, json.dumps({"dead_letter_id": letter, "is_cut": True}))
    whole = _with_event(start, event.text)
    value = whole if len(whole.encode("utf-8")) <= max_bytes else cut
    told = {names.DLQ_REASON: decision.reason, names.CLAIM_NUMBER: event.claim_number, names.EVENT_ID: event.event_id}
    return OutgoingMessage(topic=topic, key=event.claim_number, value=value, headers=_encoded(told), cut=cut)


def sync_message(hit: SyncHit, topic: str) -> OutgoingMessage:
    """An API hit as an identity event of domain claimx, with the claim number as XACT gave it."""
    value = {
        "event_id": hit.event_id,
        "domain": "claimx",
        "claim_number": hit.claim_number,
        "project_id": hit.project_id,
        "timestamp": iso(hit.at),
        "by": "task_creation",
        "why": hit.why,
        "action": "set",
    }
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return OutgoingMessage(topic=topic, key=hit.claim_number, value=text)


def replay_headers(replay: Replay, event_id: str | None, claim_number: str | None) -> dict[str, str]:
    """The headers that bring a dead letter back in."""
    told = {names.EVENT_ID: event_id, names.CLAIM_NUMBER: claim_number}
    return {**{name: text for name, text in told.items() if text}, **_replay_headers(replay)}


def _with_event(start: str, event: str) -> str:
    return f'{start},"original_message":{event},"event":{event}}}'


def _replay_headers(replay: Replay | None) -> dict[str, str]:
    if replay is None:
        return {}
    return {names.DEAD_LETTER_ID: replay.dead_letter_id, names.REPLAY_COUNT: str(replay.count)}


def _encoded(headers: dict[str, str]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, text.encode("utf-8")) for name, text in headers.items())
