"""What a batch writes besides the ledger: all of it follows from its decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from claimx_lib.domain.creation.decisions import Create, Decision, Drop, GiveUp, Refuse, Skip, Subject, SyncHit, Wait
from claimx_lib.domain.creation.events import Refusal, SourceRecord
from claimx_lib.domain.creation.headers import retry_headers
from claimx_lib.domain.creation.keys import dead_letter_id
from claimx_lib.domain.creation.messages import OutgoingMessage, dlq_message, retry_message, sync_message
from claimx_lib.domain.creation.reasons import BEFORE_EVENTS_SINCE, NOT_SYNCED, ONCE_PER, SHADOW, gone_project
from claimx_lib.domain.reasons import ENDED_IN

AUTO_RECOVER = "auto_recover"
NO_TASK = frozenset({SHADOW, NOT_SYNCED, BEFORE_EVENTS_SINCE})
"""Skipped for these, an event that came back has no task, and its letter is a person's again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where messages go, and what one of them may weigh."""

    retry: str
    dlq: str
    project_sync: str
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLetter:
    """A dead letter to append."""

    record: SourceRecord
    reason: str
    error: str
    event_id: str | None
    claim_number: str | None
    attempts: int | None = None
    candidates: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterChange:
    """A new state for a letter; `by` and `why` are left as they are where None."""

    dead_letter_id: str
    state: str
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A decision of the plan, and what is left of it when all POSTs are done."""

    planned: Decision
    finals: tuple[Decision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Pending rows to upsert and delete (the two are disjoint), letters, and messages, in the order they are written.

    `step` names the run's append of letters: an idempotent append under a name that was used drops other rows in silence.
    """

    upserts: tuple[Wait, ...]
    deletes: tuple[str, ...]
    letters: tuple[NewLetter, ...]
    changes: tuple[LetterChange, ...]
    messages: tuple[OutgoingMessage, ...]
    step: str = "rows"


def effects_of(ended: Iterable[Ended], topics: Topics, *, is_again: bool) -> Effects:
    """The effects of a batch; the same for the same decisions, in the same order.

    A batch that runs again may find pending rows that its first run wrote: then every event that ended is deleted.
    """
    listed = list(ended)
    finals = [final for one in listed for final in one.finals]
    waits = tuple(final for final in finals if isinstance(final, Wait))
    waiting = {wait.subject.event.event_id for wait in waits}
    over = [final.subject for final in finals if isinstance(final, (GiveUp, Skip, Drop))]
    gone = [subject.event.event_id for subject in over if subject.is_pending or is_again]
    return Effects(
        upserts=waits,
        deletes=tuple(event_id for event_id in dict.fromkeys(gone) if event_id not in waiting),
        letters=tuple(letter for final in finals for letter in _letters(final)),
        changes=tuple(change for one in listed for change in _changes(one, topics.retry)),
        messages=tuple(_messages(listed, topics)),
    )


def _letters(final: Decision) -> tuple[NewLetter, ...]:
    if isinstance(final, Refuse):
        told = final.refusal
        letter = NewLetter(
            record=told.record,
            reason=told.reason,
            error=told.error,
            event_id=told.event_id,
            claim_number=told.claim_number,
        )
        return (letter,)
    if not isinstance(final, GiveUp):
        return ()
    event = final.subject.event
    letter = NewLetter(
        record=event.record,
        reason=final.reason,
        error=final.error,
        event_id=event.event_id,
        claim_number=event.claim_number,
        attempts=final.subject.attempts,
        candidates=final.candidates,
    )
    return (letter,)


def _changes(one: Ended, retry_topic: str) -> tuple[LetterChange, ...]:
    if isinstance(one.planned, Refuse):
        return _after_refusal(one.planned.refusal, retry_topic)
    return _after_return(one.planned, one.planned.subject, one.finals) if one.planned.subject.letters else ()


def _after_return(planned: Decision, subject: Subject, finals: tuple[Decision, ...]) -> tuple[LetterChange, ...]:
    """What becomes of the letters of an event that came back."""
    letters = subject.letters
    if any(isinstance(final, Skip) and final.reason in NO_TASK for final in finals):
        return tuple(LetterChange(dead_letter_id=i, state="OPEN") for i in letters)
    if any(isinstance(final, Drop) or _is_taken(final) for final in finals):
        by, why = _recovery(planned)
        return tuple(LetterChange(dead_letter_id=i, state="RESOLVED", by=by, why=why) for i in letters)
    opened = {_letter_id(final) for final in finals if isinstance(final, GiveUp)}
    if opened:  # the one it ended in may stand there from before, resolved: no append opens it again
        touched = dict.fromkeys((*letters, *sorted(opened)))
        return tuple(_after_giving_up(letter, opened, subject) for letter in touched)
    if subject.is_recovered:
        by, why = _recovery(planned)
        return tuple(LetterChange(dead_letter_id=i, state="REPLAYED", by=by, why=why) for i in letters)
    return ()


def _after_giving_up(letter: str, opened: set[str], subject: Subject) -> LetterChange:
    """The letter is open again, or over where another one stands for the event now: left on its way, it would go again."""
    if letter in opened:
        return LetterChange(dead_letter_id=letter, state="OPEN")
    return _ended_in(min(opened), letter, by=AUTO_RECOVER if subject.is_recovered else None)


def _after_refusal(refusal: Refusal, retry_topic: str) -> tuple[LetterChange, ...]:
    """A replay that can't be read, mended or not, has a letter of its own: the one that it came from is over."""
    record = refusal.record
    replay = retry_headers(record.headers).replay if record.topic == retry_topic else None
    opened = dead_letter_id(record, refusal.reason)
    return (_ended_in(opened, replay.dead_letter_id),) if replay and replay.dead_letter_id != opened else ()


def _ended_in(opened: str, letter: str, *, by: str | None = None) -> LetterChange:
    why = f"{ENDED_IN} letter {opened[:12]}"
    return LetterChange(dead_letter_id=letter, state="RESOLVED", by=by, why=why)


def _is_taken(final: Decision) -> bool:
    """Another event's task stands for this one too."""
    return isinstance(final, Skip) and final.reason == ONCE_PER


def _recovery(planned: Decision) -> tuple[str | None, str | None]:
    if not isinstance(planned, Create) or not planned.subject.is_recovered:
        return None, None
    return AUTO_RECOVER, f"a mapping arrived: project {planned.project_id} by {planned.resolved_by}"


def _letter_id(final: GiveUp) -> str:
    return dead_letter_id(final.subject.event.record, final.reason)


def _messages(listed: list[Ended], topics: Topics) -> Iterable[OutgoingMessage]:
    told: set[tuple[str, int]] = set()
    for one in listed:
        hit = _hit(one)
        if hit is not None and (hit.claim_number, hit.project_id) not in told:
            told.add((hit.claim_number, hit.project_id))
            yield sync_message(hit, topics.project_sync)
        for final in one.finals:
            yield from _message(final, topics)


def _message(final: Decision, topics: Topics) -> tuple[OutgoingMessage, ...]:
    if isinstance(final, GiveUp):
        return (dlq_message(final, topics.dlq, max_bytes=topics.max_bytes),)
    if not isinstance(final, Wait) or final.retry_after_seconds is None:
        return ()
    if len(final.subject.event.record.value or b"") > topics.max_bytes:
        return ()  # the pending row is the truth; what the broker would not take is retried all the same
    return (retry_message(final, topics.retry),)


def _hit(one: Ended) -> SyncHit | None:
    """What the API knew, unless it then denied that the project is there: told, it would wake the claim for ever."""
    if not isinstance(one.planned, (Create, Skip)) or any(_is_gone(final) for final in one.finals):
        return None
    return one.planned.hit


def _is_gone(final: Decision) -> bool:
    told = final.reason if isinstance(final, Wait) else final.error if isinstance(final, GiveUp) else None
    return gone_project(told) is not None
