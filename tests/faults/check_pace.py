"""Invariants of time: I8 it ends and is on time, I10 nothing moves without input, I11 the pace is kept."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tests.faults.evidence import Evidence, Row, several

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
    return bool(first["mapping_version"] != then["mapping_version"])


def nothing_moves(evidence: Evidence) -> Iterator[str]:
    """I10: a restart without input makes no commit, no message and no call."""
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
