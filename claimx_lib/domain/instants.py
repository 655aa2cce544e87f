"""Instants in text: read as the contract reads them, written one way."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _AFTER_LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)


def instant_of(text: str | None) -> datetime | None:
    """UTC of ISO 8601 with a zone or of epoch milliseconds, from 2000 to 2100; None for anything else."""
    if text is None:
        return None
    try:
        if _MILLISECONDS.fullmatch(text):
            return _plausible(_EPOCH + timedelta(milliseconds=int(text)))
        parsed = datetime.fromisoformat(text)
        return _plausible(parsed.astimezone(UTC)) if parsed.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exact(instant: datetime) -> str:
    """ISO 8601 in UTC with microseconds: reads back as the same instant."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _plausible(instant: datetime) -> datetime | None:
    return instant if _FIRST <= instant < _AFTER_LAST else None
