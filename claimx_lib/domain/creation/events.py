"""What a record on `xact.events` or the retry topic says, or why it says nothing."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from claimx_lib.domain.claim_number import claim_key, parsed_claim_number
from claimx_lib.domain.instants import instant_of
from claimx_lib.domain.reasons import Reason, missing
from claimx_lib.domain.texts import has_lone_surrogate

LONGEST_EVENT_ID = 512
Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A Kafka record with its coordinates; `value` and `headers` are the producer's bytes untouched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None
    headers: Headers = ()
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class XactEvent:
    """An XACT event that a task may follow from; `happened_at` is the record's time where the event tells none."""

    event_id: str
    event_type: str
    claim_number: str
    claim_key: str
    timestamp: str | None = None
    happened_at: datetime
    estimate_id: str | None = None
    record: SourceRecord

    @property
    def text(self) -> str:
        """The event as it was published."""
        return (self.record.value or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A record that nobody can act on: it becomes a dead letter as it is."""

    record: SourceRecord
    reason: str
    error: str
    event_id: str | None = None
    claim_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOurs:
    """A readable event of a type that no rule makes a task of."""

    record: SourceRecord


def decoded(record: SourceRecord, event_types: Container[str]) -> XactEvent | Refusal | NotOurs:
    """The event of a record, or a refusal with its reason; never raises, whatever the bytes are.

    Exactly one JSON object in UTF-8; numbers as ids are taken as their digits; the last of repeated keys counts.
    """
    try:
        fields = json.loads((record.value or b"").decode("utf-8"), parse_constant=_no_constant, parse_int=_Digits)
    except (ValueError, RecursionError) as error:
        return _refused(record, Reason.UNDECODABLE, f"no JSON object: {type(error).__name__}")
    if not isinstance(fields, dict):
        return _refused(record, Reason.UNDECODABLE, "JSON, but no object")
    return _event(record, fields, event_types)


def _event(record: SourceRecord, fields: dict[str, Any], event_types: Container[str]) -> XactEvent | Refusal | NotOurs:
    event_type, event_id = _text(fields.get("event_type")), _text(fields.get("event_id"))
    if event_type is None:
        return _refused(record, missing("event_type"), "event_type is missing or no text", event_id)
    if event_type not in event_types:
        return NotOurs(record=record)
    if event_id is None:
        return _refused(record, *_why_no_id(fields.get("event_id")))
    given = fields.get("claim_number")
    if given is None or (isinstance(given, str) and not given.strip()):
        return _refused(record, missing("claim_number"), "claim_number is missing or empty", event_id)
    claim_number = _claim_number(given)
    if claim_number is None:
        return _refused(record, Reason.INVALID_CLAIM_NUMBER, "claim_number can't be one", event_id)
    timestamp = _text(fields.get("timestamp"))
    return XactEvent(
        event_id=event_id,
        event_type=event_type,
        claim_number=claim_number,
        claim_key=claim_key(claim_number),
        timestamp=timestamp,
        happened_at=instant_of(timestamp) or record.at,
        estimate_id=_estimate_id(fields.get("estimate")),
        record=record,
    )


def _why_no_id(given: object) -> tuple[str, str]:
    if isinstance(given, str) and given.strip().replace("\0", ""):
        return str(Reason.INVALID_FIELD), f"event_id is longer than {LONGEST_EVENT_ID} characters, or no UTF-8"
    return missing("event_id"), "event_id is missing, empty or no text"


class _Digits(str):
    """A JSON integer as it was written: no size of number is too large for a text."""

    __slots__ = ()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _claim_number(given: object) -> str | None:
    """A string, or an integer's digits; None for anything else and for what no claim number can be."""
    if not isinstance(given, str) or _text(given) is None:
        return None
    is_negative = isinstance(given, _Digits) and given.startswith("-")
    return None if is_negative else parsed_claim_number(str(given))


def _text(value: object) -> str | None:
    """A text that is there and can be written as UTF-8, at most 512 characters, without the white space around."""
    if not isinstance(value, str) or has_lone_surrogate(value):
        return None
    stripped = value.strip().replace("\0", "")
    return stripped if 0 < len(stripped) <= LONGEST_EVENT_ID else None


def _estimate_id(estimate: object) -> str | None:
    if not isinstance(estimate, dict):
        return None
    return _text(estimate.get("estimate_id")) or _text(estimate.get("id"))


def _refused(record: SourceRecord, reason: str, error: str, event_id: str | None = None) -> Refusal:
    return Refusal(record=record, reason=str(reason), error=error, event_id=event_id)
