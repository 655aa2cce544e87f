"""Events made for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from claimx_lib.domain.creation.events import SourceRecord, XactEvent, decoded


def made(event_id: str, *, claim: str = "C1", estimate: str | None = None) -> XactEvent:
    """An event as it is decoded."""
    told = {"event_id": event_id, "event_type": "ESTIMATE_CREATED", "claim_number": claim}
    value = json.dumps({**told, **({"estimate": {"id": estimate}} if estimate else {})}).encode()
    record = SourceRecord(topic="t", partition=0, offset=0, value=value, at=datetime(2026, 1, 1, tzinfo=UTC))
    event = decoded(record, {"ESTIMATE_CREATED"})
    assert isinstance(event, XactEvent)
    return event
