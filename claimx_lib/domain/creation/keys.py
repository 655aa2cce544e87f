"""Names that make a second time recognisable."""

from __future__ import annotations

import hashlib
from datetime import datetime

from claimx_lib.domain.creation.events import SourceRecord, XactEvent

PIPELINE = "task_creation"


def idempotency_key(event: XactEvent, rule: str, once_per: str) -> str:
    """Hex SHA-256 of pipeline, event_id and rule name: the task's `external_reference`.

    With once_per `estimate` or `claim` the estimate's id or the claim's key stands in for the event id; an event
    without an estimate id stands for itself.
    """
    subject = event.event_id
    if once_per == "estimate" and event.estimate_id is not None:
        subject = f"estimate:{event.estimate_id}"
    if once_per == "claim":
        subject = f"claim:{event.claim_key}"
    return _hex(PIPELINE, subject, rule)


def attempt_of(query_id: str, batch_id: int, event_id: str) -> str:
    """The name of one batch's try for one event: the same whenever that batch runs."""
    return _hex(query_id, str(batch_id), event_id)[:32]


def dead_letter_id(record: SourceRecord, reason: str) -> str:
    """The id that `transforms.dead_letters` gives to the letter of this record and reason."""
    value = hashlib.sha256(record.value or b"").hexdigest()
    return _hex(PIPELINE, record.topic, str(record.partition), str(record.offset), reason, value)


def sync_event_id(claim_number: str, project_id: int, event_id: str, at: datetime) -> str:
    """The event id under which an API hit is told to `project.sync`: sent twice it counts once, found again it is another."""
    return f"task_creation-{_hex(claim_number, str(project_id), event_id, at.isoformat())[:32]}"


def _hex(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode("utf-8")).hexdigest()
