"""Log messages of the settings."""

from __future__ import annotations

from claimx_lib.domain.log_message import LONGEST_VALUE, filled
from claimx_lib.domain.masking import masked_field


def test_fields_take_their_places() -> None:
    """Each name that is a field is replaced; others, and what only looks like a format, stay as they stand."""
    told = filled(
        "{event_id} {task_status} {unknown} {event_id.__class__} {0} {{x}}", {"event_id": 7, "task_status": None}
    )
    assert told == "7 null {unknown} {event_id.__class__} {0} {{x}}"


def test_a_value_stays_on_its_line_and_within_bounds() -> None:
    """A payload can neither forge a second log line nor fill the log."""
    told = filled("{a}", {"a": "x\r\nforged\x1b[31m" + "y" * 1000})
    assert told.isprintable()
    assert len(told) == LONGEST_VALUE


def test_a_value_is_shown_as_asked() -> None:
    """People are hidden before a value is cut: no half of an address is left, and an id keeps its digits."""
    fields = {"event_id": "2026-0001", "status": "x" * (LONGEST_VALUE - 4) + " ann@example.com", "n": 7}
    told = filled("{event_id} {n} {status}", fields, masked_field)
    assert told == f"2026-0001 7 {'x' * (LONGEST_VALUE - 4)} ***"
