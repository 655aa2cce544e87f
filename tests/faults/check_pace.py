"""Invariants of time: I8 it ends and is on time, I10 nothing moves without input, I11 the pace is kept."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from tests.faults.evidence import Evidence, Row, several

RATE_LIMITED = "rate-limited"
WINDOW_SECONDS = 1.0
JITTER_SECONDS = 0.25
"""How unevenly calls may arrive at a server on a busy machine, besides the product's own headroom."""


def it_ends(evidence: Evidence) -> Iterator[str]:
    """I8: no lag and nothing pending in the end; attempts at most the maximum; nobody tried before its time."""
    yield from several("I8: a job has not read its topics", sorted(f"{j} ({n})" for j, n in evidence.lag.items() if n))
    yield from several("I8: still pending", sorted(row["event_id"] for row in evidence.table("xact_task_pending")))
    most = evidence.limits.max_retries + 1
    over = [row["event_id"] for row in evidence.letters("task_creation") if (row["attempts"] or 0) > most]
    yield from several("I8: more attempts than allowed", sorted(map(str, over)))
    retries = [told.place for told in evidence.topic("retry")
               if int(told.headers.get("x-retry-count", b"0")) > evidence.limits.max_retries]  # fmt: skip
    yield from several("I8: a retry past the last one", retries)
    yield from several("I8: tried before its time", sorted(set(_too_early(evidence))))
    yield from several("I8: to be sent again before its time", sorted(set(_sent_too_early(evidence))))


def _too_early(evidence: Evidence) -> Iterator[str]:
    """A plan's decision on an event that another batch's plan told to wait: not before then, unless a mapping woke it."""
    by_event: defaultdict[str, list[Row]] = defaultdict(list)
    for row in evidence.plan:
        if row["event_id"] is not None:
            by_event[row["event_id"]].append(row)
    for event_id, rows in by_event.items():
        ordered = sorted(rows, key=lambda row: row["at"])
        for first, then in pairwise(ordered):
            if first["decision"] == "Wait" and not _is_woken(first, then):
                not_before = datetime.fromisoformat(json.loads(first["payload"])["next_attempt_at"])
                if then["at"] < not_before:
                    yield event_id


def _is_woken(first: Row, then: Row) -> bool:
    """The mapping has changed since, or a new query has looked at all that wait, as its first batch does."""
    return any(first[name] != then[name] for name in ("mapping_version", "query_id"))


def _sent_too_early(evidence: Evidence) -> Iterator[str]:
    """An INTENT that follows a NOT_SENT of its key before the time that this one names."""
    plans = {attempt: row for row in evidence.plan if (attempt := _subject(row).get("attempt"))}
    by_key: defaultdict[str, list[Row]] = defaultdict(list)
    for one in sorted(evidence.ledger, key=lambda committed: committed.row["at"]):
        by_key[one.row["idempotency_key"]].append(one.row)
    for rows in by_key.values():
        for number, row in enumerate(rows):
            then = next((later for later in rows[number:] if later["state"] == "INTENT"), None)
            not_before = row["expires_at"] if row["state"] == "NOT_SENT" else None
            if then and not_before and then["at"] < not_before and not _may_be_sent(row, then, plans):
                yield row["event_id"]


def _may_be_sent(unsent: Row, intent: Row, plans: Mapping[str, Row]) -> bool:
    """Whether something lets a key be sent at once: who is woken by a mapping, comes back from a dead letter, or was left
    to no pending row, waits for a 429 alone. A batch planned before knows of no NOT_SENT: another process was quicker.
    """
    before, plan = (plans.get(_attempt(row)) for row in (unsent, intent))
    if plan is None or plan["at"] <= unsent["at"]:
        return True
    if unsent["reason"] == RATE_LIMITED:
        return False
    if before is None:
        return True
    subject = _subject(plan)
    if not subject["is_pending"]:
        return bool(subject["letters"]) or before["query_id"] != plan["query_id"]
    is_by_mapping = str(intent["resolved_by"]).startswith("mapping:")  # who is woken is looked up nowhere else
    return is_by_mapping and _is_woken(before, plan)


def _attempt(row: Row) -> str:
    """The batch's try that a ledger row belongs to, whichever run of the batch wrote it."""
    return str(row["attempt_id"]).partition(".")[0]


def _subject(planned: Row) -> Row:
    """The event of a decision, and how it came into the batch; nothing where it was refused."""
    return dict(json.loads(planned["payload"]).get("subject") or {})


def nothing_moves(evidence: Evidence) -> Iterator[str]:
    """I10: a restart without input makes no commit, no message and no call."""
    if len(evidence.stills) < 2:
        yield "I10: no restart without input was made"
    for before, after in pairwise(evidence.stills):
        moved = [t for t in after.versions if after.versions[t] != before.versions.get(t)]
        yield from several("I10: a restart without input wrote to a table", sorted(moved))
        told = [t for t in after.ends if after.ends[t] != before.ends.get(t)]
        yield from several("I10: a restart without input sent messages", sorted(told))
        if after.calls != before.calls:
            yield f"I10: a restart without input made calls: {after.calls - before.calls}"


def pace_is_kept(evidence: Evidence) -> Iterator[str]:
    """I11: no window of a second has more calls than the limit allows in it and the jitter of arrival."""
    limit = evidence.limits.requests_per_second * (WINDOW_SECONDS + JITTER_SECONDS)
    times = sorted(call.at for call in evidence.calls)
    start = 0
    for end, at in enumerate(times):
        while times[start] <= at - WINDOW_SECONDS:
            start += 1
        if end - start + 1 > limit:
            yield f"I11: {end - start + 1} calls within {WINDOW_SECONDS:g} s, the limit is {limit:g}: until {at:.3f}"
            return
