"""Which events a batch takes up: new ones, replays, and those that waited."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, unique

from claimx_lib.domain.creation.events import NotOurs, Refusal, SourceRecord, XactEvent, decoded
from claimx_lib.domain.creation.headers import Replay, RetryHeaders, retry_headers
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.reasons import Reason


@unique
class Route(StrEnum):
    """How an event came into the batch; a woken or recovered one is looked up in the mapping alone."""

    DUE = "due"
    WOKEN = "woken"
    RECOVERED = "recovered"
    FRESH = "fresh"

    @property
    def asks_api(self) -> bool:
        """Whether its claim may be asked for at the API."""
        return self in {Route.DUE, Route.FRESH}


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRow:
    """A row of `xact_task_pending` as far as decisions rest on it; `record` is the original one."""

    event_id: str
    record: SourceRecord
    attempts: int
    first_seen_at: datetime
    last_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter that is not closed; `record` is there where it may be recovered, `by` where a person has seen to it."""

    dead_letter_id: str
    event_id: str | None
    by: str | None = None
    attempts: int = 0
    record: SourceRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Events that the tables know, asked for the ids of this batch alone.

    `replays` are in a plan; `replayed` are the letters of which one is still on its way, `over` those that are closed.
    """

    event_ids: frozenset[str] = frozenset()
    pending_ids: frozenset[str] = frozenset()
    replays: frozenset[Replay] = frozenset()
    replayed: frozenset[str] = frozenset()
    over: frozenset[str] = frozenset()
    letters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An event that the batch decides on; `first_seen_at` is when a batch took it up, from where its age is counted."""

    event: XactEvent
    route: Route
    attempts: int = 0
    first_seen_at: datetime
    not_before: datetime | None = None
    letters: tuple[str, ...] = ()
    replay: Replay | None = None
    last_reason: str | None = None
    is_retry: bool = False
    is_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The records of a batch, read: events in order, refusals, and how many are not ours."""

    events: tuple[XactEvent, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    not_ours: int = 0


def read(records: Iterable[SourceRecord], policy: Policy, *, retry_topic: str) -> Reading:
    """Every record as exactly one of event, refusal, not ours; in the order of their time, then of topic, partition and offset.

    A replay of a type without a rule is a refusal: the letter that it came from would be on its way for ever.
    """
    ordered = sorted(records, key=lambda record: (record.at, record.topic, record.partition, record.offset))
    results = [_answered(decoded(record, policy.rules), retry_topic) for record in ordered]
    return Reading(
        events=tuple(r for r in results if isinstance(r, XactEvent)),
        refusals=tuple(r for r in results if isinstance(r, Refusal)),
        not_ours=sum(isinstance(r, NotOurs) for r in results),
    )


def _answered(found: XactEvent | Refusal | NotOurs, retry_topic: str) -> XactEvent | Refusal | NotOurs:
    if not isinstance(found, NotOurs) or found.record.topic != retry_topic:
        return found
    told = retry_headers(found.record.headers)
    if told.replay is None or told.attempt_id is not None:  # our own echo: its event waits in pending
        return found
    return Refusal(
        record=found.record, reason=str(Reason.INVALID_FIELD), error="no rule makes a task of its event_type"
    )


def fresh(
    reading: Reading, known: Known, now: datetime, *, retry_topic: str, longest_wait_seconds: float
) -> tuple[Candidate, ...]:
    """The events that are new, each once, and the replays that are new.

    An event known in any state is left out, unless it brings a replay that no batch has taken up, or none has ended: its
    query may be gone. One that no batch has taken up takes the place of its event's pending row, whose letter it is to end.
    A replay of a letter that is closed by now brings nothing. Our own echo on the retry topic is
    left out (the contract): its event waits in pending. Anything else there starts at its `x-retry-count`, not before
    its `x-retry-after` has passed, from now where its record claims to come later.
    """
    chosen: dict[str, Candidate] = {}
    for event in reading.events:
        is_retry = event.record.topic == retry_topic
        told = retry_headers(event.record.headers) if is_retry else RetryHeaders()
        if told.attempt_id is not None:
            continue
        is_new_replay = told.replay is not None and _is_left(told.replay, known)
        is_first = is_new_replay and told.replay not in known.replays
        is_new = event.event_id not in known.event_ids or is_new_replay
        is_waiting = event.event_id in known.pending_ids
        if is_first or (is_new and not is_waiting and event.event_id not in chosen):
            wait = min(told.retry_after_seconds, longest_wait_seconds)
            chosen[event.event_id] = Candidate(
                event=event,
                route=Route.FRESH,
                attempts=told.retry_count,
                first_seen_at=now,
                not_before=min(event.record.at, now) + timedelta(seconds=wait) if wait else None,
                letters=_letters(event, told.replay, known),
                replay=told.replay,
                is_retry=is_retry,
                is_pending=is_waiting,
            )
    return tuple(chosen.values())


def _is_left(replay: Replay, known: Known) -> bool:
    is_taken_up = replay in known.replays and replay.dead_letter_id not in known.replayed
    return not is_taken_up and replay.dead_letter_id not in known.over


class _EveryType(Container[str]):
    """What waits was an event of ours when it came, even if its type has lost its rule since."""

    def __contains__(self, _: object) -> bool:
        return True


EVERY_TYPE = _EveryType()


def readable(rows: Iterable[PendingRow], event_types: Container[str]) -> list[PendingRow]:
    """The rows that are an event of these types still: not erased."""
    return [row for row in rows if isinstance(decoded(row.record, event_types), XactEvent)]


def resumed(rows: Iterable[PendingRow], route: Route, known: Known) -> tuple[Candidate, ...]:
    """Pending rows as candidates, with what their headers say of a replay."""
    candidates = []
    for row in rows:
        event = decoded(row.record, EVERY_TYPE)
        if not isinstance(event, XactEvent):
            continue  # erased
        replay = retry_headers(row.record.headers).replay
        candidates.append(
            Candidate(
                event=event,
                route=route,
                attempts=row.attempts,
                first_seen_at=row.first_seen_at,
                letters=_letters(event, replay, known),
                replay=replay,
                last_reason=row.last_reason,
            )
        )
    return tuple(candidates)


def recovered(letters: Iterable[Letter], known: Known, now: datetime, policy: Policy) -> tuple[Candidate, ...]:
    """Dead letters whose mapping may have arrived, as candidates; one for each event, as young as if it came now."""
    chosen: dict[str, Candidate] = {}
    for letter in letters:
        event = decoded(letter.record, policy.rules) if letter.record is not None else None
        if isinstance(event, XactEvent) and event.event_id not in known.pending_ids:
            chosen[event.event_id] = Candidate(
                event=event,
                route=Route.RECOVERED,
                first_seen_at=now,
                letters=_letters(event, None, known) or (letter.dead_letter_id,),
            )
    return tuple(chosen.values())


def _letters(event: XactEvent, replay: Replay | None, known: Known) -> tuple[str, ...]:
    own = (replay.dead_letter_id,) if replay is not None else ()
    return tuple(dict.fromkeys((*own, *known.letters.get(event.event_id, ()))))
