"""Invariants of mapping_sync: I1 by coordinates, I5 by a fold of its own over what stands on the topics."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.faults.evidence import OURS, REFUSED, Evidence, place_of, several

SYNC, EVENTS = "project_sync", "claimx_events"
OF_PROJECT = ("event_id", "project_name", "claim_number", "claim_event_id")
Statement = tuple[str, str, str, str, int | None, datetime]
"""Claim number, event id, source, action, project, time: what makes two deliveries one event."""


def conservation(evidence: Evidence) -> Iterator[str]:
    """I1: each statement is in the history once, each bad record is one dead letter, whoever sent it."""
    letters = Counter(place_of(row) for row in evidence.letters("mapping_sync"))
    bad = {one.place for one in (*evidence.produced_on(SYNC), *evidence.produced_on(EVENTS)) if one.outcome == REFUSED}
    bad_here = {place for place in bad if place[0] == SYNC}
    yield from several("I1 project.sync: a bad record has not exactly one dead letter",
                       sorted(place for place in bad_here if letters[place] != 1))  # fmt: skip
    yield from several("I1 project.sync: a dead letter of a good record", sorted(set(letters) - bad))
    history = Counter(_of_history(row) for row in evidence.table("claim_project_mapping_history"))
    said = set(statements(evidence))
    yield from several("I1 history: a statement is missing", sorted(s[1] for s in said - set(history)))
    yield from several("I1 history: a line that nobody said", sorted(s[1] for s in set(history) - said))
    yield from several("I1 history: a statement twice", sorted(s[1] for s, n in history.items() if n > 1))


def newest_wins(evidence: Evidence) -> Iterator[str]:
    """I5: the mapping is the greatest (manual, event_timestamp, event_id) of each claim, and has each claim once."""
    rows = evidence.table("claim_project_mapping")
    counted = Counter(row["claim_number"] for row in rows)
    yield from several("I5: more than one row of a claim", sorted(c for c, n in counted.items() if n > 1))
    held = {row["claim_number"]: (row["project_id"], row["event_id"], row["source"]) for row in rows}
    due = wanted(evidence)
    wrong = [f"{claim} is {held.get(claim)}, not {due.get(claim)}" for claim in sorted({*held, *due})
             if held.get(claim) != due.get(claim)]  # fmt: skip
    yield from several("I5: a claim has another project than the greatest statement gives", wrong)


def newest_of_projects(evidence: Evidence) -> Iterator[str]:
    """I5: each project has one row, its name by its greatest (event_timestamp, event_id), its number by the greatest that
    tells one.
    """
    rows = evidence.table("claimx_projects")
    counted = Counter(row["project_id"] for row in rows)
    yield from several("I5: more than one row of a project", sorted(p for p, n in counted.items() if n > 1))
    held = {row["project_id"]: tuple(row[name] for name in OF_PROJECT) for row in rows}
    due = projects_told(evidence)
    wrong = [f"{project} is {held.get(project)}, not {due.get(project)}" for project in sorted({*held, *due})
             if held.get(project) != due.get(project)]  # fmt: skip
    yield from several("I5: a project is told by another event than the greatest", wrong)


def projects_told(evidence: Evidence) -> dict[int, tuple[str | None, ...]]:
    """What OF_PROJECT has to be of each project that an event on `claimx.events` tells of."""
    by_project: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for told in evidence.topic(EVENTS):
        if str(told.fields.get("event_type")).startswith("PROJECT_"):
            by_project[int(told.fields["project_id"])].append(told.fields)
    found: dict[int, tuple[str | None, ...]] = {}
    for project, events in by_project.items():
        newest = max(events, key=_order_told)
        numbered = max((e for e in events if _claim_of(e)), key=_order_told, default={})
        name = (newest.get("project") or {}).get("project_name")
        found[project] = (newest["event_id"], name, _claim_of(numbered), numbered.get("event_id"))
    return found


def _order_told(fields: dict[str, Any]) -> tuple[datetime, str]:
    return datetime.fromisoformat(fields["timestamp"]), fields["event_id"]


def _claim_of(fields: dict[str, Any]) -> str | None:
    claim: str | None = (fields.get("metadata") or {}).get("claim_number")
    return claim


def wanted(evidence: Evidence) -> dict[str, tuple[int | None, str, str]]:
    """Project, event id and source of each claim that has a project: a person's word first, then the newest."""
    by_claim: dict[str, list[Statement]] = defaultdict(list)
    for statement in statements(evidence):
        by_claim[statement[0]].append(statement)
    found = {}
    for claim, said in by_claim.items():
        people = [s for s in said if s[2] == "manual"]
        decided = max(people, key=_order, default=None)
        if decided is None or decided[3] == "unset":
            systems = [s for s in said if s[2] != "manual" and s[4] is not None]
            decided = max(systems, key=_order, default=None)
        if decided is not None:
            found[claim] = (decided[4], decided[1], decided[2])
    return found


def statements(evidence: Evidence) -> Iterator[Statement]:
    """What good records say of claims: all of `project.sync`, and the project events of `claimx.events`."""
    good = {one.place for one in evidence.produced if one.outcome == OURS}
    made = {one.place for one in evidence.produced}
    for told in evidence.topic(SYNC):
        if told.place in good or told.place not in made:  # what task_creation says is good
            yield _statement(told.fields, str(told.fields.get("domain")))
    for told in evidence.topic(EVENTS):
        claim = _claim_of(told.fields)
        if str(told.fields.get("event_type")).startswith("PROJECT_") and claim:
            yield _statement({**told.fields, "claim_number": claim, "action": "set"}, "claimx")


def _statement(fields: dict[str, Any], source: str) -> Statement:
    project = fields.get("project_id")
    at = datetime.fromisoformat(fields["timestamp"])
    number = None if project is None else int(project)
    return (fields["claim_number"], fields["event_id"], source, fields.get("action") or "set", number, at)


def _of_history(row: dict[str, Any]) -> Statement:
    return (row["claim_number"], row["event_id"], row["source"], row["action"], row["to"], row["event_timestamp"])


def _order(statement: Statement) -> tuple[datetime, str]:
    return statement[5], statement[1]
