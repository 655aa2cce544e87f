"""Log messages of the settings."""

from __future__ import annotations

from claimx_lib.domain.log_message import LONGEST_VALUE, filled


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
