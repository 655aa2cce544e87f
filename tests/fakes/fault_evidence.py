"""What a run leaves behind when everything went well, small enough to be broken in one place by a test."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.check_creation import key_of
from tests.faults.evidence import (
    NOT_OURS,
    OURS,
    REFUSED,
    UNFIT,
    Call,
    Committed,
    Evidence,
    Limits,
    Place,
    Produced,
    Still,
    Told,
)

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
LIMITS = Limits(max_retries=2, requests_per_second=40, settle_seconds=1)
KEY = key_of("x1", LIMITS.rule)


def seconds(after_noon: float) -> float:
    return NOON.timestamp() + after_noon


def at(after_noon: float) -> datetime:
    return NOON + timedelta(seconds=after_noon)


def produced(place: Place, outcome: str, event_id: str | None = None) -> Produced:
    return Produced(place=place, outcome=outcome, kind="made", event_id=event_id)


def told(place: Place, value: object, headers: dict[str, str] | None = None) -> Told:
    named = {name: text.encode() for name, text in (headers or {}).items()}
    return Told(place=place, value=json.dumps(value).encode(), headers=named)


def letter(pipeline: str, place: Place, **more: Any) -> dict[str, Any]:
    return {"pipeline": pipeline, "state": "OPEN", "reason": "undecodable", "event_id": None, "attempts": None,
            "source_topic": place[0], "source_partition": place[1], "source_offset": place[2], **more}  # fmt: skip


def row(event_id: str, **more: Any) -> dict[str, Any]:
    """A row of the tracking table, as far as messages tell of it."""
    return {"event_id": event_id, "task_id": 32513, "assignment_id": 5, "project_id": "1", "task_status": "assigned",
            "enrichment_status": "enriched", "processed_timestamp": NOON, **more}  # fmt: skip


def success(place: Place, of: dict[str, Any], **more: Any) -> Told:
    """The message that a row's writing sends."""
    fields = {name: value for name, value in of.items() if name != "processed_timestamp"}
    return told(place, {**fields, "processed_at": "2026-01-10T12:00:00.000Z", **more})


def tracking_evidence() -> Evidence:
    """One event delivered twice, one of another template, a bad and an unfit record."""
    event = ("claimx_events", 0, 0)
    again, other, bad, unfit = (("claimx_events", 0, n) for n in (1, 2, 3, 4))
    messages = [
        told(("tracking", 0, n), {"event_id": event_id}, {"x-source": "/".join(map(str, place))})
        for n, (event_id, place) in enumerate([("e1", event), ("e1", again), ("e4", unfit)])
    ]
    return Evidence(
        produced=(
            produced(event, OURS, "e1"),
            produced(again, OURS, "e1"),
            produced(other, NOT_OURS, "e2"),
            produced(bad, REFUSED, "e3"),
            produced(unfit, UNFIT, "e4"),
        ),
        topics={"tracking": messages, "tracking_success": [success(("tracking_success", 0, 0), row("e1"))]},
        tables={
            "itel_cabinet_task_tracking": [row("e1")],
            "dead_letters": [letter("task_trigger", bad), letter("task_tracking", ("tracking", 0, 2), event_id="e4")],
        },
        lag={"task_trigger": 0, "task_tracking": 0},
        stills=(still(), still()),
        jvm_logs=("jvm.log",),
        limits=LIMITS,
    )


def still(**more: Any) -> Still:
    return Still(**{"versions": {"dead_letters": 3}, "ends": {"tracking": 7}, "calls": 2, **more})


def ledger_row(state: str, attempt: str = "a.1", **more: Any) -> dict[str, Any]:
    return {"idempotency_key": KEY, "event_id": "x1", "state": state, "attempt_id": attempt, "claimx_task_id": None,
            "expires_at": at(10), "reason": None, "resolved_by": "mapping:exact", "at": NOON, **more}  # fmt: skip


def sent_again(reason: str, then_at: float, attempt: str = "b.1", **more: Any) -> tuple[Committed, ...]:
    """A POST that was not taken at 3, and not to be sent again before 8; then the task, under an INTENT of `then_at`."""
    steps = [
        ("INTENT", "a.1", {"at": at(1)}),
        ("NOT_SENT", "a.1", {"at": at(3), "expires_at": at(8), "reason": reason}),
        ("INTENT", attempt, {"at": at(then_at), "expires_at": at(20), **more}),
        ("CREATED", attempt, {"at": at(then_at + 2), "claimx_task_id": "900"}),
    ]
    return tuple(Committed(at=row["at"].timestamp(), row=row)
                 for row in (ledger_row(state, of, **told) for state, of, told in steps))  # fmt: skip


def planned(attempt: str, planned_at: float, **more: Any) -> dict[str, Any]:
    """A plan's row that lets an event's task be created."""
    subject = {"attempt": attempt, "letters": more.pop("letters", []), "is_pending": more.pop("is_pending", True)}
    return {"event_id": "x1", "decision": "Create", "at": at(planned_at), "query_id": "q", "mapping_version": 1,
            "payload": json.dumps({"subject": subject}), **more}  # fmt: skip


def post(after_noon: float, **more: Any) -> Call:
    given = {"method": "POST", "path": "/api/v1/projects/7/tasks", "status": 201, "reference": KEY}
    return Call(**{"at": seconds(after_noon), **given, **more})


def look(after_noon: float) -> Call:
    return Call(at=seconds(after_noon), method="GET", path="/api/v1/projects/7/tasks", status=200, reference=KEY)


def identity_evidence(*rows: Committed, calls: tuple[Call, ...] = ()) -> Evidence:
    """One claim with two statements, one estimate and its task, and bad records; `rows` and `calls` replace its sending."""
    ledger = rows or (
        Committed(at=seconds(1), row=ledger_row("INTENT")),
        Committed(at=seconds(3), row=ledger_row("CREATED", claimx_task_id="900")),
    )
    said = [(7, "i1", NOON), (8, "i0", NOON - timedelta(days=1))]
    return Evidence(
        produced=(
            *(produced(("project_sync", 0, n), OURS, event_id) for n, (_, event_id, _) in enumerate(said)),
            produced(("project_sync", 0, 2), REFUSED),
            produced(("xact_events", 0, 0), OURS, "x1"),
            produced(("xact_events", 0, 1), REFUSED),
        ),
        topics={"project_sync": [told(("project_sync", 0, n), statement(*one)) for n, one in enumerate(said)]},
        calls=calls or (post(2, created_task_id=900),),
        tables={
            "claim_project_mapping": [{"claim_number": "C-1", "project_id": 7, "event_id": "i1", "source": "claimx"}],
            "claim_project_mapping_history": [history(*one) for one in said],
            "xact_task_ledger": [one.row for one in ledger],
            "dead_letters": [
                letter("mapping_sync", ("project_sync", 0, 2)),
                letter("task_creation", ("xact_events", 0, 1)),
            ],
        },
        ledger=ledger,
        lag={"mapping_sync": 0, "task_creation": 0},
        stills=(still(), still()),
        jvm_logs=("jvm.log",),
        limits=LIMITS,
    )


def statement(project: int, event_id: str, time: datetime, domain: str = "claimx", action: str = "set") -> Any:
    return {"event_id": event_id, "domain": domain, "claim_number": "C-1", "project_id": project,
            "timestamp": time.isoformat(), "action": action}  # fmt: skip


def project_event(event_id: str, time: datetime, **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "event_type": "PROJECT_UPDATED", "project_id": "7", "timestamp": time.isoformat(),
            "project": {"project_name": f"House of {event_id}"}, **more}  # fmt: skip


def project_row(event_id: str, **more: Any) -> dict[str, Any]:
    return {"project_id": 7, "event_id": event_id, "project_name": f"House of {event_id}", "claim_number": None,
            "claim_event_id": None, **more}  # fmt: skip


def history(project: int, event_id: str, time: datetime, domain: str = "claimx", action: str = "set") -> dict[str, Any]:
    return {"claim_number": "C-1", "event_id": event_id, "source": domain, "action": action, "to": project,
            "event_timestamp": time}  # fmt: skip
