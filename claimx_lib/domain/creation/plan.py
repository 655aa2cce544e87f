"""What a batch decides: one decision for each event, from values alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from claimx_lib.domain.creation import reasons
from claimx_lib.domain.creation.decisions import Create, Decision, Drop, Refuse, Skip, Subject, Wait
from claimx_lib.domain.creation.events import Refusal
from claimx_lib.domain.creation.giving_up import after_none, given_up
from claimx_lib.domain.creation.hits import hit_of, project_of
from claimx_lib.domain.creation.intake import Candidate, Route
from claimx_lib.domain.creation.keys import attempt_of
from claimx_lib.domain.creation.ledger import FREE, KeyState, LedgerRow
from claimx_lib.domain.creation.pause import Pause
from claimx_lib.domain.creation.policy import Policy, Task
from claimx_lib.domain.reasons import Reason
from claimx_lib.domain.resolution import Outcome, Resolution

Resolutions = Mapping[tuple[Route, str], Resolution]
"""By route and event id: events of one claim share one climb, but not what their rows exclude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Batch, time, chance and settings of one planning; `random` gives values in [0, 1)."""

    query_id: str
    batch_id: int
    now: datetime
    random: Callable[[], float]
    policy: Policy
    pause: Pause | None = None


def plan_batch(
    candidates: Sequence[Candidate],
    refusals: Iterable[Refusal],
    states: Mapping[str, KeyState],
    resolutions: Resolutions,
    moment: Moment,
) -> list[Decision]:
    """One decision for each candidate at most, and one for each refusal.

    A woken or recovered event that the mapping still does not settle gets none: it stays as it is. While creation
    pauses, no attempt is used and nothing is given up, but for a pause of more than `max_age_hours`.
    """
    planner = _Planner(states=states, resolutions=resolutions, moment=moment)
    decisions: list[Decision] = [Refuse(refusal=refusal) for refusal in refusals]
    for candidate in sorted(candidates, key=lambda c: list(Route).index(c.route)):
        decision = planner.decided(candidate)
        if decision is not None:
            decisions.append(decision)
    return decisions


@dataclass(slots=True, kw_only=True)
class _Planner:
    states: Mapping[str, KeyState]
    resolutions: Resolutions
    moment: Moment
    claimed: dict[str, str] = field(default_factory=dict)
    decided_ids: set[str] = field(default_factory=set)

    def decided(self, candidate: Candidate) -> Decision | None:
        """The decision for one candidate; an event comes up once in a batch, whatever the routes it took."""
        if candidate.event.event_id in self.decided_ids:
            return None
        decision = self._decided(candidate)
        if decision is not None:
            self.decided_ids.add(candidate.event.event_id)
        if isinstance(decision, Create):
            self._claim(decision)
        return decision

    def _claim(self, create: Create) -> None:
        """Its keys are this event's in the batch, but for those that are a person's: another event's replay may have them."""
        event_id, policy = create.subject.event.event_id, self.moment.policy
        for task in create.tasks:
            if not self.states.get(task.key, FREE).seen_by(event_id).is_beyond(event_id, policy):
                self.claimed[task.key] = event_id

    def _decided(self, candidate: Candidate) -> Decision | None:
        subject, policy = self._subject(candidate), self.moment.policy
        tasks = policy.tasks_of(candidate.event)
        if _is_history(candidate, policy):
            return Skip(subject=subject, reason=reasons.BEFORE_EVENTS_SINCE, tasks=tasks)
        if not tasks:
            return self._without_rule(subject, candidate.route)
        own = tuple(task for task in tasks if not self._is_of_another(task, subject))
        if not own:
            return Skip(subject=subject, reason=reasons.ONCE_PER, tasks=tasks)
        states = [self.states.get(task.key, FREE) for task in own]
        if all(state.done is not None for state in states):
            return Drop(subject=subject)
        doubted = next((s.open_intents[0] for s in states if s.is_in_doubt), None)
        if doubted is not None and doubted.project_id is not None:
            is_told = candidate.route is Route.WOKEN and candidate.last_reason == reasons.IN_DOUBT
            return None if is_told else _look(subject, doubted, own)
        return self._in_time(candidate, subject, own)

    def _without_rule(self, subject: Subject, route: Route) -> Wait | None:
        """The rule may come back, and a task that was begun under it is settled then."""
        if route is not Route.DUE:
            return None
        seconds = self.moment.policy.retry_delay_max_seconds
        return Wait(
            subject=subject, reason=reasons.NO_RULE, next_attempt_at=self.moment.now + timedelta(seconds=seconds)
        )

    def _in_time(self, candidate: Candidate, subject: Subject, tasks: tuple[Task, ...]) -> Decision | None:
        held = (_held_until(self.states.get(task.key, FREE)) for task in tasks)
        not_before = max(filter(None, [candidate.not_before, *held]), default=self.moment.now)
        if not_before <= self.moment.now:
            return self._by_resolution(candidate, subject, tasks)
        if candidate.route is Route.WOKEN or (candidate.route is Route.RECOVERED and not self._is_resolved(candidate)):
            return None
        return Wait(subject=subject, reason=reasons.NOT_DUE, next_attempt_at=not_before)

    def _is_resolved(self, candidate: Candidate) -> bool:
        resolution = self.resolutions.get((candidate.route, candidate.event.event_id))
        return resolution is not None and resolution.outcome is Outcome.RESOLVED

    def _by_resolution(self, candidate: Candidate, subject: Subject, tasks: tuple[Task, ...]) -> Decision | None:
        resolution = self.resolutions.get((candidate.route, subject.event.event_id))
        if resolution is not None and resolution.outcome is Outcome.RESOLVED:
            return self._found(subject, resolution, tasks)
        if resolution is None or not candidate.route.asks_api:
            return None
        if resolution.outcome is Outcome.UNAVAILABLE:
            return self._unavailable(subject, resolution)
        return self._unresolved(subject, resolution, tasks)

    def _unresolved(self, subject: Subject, resolution: Resolution, tasks: tuple[Task, ...]) -> Decision:
        if resolution.outcome is Outcome.UNAUTHORIZED:
            return self._paused(subject, reasons.UNAUTHORIZED)
        pause = self.moment.pause
        if pause is not None and not self._is_over(pause):
            return self._paused(subject, pause.reason)
        if resolution.outcome is Outcome.AMBIGUOUS:
            return self._ambiguous(subject, resolution)
        return self._none(subject, tasks)

    def _is_over(self, pause: Pause) -> bool:
        return pause.since is not None and self.moment.policy.is_too_old(pause.since, self.moment.now)

    def _found(self, subject: Subject, resolution: Resolution, tasks: tuple[Task, ...]) -> Decision:
        pause = self.moment.pause
        holds_it = pause is not None and (pause.reason != reasons.PAUSED or resolution.is_from_api)
        if pause is not None and holds_it and not self._is_over(pause):
            return self._paused(subject, pause.reason)
        hit = hit_of(subject, resolution, self.moment.now)
        if self.moment.policy.mode == "shadow":
            return Skip(subject=subject, reason=reasons.SHADOW, tasks=tasks, hit=hit)
        return Create(
            subject=subject,
            project_id=project_of(resolution),
            resolved_by=f"{resolution.place}:{resolution.rule}",
            tasks=tasks,
            hit=hit,
        )

    def _none(self, subject: Subject, tasks: tuple[Task, ...]) -> Decision:
        policy = self.moment.policy
        if policy.on_unresolved == "skip":
            return Skip(subject=subject, reason=reasons.NOT_SYNCED, tasks=tasks)
        return after_none(subject, Reason.PROJECT_NOT_FOUND, self.moment.now, self.moment.random, policy)

    def _unavailable(self, subject: Subject, resolution: Resolution) -> Decision:
        policy, now = self.moment.policy, self.moment.now
        was_asked = resolution.failure is not None and resolution.failure.is_call
        is_failing = was_asked and subject.is_failing and self.moment.pause is None
        if is_failing and policy.is_too_old(subject.first_seen_at, now):
            return given_up(subject, Reason.API_UNAVAILABLE, policy, error=_error(resolution))
        if not was_asked and self.moment.pause is not None:
            return self._paused(subject, str(Reason.API_UNAVAILABLE))
        seconds = max(self._pace_of(resolution, subject), resolution.retry_after_seconds or 0.0, 1.0)
        return Wait(
            subject=subject, reason=str(Reason.API_UNAVAILABLE), next_attempt_at=now + timedelta(seconds=seconds)
        )

    def _pace_of(self, resolution: Resolution, subject: Subject) -> float:
        """A failure passes soon; who is refused (403, 422) is asked for ever more rarely: as long again as it has waited."""
        policy, delay = self.moment.policy, self.moment.policy.delay_seconds(1, self.moment.random)
        if resolution.failure is None or not resolution.failure.is_permanent:
            return delay
        waited = (self.moment.now - subject.first_seen_at).total_seconds()
        return max(delay, min(waited, policy.retry_delay_max_seconds))

    def _ambiguous(self, subject: Subject, resolution: Resolution) -> Decision:
        candidates = [
            {"claim_number": c.claim_number, "project_id": project}
            for c in resolution.candidates
            for project in c.project_ids
        ]
        text = json.dumps(candidates, ensure_ascii=False)
        return given_up(subject, Reason.AMBIGUOUS_PROJECT, self.moment.policy, candidates=text)

    def _paused(self, subject: Subject, reason: str) -> Wait:
        until = self.moment.pause.until if self.moment.pause is not None else self.moment.now
        return Wait(subject=subject, reason=reason, next_attempt_at=max(until, self.moment.now))

    def _is_of_another(self, task: Task, subject: Subject) -> bool:
        event_id = subject.event.event_id
        state = self.states.get(task.key, FREE)
        holders = {row.event_id for row in (state.done, *state.open_intents) if row is not None}
        if task.key in self.claimed:
            holders.add(self.claimed[task.key])
        return bool(holders) and event_id not in holders

    def _subject(self, candidate: Candidate) -> Subject:
        event = candidate.event
        return Subject(
            event=event,
            attempt=attempt_of(self.moment.query_id, self.moment.batch_id, event.event_id),
            attempts=candidate.attempts,
            first_seen_at=candidate.first_seen_at,
            letters=candidate.letters,
            replay=candidate.replay,
            is_recovered=candidate.route is Route.RECOVERED,
            is_pending=candidate.is_pending or candidate.route in {Route.DUE, Route.WOKEN},
            is_failing=candidate.last_reason is None or candidate.last_reason in reasons.FAILURES,
        )


def _is_history(candidate: Candidate, policy: Policy) -> bool:
    if candidate.route is not Route.FRESH or candidate.is_retry or policy.events_since is None:
        return False
    return candidate.event.happened_at < policy.events_since


def _look(subject: Subject, doubted: LedgerRow, tasks: tuple[Task, ...]) -> Create:
    """A look for what may have been sent. A woken event whose row says so has none: a mapping settles no doubt, and ClaimX
    may have asked to be left alone until the row is due.
    """
    project_id, resolved_by = doubted.project_id or 0, doubted.resolved_by or ""
    return Create(subject=subject, project_id=project_id, resolved_by=resolved_by, tasks=tasks, is_look=True)


def _held_until(state: KeyState) -> datetime | None:
    """The moment that ClaimX's 429 asked to wait for, whoever wakes the event before it."""
    last = state.last_outcome
    return last.expires_at if last is not None and last.reason == reasons.RATE_LIMITED else None


def _error(resolution: Resolution) -> str:
    return resolution.failure.error if resolution.failure is not None else ""
