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
_PERSONAL = re.compile(f"{EMAIL}|{PHONE}", re.ASCII)


def masked_text(text: str) -> str:
    """The text with e-mail addresses and phone numbers hidden."""
    return _PERSONAL.sub(HIDDEN, text)


def key_pattern(field: str) -> str:
    """A pattern, without regard to case, for the spellings of a field: `first_name` is also `firstName`, and `*phone*`
    is `homePhone` and `phone_number_2` too.
    """
    return "_?".join(_ANY.join(map(re.escape, part.split("*"))) for part in field.split("_"))
