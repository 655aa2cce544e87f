"""Answers kept for a short time, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from claimx_lib.domain.api import ANSWERED, ApiAnswer

_ENTRY_BYTES = 500  # what an entry weighs without its body

Key = tuple[str, str]
"""What was asked for: `("task", id)` or `("project", id)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An answer and when it came: a point of `Clock.monotonic()`, and the instant in microseconds since 1970."""

    answer: ApiAnswer
    kept_at: float
    at_micros: int


class AnswerCache:
    """Keeps what the API knows (200 and 404), never a failure; drops the least lately used beyond its bounds."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key, as_of: float, ttl_seconds: float) -> Entry | None:
        """The entry if it was younger than `ttl_seconds` at `as_of`.

        A partition asks as of its own start, so that nothing grows stale between two of its record batches.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        if as_of - entry.kept_at >= ttl_seconds:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Keeps the answer if it is one of the API's own."""
        if entry.answer.kind not in ANSWERED:
            return
        if key in self._entries:
            self._drop(key)
        self._entries[key] = entry
        self._bytes += _weight(entry)
        while self._entries and (len(self._entries) > self._max_entries or self._bytes > self._max_bytes):
            self._drop(next(iter(self._entries)))

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: Key) -> None:
        self._bytes -= _weight(self._entries.pop(key))


def _weight(entry: Entry) -> int:
    return _ENTRY_BYTES + len(entry.answer.body or "")
