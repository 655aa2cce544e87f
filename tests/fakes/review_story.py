"""A morning at the review page: letters of every reason, a mapping with its history, and a month of tracked tasks."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.warehouse import NOW, Tables, letter, mapping, project, tracked

CLAIM, PROJECT = "ABC-123456", 55012
SCRIPT = "<script>document.title = 'taken'</script>"
ERRORS = {
    "project-not-found": "ClaimX project not found after 3 retries",
    "ambiguous-project": "Several ClaimX projects match the claim number",
    "task-rejected": "rejected 422 POST /api/v1/projects/{project_id}/tasks",
    "undecodable": "no JSON object: JSONDecodeError",
    "api-unavailable": "ClaimX API did not answer for 72 hours",
    "missing-claim_number": "claim_number is missing or empty",
}
SHARES = (140, 26, 15, 9, 11, 8)
STATUSES = ("created", "assigned", "in_progress", "completed")


def fill(tables: Tables) -> Tables:
    """The same rows each time."""
    chance = random.Random(4)
    tables.append("dead_letters", [*_letters(chance), *_of_one_claim()])
    tables.append("claimx_projects", _projects())
    tables.append("claim_project_mapping", _mappings(chance))
    tables.append("claim_project_mapping_history", _history())
    tables.append("xact_task_plan", _tries())
    tables.append("itel_cabinet_task_tracking", _tracking(chance))
    return tables


def _event(event_id: str, claim: str) -> bytes:
    estimate = {"estimate_id": f"EST-{event_id[-4:]}", "insured_name": "Dana Whitfield",
                "address": "418 Alder Street, Tulsa OK", "gross_total": 18230.55}  # fmt: skip
    event = {"event_id": event_id, "event_type": "ESTIMATE_CREATED", "claim_number": claim}
    return json.dumps({**event, "timestamp": "2026-11-20T12:04:11Z", "estimate": estimate}).encode()


def _letters(chance: random.Random) -> list[dict[str, Any]]:
    reasons = chance.choices(list(ERRORS), SHARES, k=420)
    rows = []
    for n, reason in enumerate(reasons):
        claim, event_id = f"CLM-{400_000 + chance.randrange(160)}", f"xact-2026-{n:05d}"
        is_read = reason not in {"undecodable", "missing-claim_number"}
        values = {
            "claim_number": claim if is_read else None,
            "event_id": None if reason == "undecodable" else event_id,
            "reason": reason,
            "error": ERRORS[reason],
            "raw_value": b"\xff\xfe{broken" if reason == "undecodable" else _event(event_id, claim),
            "attempts": 4 if reason == "project-not-found" else 1,
            "opened_at": NOW - timedelta(minutes=9 + chance.randrange(9000)),
        }
        rows.append(letter(n, **values))
    settled = {"state": "RESOLVED", "by": "maria.kessler@example.com", "why": "Project was opened later"}
    rows += [letter(f"s{n}", **settled, claim_number=f"CLM-{410_000 + n}", closed_at=NOW) for n in range(39)]
    late = {"pipeline": "task_tracking", "reason": "bad-timestamp", "claim_number": None, "attempts": 1}
    error = "timestamp 0001-01-01 is outside 2000 to 2100"
    opened = (NOW - timedelta(minutes=31 * n + 12) for n in range(25))
    return [*rows, *(letter(f"t{n}", **late, error=error, opened_at=at) for n, at in enumerate(opened))]


def _of_one_claim() -> list[dict[str, Any]]:
    times = (timedelta(seconds=40), timedelta(minutes=3))
    spelled = zip(("xact-2026-77120", "xact-2026-77121"), (CLAIM, "abc123456"), times, strict=True)
    rows = [
        letter(event_id, claim_number=claim, event_id=event_id, raw_value=_event(event_id, claim), opened_at=NOW - ago)
        for event_id, claim, ago in spelled
    ]
    evil = {"claim_number": SCRIPT, "event_id": '=HYPERLINK("http://evil")', "error": "\u202eevil\u202c <b>"}
    payload = b'{"event_type": "<img src=x onerror=alert(1)>", "blob": "' + b"x" * 1_000_000 + b'"}'
    return [*rows, letter("evil", **evil, raw_value=payload, opened_at=NOW - timedelta(minutes=5))]


def _tries() -> list[dict[str, Any]]:
    return [
        {
            "query_id": "q",
            "batch_id": n,
            "decision": "Wait",
            "event_id": "xact-2026-77120",
            "payload": json.dumps(
                {
                    "subject": {"attempts": n},
                    "reason": "project-not-found",
                    "next_attempt_at": f"2026-11-20T14:2{5 + n}:30.000000+00:00",
                }
            ),
            "at": NOW - timedelta(minutes=6 - n),
        }
        for n in (1, 2, 3)
    ]


def _projects() -> list[dict[str, Any]]:
    return [
        project(PROJECT, "123456", key="123456", name="Whitfield kitchen"),
        project(55013, "ABC-123465", key="ABC123465", name="Orr bathroom"),
        project(55014, "ABC123458", key="ABC123458", name="Lindqvist roof"),
    ]


def _mappings(chance: random.Random) -> list[dict[str, Any]]:
    sources = chance.choices(("claimx", "xact", "manual"), (6, 3, 2), k=40)
    sources[7] = "manual"  # as the last line of its history says
    rows = [mapping(f"CLM-{410_000 + n}", 60_000 + n, key=f"CLM{410_000 + n}", source=s) for n, s in enumerate(sources)]
    twice = mapping("clm410007", 61_007, key="CLM410007")
    return [*rows, twice]


def _history() -> list[dict[str, Any]]:
    said = (
        ("claimx", None, None, None, 60_007, "accepted"),
        ("claimx", None, None, 60_007, 61_007, "conflict"),
        ("manual", "maria.kessler@example.com", "Confirmed with the adjuster by phone", 61_007, 60_007, "accepted"),
    )
    return [
        {"event_id": f"h{n}", "claim_number": "CLM-410007", "claim_key": "CLM410007", "source": source, "by": by,
         "why": why, "from": before, "to": to, "outcome": outcome, "action": "set", "event_timestamp": NOW,
         "at": NOW - timedelta(hours=30 - 9 * n)}
        for n, (source, by, why, before, to, outcome) in enumerate(said)
    ]  # fmt: skip


def _tracking(chance: random.Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for task in range(80_000, 80_400):
        at = NOW - timedelta(hours=2 + chance.randrange(700))
        for before, status in zip((None, *STATUSES), STATUSES[: chance.choice((2, 3, 4, 4, 4, 4))], strict=False):
            if at < NOW:
                rows.append(_tracked(task, before, status, at, chance))
            at += timedelta(hours=chance.expovariate(1 / 14))
    return rows


def _tracked(task: int, before: str | None, status: str, at: datetime, chance: random.Random) -> dict[str, Any]:
    outcome = chance.choices(("enriched", "failed", "not_found", "skipped"), (92, 4, 3, 1))[0]
    return tracked(
        task,
        status,
        at,
        outcome,
        event_id=f"evt-{task}-{status}",
        processed_timestamp=at + timedelta(seconds=3),
        project_id=str(55_000 + task % 90),
        previous_status=before,
        task_name="iTel Cabinet Documentation",
        assigned_to_user_id=11 + task % 7,
        enrichment_error="unavailable 503 GET /api/v1/tasks/{task_id}" if outcome == "failed" else None,
    )
