"""Few ranges that hold many keys, so that a table that is sorted by key opens only the files that matter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Key = TypeVar("Key", str, int)


def key_ranges(keys: Iterable[Key], *, at_most: int = 32) -> tuple[tuple[Key, Key], ...]:
    """Return at most `at_most` closed ranges, in order and apart, that together hold every key.

    Up to `at_most` distinct keys have a range each; more are cut into runs of equal number.
    """
    ordered = sorted(set(keys))
    size = -(-len(ordered) // at_most) or 1
    runs = (ordered[start : start + size] for start in range(0, len(ordered), size))
    return tuple((run[0], run[-1]) for run in runs)
