"""One dead letter whole: the event, what was tried, what came of it, and what people did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from claimx_lib.connectors.delta_sql import DeltaSql, Row, literal
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.domain.instants import instant_of
from claimx_lib.errors import NotFound
from claimx_lib.operations.review import TABLE, LetterRow, letter_row

PLAN, LEDGER, HISTORY = "xact_task_plan", "xact_task_ledger", "claim_project_mapping_history"
LEDGER_COLUMNS = "idempotency_key, state, project_id, claimx_task_id, resolved_by, reason, error, at"
"""What `ledger_step` takes."""
MOST_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryStep:
    """Something that happened; `kind` is one of event, attempt, refused, mapping, task, person."""

    at: datetime | None
    kind: str
    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What the record says of itself, as far as it can be read; texts are as they came."""

    event_type: str = ""
    timestamp: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterStory:
    """A letter with its record: bytes untouched, headers, coordinates, and the steps in the order of time.

    `is_cut` tells that older steps than the newest `MOST_STEPS` are left out.
    """

    letter: LetterRow
    error: str
    claim_number: str
    event: EventFacts
    source: str
    source_key: str
    payload: bytes
    headers: tuple[tuple[str, str], ...]
    steps: tuple[StoryStep, ...]
    claimx_task_id: str | None
    is_cut: bool = False

    @property
    def claim_key(self) -> str:
        """The claim's canonical form, empty where there is no claim number."""
        return claim_key(self.claim_number)


def letter_story(tables: DeltaSql, dead_letter_id: str) -> LetterStory:
    """Return the whole letter; NotFound where there is none of that id."""
    letter = letter_row(tables, dead_letter_id, is_whole=True)
    rows = tables.ask(
        "SELECT source_topic, source_partition, source_offset, source_key, raw_value, headers "
        f"FROM t WHERE dead_letter_id = {literal(dead_letter_id)}",
        TABLE,
    ).rows
    if not rows:
        raise NotFound(f"no dead letter {dead_letter_id[:80]}", cure="look at claimx dlq list")
    row = rows[0]
    payload = row["raw_value"] or b""
    event = event_facts(payload)
    ledger = _ledger(tables, letter.event_id)
    happened = [*_attempts(tables, letter.event_id), *mapping_steps(tables, letter.claim_number)]
    happened += [*_happened(event), *(ledger_step(one) for one in ledger), refused_step(letter), *settled_steps(letter)]
    return LetterStory(
        letter=letter,
        error=letter.error,
        claim_number=letter.claim_number,
        event=event,
        source=f"{row['source_topic']}/{row['source_partition']}/{row['source_offset']}",
        source_key=row["source_key"] or "",
        payload=payload,
        headers=tuple((h["key"] or "", _text(h["value"])) for h in row["headers"] or ()),
        steps=tuple(sorted(happened, key=lambda step: (step.at is None, step.at))[-MOST_STEPS:]),
        claimx_task_id=next((r["claimx_task_id"] for r in ledger if r["state"] in {"CREATED", "ADOPTED"}), None),
        is_cut=len(happened) > MOST_STEPS,
    )


def event_facts(payload: bytes) -> EventFacts:
    """Return what a JSON object says; nothing of anything else. Never raises."""
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        return EventFacts()
    if not isinstance(fields, dict):
        return EventFacts()
    inner = fields.get("estimate")
    nested = {f"estimate.{k}": v for k, v in inner.items()} if isinstance(inner, dict) else {}
    plain = {
        name: str(value)[:200]
        for name, value in {**fields, **nested}.items()
        if isinstance(value, (str, int, float, bool))
    }
    return EventFacts(
        event_type=plain.pop("event_type", ""),
        timestamp=plain.pop("timestamp", ""),
        facts=tuple(list(plain.items())[:24]),
    )


def _happened(event: EventFacts) -> Iterator[StoryStep]:
    at = instant_of(event.timestamp)
    if at is not None:
        yield StoryStep(at=at, kind="event", title=event.event_type or "Event", detail="by the event's own time")


def _attempts(tables: DeltaSql, event_id: str) -> Iterator[StoryStep]:
    if not event_id:
        return
    rows = tables.rows(
        "SELECT decision, payload, at FROM t WHERE decision IN ('Wait', 'Create', 'Skip') "
        f"AND event_id = {literal(event_id)} ORDER BY at DESC LIMIT {MOST_STEPS + 1}",
        PLAN,
    )
    yield from map(attempt_step, rows)


def attempt_step(row: Row) -> StoryStep:
    """A row of the plan (decision, payload, at) in words; messages and bodies stay out."""
    title, detail = _told(row["decision"], _fields(row["payload"]))
    return StoryStep(at=row["at"], kind="attempt", title=title, detail=detail)


def _told(decision: str, fields: dict[str, Any]) -> tuple[str, str]:
    if decision == "Create":
        return f"Project {fields.get('project_id')} found", f"by {fields.get('resolved_by')}"
    if decision == "Skip":
        return "Skipped", str(fields.get("reason", ""))
    subject = fields.get("subject")
    attempts = subject.get("attempts", 0) if isinstance(subject, dict) else 0
    following = str(fields.get("next_attempt_at", ""))[:19].replace("T", " ")
    return f"Try {attempts}: {fields.get('reason', 'not yet')}", f"tried again at {following} UTC" if following else ""


def _fields(payload: str | None) -> dict[str, Any]:
    try:
        fields = json.loads(payload or "{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def mapping_steps(tables: DeltaSql, claim_number: str, *, most: int = MOST_STEPS + 1) -> Iterator[StoryStep]:
    """What was said about every spelling of a claim, and what became of it, newest first, at most `most`."""
    key = claim_key(claim_number)
    if not key:
        return
    rows = tables.rows(
        'SELECT claim_number, "from", "to", source, action, "by", why, outcome, at FROM t '
        f"WHERE claim_key = {literal(key)} ORDER BY at DESC LIMIT {int(most)}",
        HISTORY,
    )
    for row in rows:
        project = f"project {row['to']}" if row["to"] is not None else "no project"
        who = f" by {row['by']}" if row["by"] else ""
        detail = f"{row['claim_number']} from {row['source']}{who}, {row['outcome']}"
        yield StoryStep(
            at=row["at"],
            kind="person" if row["source"] == "manual" else "mapping",
            title=f"Mapping: {project}",
            detail=f"{detail}: {row['why']}" if row["why"] else detail,
        )


def _ledger(tables: DeltaSql, event_id: str) -> tuple[Row, ...]:
    if not event_id:
        return ()
    return tables.rows(
        f"SELECT {LEDGER_COLUMNS} FROM t WHERE event_id = {literal(event_id)} ORDER BY at DESC LIMIT {MOST_STEPS + 1}",
        LEDGER,
    )


def ledger_step(row: Row) -> StoryStep:
    """A row of the ledger (`LEDGER_COLUMNS`) in words, with the reference under which ClaimX knows the task."""
    told = {
        "INTENT": "About to create the task",
        "CREATED": "Task created",
        "ADOPTED": "Task found already there",
        "UNKNOWN": "Created or not: in doubt",
        "REJECTED": "ClaimX refused the task",
        "SKIPPED": "Skipped",
        "NOT_SENT": "Not sent",
    }
    parts = [
        f"task {row['claimx_task_id']}" if row["claimx_task_id"] else "",
        f"project {row['project_id']}" if row["project_id"] is not None else "",
        f"found by {row['resolved_by']}" if row["resolved_by"] else "",
        row["reason"] or "",
        row["error"] or "",
        f"external_reference {row['idempotency_key']}" if row["idempotency_key"] else "",
    ]
    detail = ", ".join(part for part in parts if part)
    return StoryStep(at=row["at"], kind="task", title=told.get(row["state"], str(row["state"])), detail=detail)


def refused_step(letter: LetterRow) -> StoryStep:
    """That and why the letter came to be."""
    tries = f"after {letter.attempts} tries: " if letter.attempts > 1 else ""
    detail = tries + (letter.error or letter.reason)
    return StoryStep(at=letter.opened_at, kind="refused", title="Became a dead letter", detail=detail)


def settled_steps(letter: LetterRow) -> Iterator[StoryStep]:
    """What people or the pipeline did with a letter; nothing while it is open."""
    titles = {"REPLAYED": "Sent back into the flow", "RESOLVED": "Resolved", "DISCARDED": "Discarded"}
    if letter.state in titles:
        who = f"{letter.by}: " if letter.by else ""
        yield StoryStep(at=letter.closed_at, kind="person", title=titles[letter.state], detail=who + letter.why)


def _text(value: Any) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")
