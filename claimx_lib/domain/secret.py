"""A value that shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import hmac
from typing import final


@final
class Secret:
    """Never shows its text: `repr`, `str`, `format` and tracebacks give `***`.

    It pickles with its text, because it travels to executors inside a function; equality and hash follow the text,
    so that a client opened for one token is found again by an equal one.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; the only way to it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))
