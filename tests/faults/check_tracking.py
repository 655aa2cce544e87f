"""Invariants of the tracking pipeline: I1 by coordinates, I6, I7."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC

from tests.faults.evidence import NOT_OURS, OURS, REFUSED, UNFIT, Evidence, Place, Row, place_of, several

EVENTS, TRACKING, SUCCESS = "claimx_events", "tracking", "tracking_success"
TABLE = "itel_cabinet_task_tracking"
TOLD = ("task_id", "assignment_id", "project_id", "task_status", "enrichment_status")
_BROKEN = {
    OURS: "an event of ours was not forwarded, or refused",
    UNFIT: "an event of ours that lacks something was not forwarded, or refused too early",
    REFUSED: "a bad record has not exactly one dead letter, or was forwarded",
    NOT_OURS: "a record that is not ours was taken",
}


def conservation(evidence: Evidence) -> Iterator[str]:
    """I1: each record of `claimx.events` is forwarded, refused or left alone, each message a row or a dead letter."""
    letters = Counter(place_of(row) for row in evidence.letters("task_trigger"))
    forwarded = {source_of(told.headers) for told in evidence.topic(TRACKING)}
    wrong: dict[str, list[Place]] = {outcome: [] for outcome in _BROKEN}
    for one in evidence.produced_on(EVENTS):
        found = (one.place in forwarded, letters[one.place])
        if found != (one.outcome in {OURS, UNFIT}, int(one.outcome == REFUSED)):
            wrong[one.outcome].append(one.place)
    for outcome, places in wrong.items():
        yield from several(f"I1 claimx.events: {_BROKEN[outcome]}", places)
    made = {one.place for one in evidence.produced_on(EVENTS)}
    yield from several("I1 claimx.events: a dead letter of no record", sorted(set(letters) - made))
    yield from several("I1 tracking: a message that comes of no record", sorted(map(str, forwarded - made)))
    yield from _messages(evidence)
    yield from _events(evidence)


def _messages(evidence: Evidence) -> Iterator[str]:
    rows = {row["event_id"] for row in evidence.table(TABLE)}
    letters = Counter(place_of(row) for row in evidence.letters("task_tracking"))
    outcomes = {one.place: one.outcome for one in evidence.produced_on(EVENTS)}
    lost: list[Place] = []
    doubled: list[Place] = []
    for told in evidence.topic(TRACKING):
        is_row = told.fields.get("event_id") in rows
        is_unfit = outcomes.get(source_of(told.headers) or ("", 0, 0)) == UNFIT
        ends = letters[told.place] + (is_row and not is_unfit)
        if ends != 1:
            (doubled if ends else lost).append(told.place)
    yield from several("I1 tracking: a message without row or dead letter", lost)
    yield from several("I1 tracking: a message with more than one end", doubled)


def _events(evidence: Evidence) -> Iterator[str]:
    rows = {row["event_id"] for row in evidence.table(TABLE)}
    ours = {str(one.event_id) for one in evidence.produced_on(EVENTS) if one.outcome == OURS}
    yield from several("I1 tracking table: an event without its row", sorted(ours - rows))
    yield from several("I1 tracking table: a row of an event that nobody sent", sorted(rows - ours))


def messages_agree(evidence: Evidence) -> Iterator[str]:
    """I6: the success topic names the table's events, all of them and no others, and never says two things of one."""
    rows = {row["event_id"]: row for row in evidence.table(TABLE)}
    told = {str(message.fields.get("event_id")) for message in evidence.topic(SUCCESS)}
    yield from several("I6: a row without a success message", sorted(set(rows) - told))
    yield from several("I6: a success message without a row", sorted(told - set(rows)))
    wrong = {
        message.fields["event_id"]
        for message in evidence.topic(SUCCESS)
        if (row := rows.get(message.fields.get("event_id"))) is not None
        and (
            _differs(message.fields, row) or (not evidence.rows_made_twice and _is_of_another_time(message.fields, row))
        )
    }
    yield from several("I6: a success message contradicts the row", sorted(wrong))


def _differs(fields: Row, row: Row) -> bool:
    return any(name not in fields or str(fields[name]) != str(row[name]) for name in TOLD)


def _is_of_another_time(fields: Row, row: Row) -> bool:
    """A message that is told again is the stored row's: one that was made of the record once more says another time."""
    stored = row["processed_timestamp"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return bool(fields.get("processed_at") != stored)


def one_row_an_event(evidence: Evidence) -> Iterator[str]:
    """I7: no event has two rows."""
    counted = Counter(row["event_id"] for row in evidence.table(TABLE))
    yield from several("I7: more than one row of an event", sorted(e for e, n in counted.items() if n > 1))


def source_of(headers: Mapping[str, bytes]) -> Place | None:
    """The record that a tracking message comes of, from `x-source`: topic/partition/offset."""
    parts = headers.get("x-source", b"").decode().rsplit("/", 2)
    return (parts[0], int(parts[1]), int(parts[2])) if len(parts) == 3 else None
