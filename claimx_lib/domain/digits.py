"""Whole numbers as addresses, forms and headers bring them."""

from __future__ import annotations


def whole(text: str, *, digits: int) -> int | None:
    """Return the number that so many ASCII digits at most make; None for any other text, never an error."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None
