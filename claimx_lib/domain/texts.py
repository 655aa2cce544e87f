"""Texts as JSON brings them."""

from __future__ import annotations

import re

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def has_lone_surrogate(text: str) -> bool:
    """Whether half of a surrogate pair is in it: such a text has no form in UTF-8, so no table and no topic takes it."""
    return _SURROGATE.search(text) is not None
