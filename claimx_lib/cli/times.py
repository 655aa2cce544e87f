"""Times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from claimx_lib.errors import UsageError

AGO = re.compile(r"(\d{1,6})(min|m|h|d)")
UNITS = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days"}


def parsed_time(text: str, now: datetime | None = None) -> datetime:
    """Return the instant that `text` names: ISO 8601 (UTC where it names no zone), or so long ago (`30min`, `2h`, `3d`)."""
    try:
        return _parsed(text.strip(), now or datetime.now(UTC))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time", cure="write 2026-01-10, 2026-01-10T08:00Z, or 30min, 2h, 3d (ago)"
        ) from None


def _parsed(text: str, now: datetime) -> datetime:
    ago = AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{UNITS[ago.group(2)]: int(ago.group(1))})
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
