"""Codes, instants and numbers as people read them, and hostile text as harmless text."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime

from markupsafe import Markup, escape

REASONS = {
    "project-not-found": "No ClaimX project found",
    "ambiguous-project": "Several projects match",
    "invalid-claim-number": "Not a claim number",
    "invalid-project-id": "Not a project id",
    "undecodable": "Unreadable record",
    "wrong-task-id": "Another task template",
    "invalid-field": "A field has a wrong value",
    "bad-timestamp": "Unreadable time",
    "future-timestamp": "Time lies in the future",
    "task-rejected": "ClaimX refused the task",
    "task-unknown": "Created or not: in doubt",
    "api-unavailable": "ClaimX did not answer",
    "record-too-large": "Record too large",
    "offsets-aged-out": "Records lost before reading",
}
STATES = {"OPEN": "Open", "REPLAYED": "Sent back", "RESOLVED": "Resolved", "DISCARDED": "Discarded"}
NONE = "\u2013"
"""What stands where there is nothing to tell: a dash."""
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
"""Control and direction characters, and halves of surrogate pairs, which no page could be encoded with."""
_STEPS = ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600), (float("inf"), "d", 86400))


def reason_text(code: str) -> str:
    """Return the reason as a short sentence; an unknown code as it is."""
    if code.startswith("missing-"):
        return f"Field {code.removeprefix('missing-')} is missing"
    return REASONS.get(code, code or "No reason given")


def state_text(state: str) -> str:
    """Return the state as a word."""
    return STATES.get(state, state or "Unknown")


def visible(text: object) -> Markup:
    """Return the text escaped, with what no one could see (control and direction characters) written out."""
    given = "" if text is None else str(text)
    parts, at = [], 0
    for match in _UNSEEN.finditer(given):
        parts += [
            escape(given[at : match.start()]),
            Markup('<span class="unseen">\\u{:04x}</span>').format(ord(match[0])),
        ]
        at = match.end()
    return Markup("").join([*parts, escape(given[at:])])


def plain(text: object) -> str:
    """Return the same for a title or an attribute: unseen characters written out, nothing marked up."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", "" if text is None else str(text))


def instant(at: datetime | None) -> str:
    """Return "22 Nov 2026, 17:18 UTC"."""
    return NONE if at is None else f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def iso(at: datetime | None) -> str:
    """Return what a `datetime` attribute takes."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(at: datetime | None, now: datetime) -> str:
    """Return "4 h ago"; of a moment to come, "just now"."""
    if at is None:
        return NONE
    seconds = (now - at).total_seconds()
    return "just now" if seconds < 10 else f"{span(seconds)} ago"  # noqa: PLR2004


def span(seconds: float) -> str:
    """Return a duration in its largest fitting unit: "45 s", "12 min", "3 h", "2 d"."""
    for below, unit, size in _STEPS:
        if seconds < below:
            return f"{int(seconds // size)} {unit}"
    return ""


def number(value: float) -> str:
    """Return 12,345."""
    return f"{value:,.0f}"


def percent(share: float | None) -> str:
    """Return 98.7 %; nothing asked, nothing told."""
    return NONE if share is None else f"{share * 100:.1f} %".replace("100.0", "100")


def payload_text(raw: bytes, *, most: int) -> tuple[str, int]:
    """Return the bytes as readable text, JSON indented where it is JSON and small, and how many characters are left out."""
    text = raw.decode("utf-8", "backslashreplace")
    if len(text) <= most:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return text[:most], max(len(text) - most, 0)
