"""Decisions as plan rows and back, exactly: what was planned is what is done, whenever it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from claimx_lib.domain.creation.decisions import Create, Decision, Drop, GiveUp, Refuse, Skip, Subject, SyncHit, Wait
from claimx_lib.domain.creation.events import Headers, Refusal, SourceRecord, XactEvent
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.policy import Task
from claimx_lib.domain.instants import exact

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A decision as it stands in `xact_task_plan`: the event's bytes and headers apart, all else in `payload`."""

    decision: str
    event_id: str | None
    payload: str
    raw_value: bytes | None
    headers: Headers


def encoded(decision: Decision) -> PlanRow:
    """The plan row of a decision."""
    if isinstance(decision, Refuse):
        refusal = decision.refusal
        told = {name: getattr(refusal, name) for name in ("reason", "error", "event_id", "claim_number")}
        return _row("Refuse", refusal.event_id, refusal.record, {**told, "record": _record(refusal.record)})
    subject = decision.subject
    payload = {"subject": _subject(subject), "record": _record(subject.event.record), **_own(decision)}
    return _row(type(decision).__name__, subject.event.event_id, subject.event.record, payload)


def decision_of(row: PlanRow) -> Decision:
    """The decision of a plan row; ValueError where it is none of this version's."""
    payload = json.loads(row.payload)
    record = _record_of(payload["record"], row)
    if row.decision == "Refuse":
        told = {name: payload[name] for name in ("reason", "error", "event_id", "claim_number")}
        return Refuse(refusal=Refusal(record=record, **told))
    if row.decision not in _DECODERS:
        raise ValueError(row.decision)
    return _DECODERS[row.decision](_subject_of(payload["subject"], record), payload)


def _row(kind: str, event_id: str | None, record: SourceRecord, payload: Json) -> PlanRow:
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"))
    return PlanRow(decision=kind, event_id=event_id, payload=text, raw_value=record.value, headers=record.headers)


def _own(decision: Create | Wait | GiveUp | Skip | Drop) -> Json:
    if isinstance(decision, Create):
        return {
            "project_id": decision.project_id,
            "resolved_by": decision.resolved_by,
            "tasks": [_task(t) for t in decision.tasks],
            "hit": _hit(decision.hit),
            "is_look": decision.is_look,
        }
    if isinstance(decision, Wait):
        return {
            "reason": decision.reason,
            "next_attempt_at": exact(decision.next_attempt_at),
            "retry_after_seconds": decision.retry_after_seconds,
        }
    if isinstance(decision, GiveUp):
        return {name: getattr(decision, name) for name in ("reason", "sentence", "error", "candidates")}
    if isinstance(decision, Skip):
        return {"reason": decision.reason, "tasks": [_task(t) for t in decision.tasks], "hit": _hit(decision.hit)}
    return {}


def _create(subject: Subject, payload: Json) -> Decision:
    return Create(
        subject=subject,
        project_id=payload["project_id"],
        resolved_by=payload["resolved_by"],
        tasks=_tasks(payload),
        hit=_hit_of(payload["hit"]),
        is_look=payload["is_look"],
    )


def _wait(subject: Subject, payload: Json) -> Decision:
    return Wait(
        subject=subject,
        reason=payload["reason"],
        next_attempt_at=_instant(payload["next_attempt_at"]),
        retry_after_seconds=payload["retry_after_seconds"],
    )


def _give_up(subject: Subject, payload: Json) -> Decision:
    told = {name: payload[name] for name in ("reason", "sentence", "error", "candidates")}
    return GiveUp(subject=subject, **told)


def _skip(subject: Subject, payload: Json) -> Decision:
    return Skip(subject=subject, reason=payload["reason"], tasks=_tasks(payload), hit=_hit_of(payload["hit"]))


def _drop(subject: Subject, _payload: Json) -> Decision:
    return Drop(subject=subject)


_DECODERS: dict[str, Callable[[Subject, Json], Decision]] = {
    "Create": _create,
    "Wait": _wait,
    "GiveUp": _give_up,
    "Skip": _skip,
    "Drop": _drop,
}


def _task(task: Task) -> Json:
    return {"rule": task.rule, "key": task.key, "body": task.body}


def _tasks(payload: Json) -> tuple[Task, ...]:
    return tuple(Task(**task) for task in payload["tasks"])


def _hit(hit: SyncHit | None) -> Json | None:
    if hit is None:
        return None
    names = ("event_id", "claim_number", "project_id", "why")
    return {**{name: getattr(hit, name) for name in names}, "at": exact(hit.at)}


def _hit_of(payload: Json | None) -> SyncHit | None:
    return None if payload is None else SyncHit(**{**payload, "at": _instant(payload["at"])})


def _record(record: SourceRecord) -> Json:
    key = None if record.key is None else record.key.hex()
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": key,
        "at": exact(record.at),
    }


def _record_of(payload: Json, row: PlanRow) -> SourceRecord:
    key = None if payload["key"] is None else bytes.fromhex(payload["key"])
    rest = {**payload, "key": key, "at": _instant(payload["at"])}
    return SourceRecord(**rest, value=row.raw_value, headers=row.headers)


_EVENT = ("event_id", "event_type", "claim_number", "claim_key", "timestamp", "estimate_id")


def _subject(subject: Subject) -> Json:
    replay = subject.replay
    return {
        "event": {name: getattr(subject.event, name) for name in _EVENT}
        | {"happened_at": exact(subject.event.happened_at)},
        "attempt": subject.attempt,
        "attempts": subject.attempts,
        "first_seen_at": exact(subject.first_seen_at),
        "letters": list(subject.letters),
        "replay": None if replay is None else [replay.dead_letter_id, replay.count],
        "is_recovered": subject.is_recovered,
        "is_pending": subject.is_pending,
        "is_failing": subject.is_failing,
    }


def _subject_of(payload: Json, record: SourceRecord) -> Subject:
    event = payload["event"]
    replay = payload["replay"]
    return Subject(
        event=XactEvent(**{**event, "happened_at": _instant(event["happened_at"])}, record=record),
        attempt=payload["attempt"],
        attempts=payload["attempts"],
        first_seen_at=_instant(payload["first_seen_at"]),
        letters=tuple(payload["letters"]),
        replay=None if replay is None else Replay(dead_letter_id=replay[0], count=replay[1]),
        is_recovered=payload["is_recovered"],
        is_pending=payload["is_pending"],
        is_failing=payload.get("is_failing", True),
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
