"""Statuses of ClaimX tasks that mean something to us."""

from __future__ import annotations

TERMINAL_STATUSES = ("completed", "cancelled", "canceled", "closed")
"""In lower case: a task in one of them stands nowhere any more."""
