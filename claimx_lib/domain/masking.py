"""What looks like a person in a free text, hidden."""

from __future__ import annotations

import re

HIDDEN = "***"
EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
PHONE = r"(?<![\w.:+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?)?\d{3,4}[ .-]\d{3,4}(?:[ .-]\d{2,6}){0,2}(?![\w:-])"
"""Both in the syntax that Python and Java read alike, bounded, so that no text makes them slow.

A phone number has groups that are set apart: a plain row of digits is an id.
"""

_ANY = "[A-Za-z0-9_]{0,60}"
"""What `*` stands for in the name of a field."""
_EMAIL, _PHONE = re.compile(EMAIL, re.ASCII), re.compile(PHONE, re.ASCII)


def masked_text(text: str) -> str:
    """The text with e-mail addresses and phone numbers hidden."""
    return _PHONE.sub(HIDDEN, masked_id(text))


def masked_id(text: str) -> str:
    """The text with e-mail addresses hidden: groups of digits are part of an id."""
    return _EMAIL.sub(HIDDEN, text)


def masked_field(name: str, value: object) -> object:
    """The value of a field with people hidden, as in the JSON of a message; a plain number is no person."""
    if value is None or isinstance(value, (int, float)):
        return value
    is_id = isinstance(value, str) and _IS_ID.fullmatch(name) is not None
    return masked_id(str(value)) if is_id else masked_text(str(value))


def key_pattern(field: str) -> str:
    """A pattern, without regard to case, for the spellings of a field: `first_name` is also `firstName`, and `*phone*`
    is `homePhone` and `phone_number_2` too.
    """
    return "_?".join(_ANY.join(map(re.escape, part.split("*"))) for part in field.split("_"))


ID_FIELDS = (
    "id", "event_id", "claim_number", "project_id", "task_id", "assignment_id", "estimate_id", "dead_letter_id",
)  # fmt: skip
"""Fields whose texts are ids, at any depth: a claim number, too, may look like a phone number."""
ID_KEYS = "|".join(map(key_pattern, ID_FIELDS))
_IS_ID = re.compile(ID_KEYS, re.ASCII | re.IGNORECASE)
