"""The ledger of create-once: rows as they are appended, and what they say of one key together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

from claimx_lib.domain.creation.policy import Policy


@unique
class State(StrEnum):
    """What a ledger row says; INTENT stands before each send, every other one ends an attempt."""

    INTENT = "INTENT"
    CREATED = "CREATED"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTED"
    ADOPTED = "ADOPTED"
    SKIPPED = "SKIPPED"
    NOT_SENT = "NOT_SENT"


DONE_STATES = frozenset({State.CREATED, State.ADOPTED})
CLOSED_STATES = frozenset({State.UNKNOWN, State.REJECTED})
SETTLED_STATES = DONE_STATES | {State.SKIPPED}
"""Nothing is left to do for the event; of a closed one a dead letter knows."""
NOT_THERE, NOT_OWNER, PROJECT_GONE = "not-there", "not-owner", "project-gone"
"""Why a row is NOT_SENT: looked up twice and absent; another attempt's INTENT came first; POST answered 404."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One step for one key. `expires_at` of an INTENT: nobody sends after it; of a NOT_SENT: not again before it.

    `attempt_id` is `<attempt of the batch>.<run>`: two runs of one batch never take each other's INTENT for their own.
    """

    idempotency_key: str
    event_id: str
    state: State
    claim_number: str | None = None
    project_id: int | None = None
    claimx_task_id: str | None = None
    attempt_id: str
    expires_at: datetime | None = None
    rule: str | None = None
    resolved_by: str | None = None
    reason: str | None = None
    error: str | None = None
    source_topic: str | None = None
    source_partition: int | None = None
    source_offset: int | None = None
    at: datetime

    @property
    def attempt(self) -> str:
        """The batch's attempt that this row belongs to, whichever run of the batch wrote it."""
        return self.attempt_id.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """All rows of one idempotency key, in the table's order as far as it is known."""

    rows: tuple[LedgerRow, ...] = ()

    @property
    def done(self) -> LedgerRow | None:
        """The row that says that the task is there."""
        return next((row for row in self.rows if row.state in DONE_STATES), None)

    @property
    def open_intents(self) -> tuple[LedgerRow, ...]:
        """INTENTs without an outcome: each may have been carried out."""
        ended = {row.attempt_id for row in self.rows if row.state is not State.INTENT}
        return tuple(r for r in self.rows if r.state is State.INTENT and r.attempt_id not in ended)

    @property
    def is_in_doubt(self) -> bool:
        """Not known to be done, and sent or about to be sent by somebody."""
        return self.done is None and bool(self.open_intents)

    @property
    def last_outcome(self) -> LedgerRow | None:
        """The newest row that ends an attempt, one that only lost the race for the key aside."""
        return _newest(r for r in self.rows if r.state is not State.INTENT and r.reason != NOT_OWNER)

    @property
    def is_closed(self) -> bool:
        """Ended without a task, until somebody replays it."""
        last = self.last_outcome
        return self.done is None and not self.open_intents and last is not None and last.state in CLOSED_STATES

    def may_reopen(self, came_back_at: datetime | None) -> bool:
        """Ended without a task before its event came back, of which `came_back_at` is the time."""
        last = self.last_outcome
        return came_back_at is not None and last is not None and last.at <= came_back_at

    def is_beyond(self, event_id: str, policy: Policy) -> bool:
        """Whether another event's UNKNOWN, which no look-up can settle, holds the key: it is that event's person's."""
        last = self.last_outcome
        is_unknown = last is not None and last.state is State.UNKNOWN and last.event_id != event_id
        return self.done is None and is_unknown and not policy.supports_external_reference

    def was_sent_again(self, event_id: str) -> bool:
        """Whether an INTENT of the event follows a look of its own that found nothing."""
        own = [row for row in self.rows if row.event_id == event_id]
        absent = [row.at for row in own if row.reason == NOT_THERE]
        return bool(absent) and any(row.at > min(absent) for row in own if row.state is State.INTENT)

    def settles_at(self, policy: Policy) -> datetime | None:
        """From when on an open INTENT can be looked up for good: the last expiry and `settle_seconds`."""
        expiries = [row.expires_at or row.at for row in self.open_intents]
        return max(expiries) + timedelta(seconds=policy.settle_seconds) if expiries else None

    def outcome_of(self, attempt: str) -> LedgerRow | None:
        """The newest outcome that a run of this batch's attempt came to; none where it may send after all."""
        ended = (r for r in self.rows if r.attempt == attempt and r.state is not State.INTENT)
        return _newest(row for row in ended if row.reason not in {NOT_OWNER, NOT_THERE})

    def seen_by(self, event_id: str) -> KeyState:
        """The state as it concerns one event: another one's skipped or rejected try closes nothing for it."""
        others = {r.attempt_id for r in self.rows if r.state is State.REJECTED and r.event_id != event_id}
        return KeyState(rows=tuple(r for r in self.rows if r.state is not State.SKIPPED and r.attempt_id not in others))

    def plus(self, *rows: LedgerRow) -> KeyState:
        """The state with rows appended."""
        return KeyState(rows=(*self.rows, *rows))


def _newest(rows: Iterable[LedgerRow]) -> LedgerRow | None:
    return max(enumerate(rows), key=lambda placed: (placed[1].at, placed[0]), default=(0, None))[1]


FREE = KeyState()


def key_states(rows: Iterable[LedgerRow]) -> dict[str, KeyState]:
    """The state of each key that has rows."""
    by_key: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        by_key[row.idempotency_key].append(row)
    return {key: KeyState(rows=tuple(kept)) for key, kept in by_key.items()}


def settled_events(rows: Iterable[tuple[str, str, str]]) -> frozenset[str]:
    """The events of (event_id, idempotency_key, state) of whose keys each is settled.

    One whose INTENT is open, or whose outcome came to no pending row and no letter, is not: a process that ended in
    between has left it to nobody but its own query, which may never run again.
    """
    told = list(rows)
    settled = {(event_id, key) for event_id, key, state in told if state in SETTLED_STATES}
    left = {event_id for event_id, key, _ in told if (event_id, key) not in settled}
    return frozenset(event_id for event_id, _, _ in told if event_id not in left)


@unique
class Step(StrEnum):
    """What is to be done about one key of a create decision."""

    NOTHING = "nothing"
    SEND = "send"
    LOOK = "look"
    SETTLE = "settle"
    CLOSE_UNKNOWN = "close-unknown"


def step_for(
    state: KeyState, *, event_id: str, attempt: str, came_back_at: datetime | None, now: datetime, policy: Policy
) -> Step:
    """The next step for a key; an INTENT that may have been carried out is never followed by another send before
    it has been looked up after its time.

    `came_back_at`: when a replay was taken up, so that a key that had ended without a task by then may try again; what
    ended since is its own end. A LOOK can only adopt.
    """
    if state.done is not None or state.outcome_of(attempt) is not None:
        return Step.NOTHING
    if state.open_intents:
        return _doubtful(state, now, policy)
    if not state.is_closed:
        return Step.SEND
    if not state.may_reopen(came_back_at) or state.is_beyond(event_id, policy):
        return Step.NOTHING
    was_unknown = any(row.state is State.UNKNOWN for row in state.rows)
    return Step.SETTLE if was_unknown and policy.supports_external_reference else Step.SEND


def _doubtful(state: KeyState, now: datetime, policy: Policy) -> Step:
    settles_at = state.settles_at(policy)
    is_settled = settles_at is not None and now >= settles_at
    if policy.supports_external_reference:
        return Step.SETTLE if is_settled else Step.LOOK
    return Step.CLOSE_UNKNOWN if is_settled else Step.NOTHING


def owner(state: KeyState, order: Mapping[tuple[str, str], int]) -> str | None:
    """The attempt_id whose open INTENT came first in the table's order (`order`: key, attempt_id → commit version).

    Rows that `order` does not name were there before it began. None where nothing is open.
    """
    opened = state.open_intents
    first = min(opened, key=lambda row: order.get((row.idempotency_key, row.attempt_id), -1), default=None)
    return None if first is None else first.attempt_id
