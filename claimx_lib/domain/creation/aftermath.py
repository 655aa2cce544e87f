"""What follows from a create decision and what the ledger says after it: the same whenever it is worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from claimx_lib.domain.api import NOT_CALLED, ApiOutcome, TaskCreation, TaskSearch, is_in_doubt
from claimx_lib.domain.creation import reasons
from claimx_lib.domain.creation.decisions import Create, Decision, Drop, Skip, Subject, Wait
from claimx_lib.domain.creation.giving_up import after_none, given_up
from claimx_lib.domain.creation.ledger import DONE_STATES, FREE, PROJECT_GONE, KeyState, LedgerRow, State
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.reasons import Reason

RATE_LIMITED, UNAUTHORIZED = reasons.RATE_LIMITED, reasons.UNAUTHORIZED


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a POST is written down; None as `state` leaves the INTENT open: in doubt."""

    state: State | None
    reason: str | None = None
    task_id: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None


def ending_of(creation: TaskCreation, policy: Policy) -> Ending:
    """The ledger's word for an answer to a POST (architecture, decision 3)."""
    answer = creation.answer
    if answer.is_ok:
        return Ending(state=State.CREATED, task_id=creation.task_id)
    if is_in_doubt(answer):
        state = None if policy.supports_external_reference else State.UNKNOWN
        return Ending(state=state, reason=reasons.IN_DOUBT, error=answer.error)
    if answer.is_permanent:
        return Ending(state=State.REJECTED, reason=str(Reason.TASK_REJECTED), error=answer.error)
    by_kind = {
        ApiOutcome.NOT_FOUND: PROJECT_GONE,
        ApiOutcome.RATE_LIMITED: RATE_LIMITED,
        ApiOutcome.UNAUTHORIZED: UNAUTHORIZED,
        ApiOutcome.OUT_OF_TIME: reasons.STOPPED,
    }
    reason = by_kind.get(answer.kind, str(Reason.API_UNAVAILABLE))
    return Ending(
        state=State.NOT_SENT, reason=reason, error=answer.error, retry_after_seconds=answer.retry_after_seconds
    )


def found_ending(search: TaskSearch) -> Ending | None:
    """The ledger's word for a look before a POST: adopted, or not sent where ClaimX can't tell; None where it has none."""
    if search.task_ids:
        return Ending(state=State.ADOPTED, task_id=search.task_ids[0])
    if search.is_none:
        return None
    answer = search.answer
    reason = UNAUTHORIZED if answer.kind is ApiOutcome.UNAUTHORIZED else str(Reason.API_UNAVAILABLE)
    return Ending(
        state=State.NOT_SENT, reason=reason, error=answer.error, retry_after_seconds=answer.retry_after_seconds
    )


def after_create(
    create: Create,
    states: Mapping[str, KeyState],
    now: datetime,
    policy: Policy,
    *,
    held: Mapping[str, datetime],
) -> tuple[Decision, ...]:
    """The decision that is left of a create one: in doubt and not sent wait, rejected and unknown go to a person.

    What was looked for and is not there goes on at once: the next batch finds its project anew and sends it.

    What waits goes first: an event is given up when none of its tasks is open any more. `held`: until when ClaimX has
    asked to leave a key alone.
    """
    subject = create.subject
    kept = [states.get(task.key, FREE).seen_by(subject.event.event_id) for task in create.tasks]
    not_before = max((held[task.key] for task in create.tasks if task.key in held), default=now)
    if any(state.is_in_doubt for state in kept):
        return (_in_doubt(create, kept, now, policy, not_before=not_before),)
    lasts = [state.last_outcome for state in kept]
    unsent = [_is_unsent(row, state, subject, policy) for row, state in zip(lasts, kept, strict=True)]
    if any(unsent) and create.is_look:
        is_again = any(
            s.was_sent_again(subject.event.event_id) for s, is_open in zip(kept, unsent, strict=True) if is_open
        )
        if is_again and subject.is_failing and policy.is_too_old(subject.first_seen_at, now):
            return (_never_sure(subject, kept, policy),)
        return (Wait(subject=subject, reason=reasons.IN_DOUBT, next_attempt_at=max(now, not_before)),)
    if any(unsent):
        rows = [row for row, is_open in zip(lasts, unsent, strict=True) if is_open and row is not None]
        return (_not_sent(create, rows, now, policy, not_before=not_before),)
    if all(state.done is not None for state in kept):
        return _done(create, kept)
    return (_refused(subject, kept, policy),)


def _is_unsent(row: LedgerRow | None, state: KeyState, subject: Subject, policy: Policy) -> bool:
    if state.done is not None or state.is_beyond(subject.event.event_id, policy):
        return False
    if row is None or row.state is State.NOT_SENT:
        return True
    is_before_it = row.attempt != subject.attempt and state.outcome_of(subject.attempt) is None
    return is_before_it and state.may_reopen(subject.came_back_at)


def _in_doubt(create: Create, states: list[KeyState], now: datetime, policy: Policy, *, not_before: datetime) -> Wait:
    times = [at for state in states if (at := state.settles_at(policy)) is not None]
    settles_at = max(times, default=now)
    early = now + timedelta(seconds=policy.early_look_seconds)
    at = settles_at if create.is_look else min(early, settles_at)
    if at <= now:
        at = now + timedelta(seconds=max(policy.retry_delay_seconds, 1.0))
    return Wait(subject=create.subject, reason=reasons.IN_DOUBT, next_attempt_at=max(at, not_before))


def _never_sure(subject: Subject, states: list[KeyState], policy: Policy) -> Decision:
    """Each send ends in doubt, and no task is there: that is not to go on for ever."""
    lasts = [state.last_outcome for state in states if state.done is None]
    is_unknown = any(row is not None and row.state is State.UNKNOWN for row in lasts)
    reason = Reason.TASK_UNKNOWN if is_unknown else Reason.API_UNAVAILABLE
    return given_up(subject, reason, policy, error="each send ended in doubt, and no task was there")


def _not_sent(
    create: Create, rows: list[LedgerRow], now: datetime, policy: Policy, *, not_before: datetime
) -> Decision:
    subject = create.subject
    told = [row for row in rows if row.attempt == subject.attempt]
    if any(row.reason == PROJECT_GONE for row in told):
        note = reasons.gone(create.project_id)
        return after_none(subject, Reason.PROJECT_NOT_FOUND, max(row.at for row in told), _no_chance, policy, note=note)
    unsaid = reasons.SHADOW if policy.mode == "shadow" else str(Reason.API_UNAVAILABLE)
    reason = next((row.reason for row in told if row.reason), None) or unsaid
    if reason != UNAUTHORIZED and _is_refused_too_long(told, subject, now, policy):
        return given_up(subject, Reason.API_UNAVAILABLE, policy, error=told[-1].error or "")
    later = now + timedelta(seconds=max(policy.retry_delay_seconds, 1.0))
    told_to_wait = max([row.expires_at or row.at for row in told], default=later)
    return Wait(subject=subject, reason=reason, next_attempt_at=max(told_to_wait, not_before))


def _is_refused_too_long(rows: list[LedgerRow], subject: Subject, now: datetime, policy: Policy) -> bool:
    """Sent and turned away, for longer than a claim may wait; what nobody sent (an open circuit, a stop) does not count."""
    was_sent = any(row.error and not any(kind in row.error for kind in NOT_CALLED) for row in rows)
    return was_sent and subject.is_failing and policy.is_too_old(subject.first_seen_at, now)


def _done(create: Create, states: list[KeyState]) -> tuple[Decision, ...]:
    event_id = create.subject.event.event_id
    is_ours = [any(row.event_id == event_id for row in state.rows if row.state in DONE_STATES) for state in states]
    taken = tuple(task for task, own in zip(create.tasks, is_ours, strict=True) if not own)
    skips = (Skip(subject=create.subject, reason=reasons.ONCE_PER, tasks=taken),) if taken else ()
    return (*skips, Drop(subject=create.subject))


def _refused(subject: Subject, states: list[KeyState], policy: Policy) -> Decision:
    lasts = [state.last_outcome for state in states if state.done is None]
    rows = [row for row in lasts if row is not None]
    unknown = [row for row in rows if row.state is State.UNKNOWN]
    reason = Reason.TASK_UNKNOWN if unknown else Reason.TASK_REJECTED
    error = next((row.error for row in unknown or rows if row.error), None)
    return given_up(subject, reason, policy, error=error or "")


def _no_chance() -> float:
    return 1.0
