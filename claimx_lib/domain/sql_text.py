"""Text in SQL that is made here."""

from __future__ import annotations


def text_literal(value: str) -> str:
    """Return a string of Spark's SQL: a quote or a backslash in it ends nothing."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
