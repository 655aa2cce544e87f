"""What a batch decides for one event; every effect follows from these values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from claimx_lib.domain.creation.events import Refusal, XactEvent
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.policy import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An event on its way: `attempts` tries have ended in an honest "none" so far.

    `letters` are its dead letters that are not closed; `attempt` names this batch's try. `is_failing`: what it
    waited for last, if it has waited, was an API that failed.
    """

    event: XactEvent
    attempt: str
    attempts: int = 0
    first_seen_at: datetime
    letters: tuple[str, ...] = ()
    replay: Replay | None = None
    is_recovered: bool = False
    is_pending: bool = False
    is_failing: bool = True

    @property
    def came_back_at(self) -> datetime | None:
        """When it came back on purpose, so that a key that had ended without a task by then may be tried again."""
        return self.first_seen_at if self.replay is not None or self.letters else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncHit:
    """A project that the API knew: to be told to `project.sync`."""

    event_id: str
    claim_number: str
    project_id: int
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """The project is known: see that each task is there, once."""

    subject: Subject
    project_id: int
    resolved_by: str
    tasks: tuple[Task, ...]
    hit: SyncHit | None = None
    is_look: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not yet: a pending row; `retry_after_seconds` is there where the retry topic is told."""

    subject: Subject
    reason: str
    next_attempt_at: datetime
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """For a person: a dead letter and a message on the DLQ topic, with `sentence` as its reason in words."""

    subject: Subject
    reason: str
    sentence: str
    error: str = ""
    candidates: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """No task, on purpose: a SKIPPED row for each task."""

    subject: Subject
    reason: str
    tasks: tuple[Task, ...]
    hit: SyncHit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Its tasks are there already: the pending row goes, open letters are resolved."""

    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """A record that cannot be read as an event: a dead letter."""

    refusal: Refusal


Decision: TypeAlias = Create | Wait | GiveUp | Skip | Drop | Refuse


def event_id_of(decision: Decision) -> str | None:
    """The event that a decision is about; None for a record that is none."""
    return decision.refusal.event_id if isinstance(decision, Refuse) else decision.subject.event.event_id
