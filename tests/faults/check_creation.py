"""Invariants of task creation: I1 by coordinates, I2 to I4 by ClaimX's own log and the ledger's commits."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.faults.evidence import OURS, REFUSED, Call, Committed, Evidence, place_of, several

XACT = "xact_events"
DONE = {"CREATED", "ADOPTED"}
LOOKS = 2
REFUSED_TOKEN, NOT_OWNER = 401, "not-owner"
HONEST, WHOLE = {200, 404}, {None, "drip"}
"""A list, or no such project: both say what is there, where no fault but slowness has befallen the answer."""


def conservation(evidence: Evidence) -> Iterator[str]:
    """I1: each XACT event is in the ledger with its end, pending, or a dead letter; bad records are one dead letter."""
    letters = Counter(place_of(row) for row in evidence.letters("task_creation"))
    bad = [one.place for one in evidence.produced_on(XACT) if one.outcome == REFUSED]
    yield from several("I1 xact.events: a bad record has not exactly one dead letter",
                       [place for place in bad if letters[place] != 1])  # fmt: skip
    ours = _ours(evidence)
    ends = _ends(evidence)
    yield from several("I1 xact.events: an event without an end", sorted(e for e in ours if not ends[e]))
    yield from several("I1 xact.events: an event with several ends",
                       sorted(f"{e} ({', '.join(sorted(ends[e]))})" for e in ours if len(ends[e]) > 1))  # fmt: skip
    yield from several("I1 xact.events: an end of an event that nobody sent", sorted(set(ends) - ours))


def _ours(evidence: Evidence) -> set[str]:
    return {str(one.event_id) for one in evidence.produced_on(XACT) if one.outcome == OURS}


def _ends(evidence: Evidence) -> defaultdict[str, set[str]]:
    """Where each event stands now: a task, pending, an open dead letter, or an end without a task."""
    bad = {one.place for one in evidence.produced_on(XACT) if one.outcome == REFUSED}
    ends: defaultdict[str, set[str]] = defaultdict(set)
    for row in evidence.table("xact_task_ledger"):
        if row["state"] in DONE:
            ends[row["event_id"]].add("task")
        elif row["state"] == "SKIPPED":
            ends[row["event_id"]].add("skipped")
    for row in evidence.table("xact_task_pending"):
        ends[row["event_id"]].add("pending")
    for row in evidence.letters("task_creation"):
        if row["state"] == "OPEN" and place_of(row) not in bad and row["event_id"] is not None:
            ends[row["event_id"]].add("dead letter")
    return ends


def at_most_one_task(evidence: Evidence) -> Iterator[str]:
    """I2: ClaimX created no second task for one reference."""
    made = Counter(call.reference for call in evidence.calls if call.created_task_id is not None)
    yield from several("I2: more than one task of one reference", sorted(str(k) for k, n in made.items() if n > 1))


def exactly_one_task(evidence: Evidence) -> Iterator[str]:
    """I3: each event has its task, and ledger and ClaimX name the same one, or it ended with a reason."""
    by_reference = {c.reference: c.created_task_id for c in evidence.calls if c.created_task_id is not None}
    ours = {key_of(event, evidence.limits.rule): event for event in _ours(evidence)}
    done = {r["idempotency_key"]: r["claimx_task_id"] for r in evidence.table("xact_task_ledger") if r["state"] in DONE}
    reasons = {r["event_id"] for r in evidence.letters("task_creation") if r["state"] == "OPEN" and r["reason"]}
    open_ends = [event for key, event in ours.items() if key not in by_reference and event not in reasons]
    yield from several("I3: neither a task nor a dead letter with a reason", sorted(open_ends))
    yield from several("I3: a task of no event", sorted(str(k) for k in set(by_reference) - set(ours)))
    unknown = [event for key, event in ours.items() if key in by_reference and key not in done and event not in reasons]
    yield from several("I3: a task that the ledger does not know", sorted(unknown))
    other = [key for key, task in done.items() if str(by_reference.get(key)) != str(task)]
    yield from several("I3: the ledger names a task that ClaimX did not make", sorted(other))


def intent_before_post(evidence: Evidence) -> Iterator[str]:
    """I4: each POST has an INTENT of its own committed before it and not expired, each outcome an INTENT."""
    rows = _by_key(evidence.ledger)
    posts: defaultdict[str, list[Call]] = defaultdict(list)
    for call in sorted(evidence.calls, key=lambda c: c.at):
        if call.is_post and call.status != REFUSED_TOKEN:
            posts[str(call.reference)].append(call)
    bare, unasked = [], []
    for key, sent in posts.items():
        intents = _owned(rows[key])
        for number, post in enumerate(sent, start=1):
            before = [one for one in intents if one.at <= post.at]
            if len(before) < number or not any(_seconds(one.row["expires_at"]) > post.at for one in before):
                bare.append(key)
        unasked += [key for first, then in pairwise(intents)
                    if not _is_settled(evidence, rows[key], first, then)]  # fmt: skip
    yield from several("I4: a POST without an INTENT of its own before it", sorted(set(bare)))
    yield from several("I4: a new INTENT while another was in doubt and not looked up", sorted(set(unasked)))
    yield from several("I4: an outcome without an INTENT", sorted(_outcomes_alone(rows)))


def _owned(rows: list[Committed]) -> list[Committed]:
    """A key's INTENTs. Two processes may write theirs side by side: the one that came second says so, and sends nothing."""
    without = {one.row["attempt_id"] for one in rows if one.row["reason"] == NOT_OWNER}
    return [one for one in rows if one.row["state"] == "INTENT" and one.row["attempt_id"] not in without]


def _is_settled(evidence: Evidence, rows: list[Committed], first: Committed, then: Committed) -> bool:
    """Whether an outcome closed the first INTENT before the second; one that says "not there" rests on two looks."""
    closing = [one for one in rows if one.row["attempt_id"] == first.row["attempt_id"]
               and one.row["state"] != "INTENT" and one.at <= then.at]  # fmt: skip
    if not closing:
        return False
    if closing[0].row["reason"] != "not-there":
        return True
    earliest = _seconds(first.row["expires_at"]) + evidence.limits.settle_seconds
    looks = [c for c in evidence.calls if not c.is_post and c.reference == first.row["idempotency_key"]
             and c.status in HONEST and c.fault in WHOLE and earliest <= c.at <= closing[0].at]  # fmt: skip
    return len(looks) >= LOOKS


def _outcomes_alone(rows: dict[str, list[Committed]]) -> Iterator[str]:
    for key, kept in rows.items():
        intents = {one.row["attempt_id"]: one.at for one in kept if one.row["state"] == "INTENT"}
        for one in kept:
            needs = one.row["state"] not in {"INTENT", "SKIPPED"}
            if needs and intents.get(one.row["attempt_id"], float("inf")) > one.at:
                yield key


def _by_key(ledger: Any) -> defaultdict[str, list[Committed]]:
    rows: defaultdict[str, list[Committed]] = defaultdict(list)
    for one in sorted(ledger, key=lambda committed: committed.at):
        rows[one.row["idempotency_key"]].append(one)
    return rows


def key_of(event_id: str, rule: str) -> str:
    """The contract's idempotency key, worked out apart from the product: hex SHA-256 of pipeline, event, rule."""
    return hashlib.sha256(f"task_creation|{event_id}|{rule}".encode()).hexdigest()


def _seconds(instant: datetime | None) -> float:
    return instant.timestamp() if instant is not None else float("inf")
