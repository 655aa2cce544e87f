"""The recipe of a task_creation batch: plan, read the plan back, and make everything of the plan as read.

Crash at any point, and the batch runs again with the same (query id, batch id):

- before the plan's commit: nothing has happened, a new plan is made.
- after it: the plan is read, none is made; clock, answers and pending rows of now change nothing that was decided.
- after an INTENT: another run's INTENT is in doubt. It is looked up, at once to adopt and after `expires_at` and
  `settle_seconds` for good; the event waits in pending meanwhile.
- after a POST, before its outcome: the same; the look-up finds the task and adopts it.
- after the outcomes: a key with an outcome of this batch's attempt is left alone.
- after the letters, the pending MERGE, changes of letters: each finds what it would do done already. Letters come
  first: where the query never runs again, an event that is given up is in pending still, or has its letter.
- after Kafka: messages are sent again (at least once); each carries its ids, and our own retry messages are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from claimx_lib.domain.creation import intake, reasons
from claimx_lib.domain.creation.aftermath import after_create
from claimx_lib.domain.creation.decisions import Create, Decision, Skip, event_id_of
from claimx_lib.domain.creation.effects import Ended, Topics, effects_of
from claimx_lib.domain.creation.events import SourceRecord, XactEvent
from claimx_lib.domain.creation.headers import Replay, retry_headers
from claimx_lib.domain.creation.intake import Candidate, Known, Reading, Route
from claimx_lib.domain.creation.ledger import KeyState
from claimx_lib.domain.creation.pause import Pause
from claimx_lib.domain.creation.plan import Moment, Resolutions, plan_batch
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.ladder import ResolvePolicy
from claimx_lib.domain.reasons import Reason
from claimx_lib.domain.resolution import Resolution
from claimx_lib.streams.crash_points import crash_point
from claimx_lib.streams.creation_calls import Calls
from claimx_lib.streams.creation_intake import due_rows, recoverable_letters
from claimx_lib.streams.creation_ports import Plan, Store
from claimx_lib.streams.creation_posts import Posting, Seen, seen_in
from claimx_lib.streams.creation_resolve import Resolver, keys_to_read
from claimx_lib.streams.creation_suspicion import Suspicion

if TYPE_CHECKING:
    from claimx_lib.streams.context import BatchRef


@dataclass(slots=True, kw_only=True)
class Flow:
    """A job's batches, one after the other; `cursor` is how far the mapping's changes have been seen by this process."""

    store: Store
    calls: Calls
    resolver: Resolver
    policy: Policy
    topics: Topics
    now: Callable[[], datetime]
    random: Callable[[], float]
    new_run: Callable[[], str]
    wait: Callable[[float], object]
    check_stop: Callable[[], None] = lambda: None
    auto_recover: bool = True
    due_limit: int | None = 1000
    pause_seconds: float = 30.0
    longest_wait_seconds: float = 3600.0
    chunk: int = 1000
    timeout_seconds: float = 30.0
    cursor: int | None = None
    has_cursor: bool = False
    suspicion: Suspicion = field(default_factory=Suspicion)
    seen: Seen = field(default_factory=Seen)
    last_ended: tuple[Ended, ...] = ()
    last_batch: tuple[str, int] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def resolve_policy(self) -> ResolvePolicy:
        """The ladder's settings."""
        return self.resolver.policy

    def run(self, records: Sequence[SourceRecord], batch: BatchRef) -> None:
        """Process one batch; without records, due rows and changes of the mapping nothing is committed anywhere."""
        self.calls.begin()
        self.last_ended, self.counts, self.seen = (), {}, Seen()
        plan = None if self._is_next(batch) else self.store.plan(batch)
        is_again = plan is not None
        if plan is None:
            made = self._planned(records, batch)
            if not made.decisions:
                return
            self.check_stop()
            self.store.save_plan(batch, made)
            crash_point("plan-appended")
            plan = self.store.plan(batch) or made
            is_again = plan != made  # of a checkpoint that was put back: an older plan has the batch's number
        self.cursor, self.has_cursor = plan.mapping_version, True
        self._carried_out(plan, batch, is_again=is_again)
        if is_again:
            self._left_over(records, batch)

    def _is_next(self, batch: BatchRef) -> bool:
        """Whether this process has done the batch before this one, so that nobody has planned this one yet."""
        last, self.last_batch = self.last_batch, (batch.query_id, batch.batch_id)
        return last == (batch.query_id, batch.batch_id - 1)

    # --- deciding -------------------------------------------------------------------------------------------------

    def _planned(self, records: Sequence[SourceRecord], batch: BatchRef) -> Plan:
        reading = intake.read(records, self.policy, retry_topic=self.topics.retry)
        self.counts = {"not_ours": reading.not_ours, "dead_letter": len(reading.refusals)}
        version = self.store.mapping_version()
        changed = self._changed(batch, version)
        candidates, states = self._candidates(reading, changed)
        moment = self._moment(batch)
        decisions = self._decided(candidates, reading, states, moment)
        self.cursor, self.has_cursor = version, True
        return Plan(decisions=tuple(decisions), mapping_version=version)

    def _changed(self, batch: BatchRef, version: int) -> frozenset[str] | None:
        if not self.has_cursor:
            self.cursor, self.has_cursor = self.store.planned_mapping_version(batch.query_id), True
        changed = frozenset[str]() if self.cursor == version else self.store.mapping_changes(self.cursor, version)
        for key in changed or ():
            self.resolver.misses.forget(key)
        return changed

    def _candidates(
        self, reading: Reading, changed: frozenset[str] | None
    ) -> tuple[list[Candidate], dict[str, KeyState]]:
        is_closed = self.calls.open_until is None and not self.calls.is_refused
        due = due_rows(self.store, self.now(), self.due_limit, self.policy) if is_closed else []
        woken = self.store.waiting(changed) if changed is None or changed else []
        letters = recoverable_letters(self.store, changed, auto_recover=self.auto_recover)
        rows = {row.event_id for row in (*due, *woken)}
        ids = rows | {event.event_id for event in reading.events} | {one.event_id for one in letters if one.event_id}
        if not ids and not letters:
            return [], {}
        known = self.store.known(ids, _replays(reading.events))
        fresh = self._fresh(reading, known)
        self.counts |= {"taken_in": len(fresh), "known": len(reading.events) - len(fresh)}
        taken = {candidate.event.event_id for candidate in fresh}  # a replay takes the place of its event's row
        candidates = [
            *intake.resumed([row for row in due if row.event_id not in taken], Route.DUE, known),
            *intake.resumed([row for row in woken if row.event_id not in taken], Route.WOKEN, known),
            *intake.recovered(letters, known, self.now(), self.policy),
            *fresh,
        ]
        return candidates, self._states(candidates)

    def _fresh(self, reading: Reading, known: Known) -> tuple[Candidate, ...]:
        return intake.fresh(
            reading,
            known,
            self.now(),
            retry_topic=self.topics.retry,
            longest_wait_seconds=self.longest_wait_seconds,
        )

    def _states(self, candidates: Sequence[Candidate]) -> dict[str, KeyState]:
        keys = {task.key for c in candidates for task in self.policy.tasks_of(c.event)}
        self.seen = seen_in(self.store.ledger, keys)
        return dict(self.seen.states)

    def _decided(
        self, candidates: list[Candidate], reading: Reading, states: dict[str, KeyState], moment: Moment
    ) -> list[Decision]:
        if not candidates:
            return plan_batch([], reading.refusals, states, {}, moment)
        settled = {event_id_of(d) for d in plan_batch(candidates, (), states, {}, moment)}
        asked = [c for c in candidates if c.event.event_id not in settled]
        rows = self.store.mapping(*keys_to_read(asked, self.resolve_policy)) if asked else []
        resolutions = self.resolver.resolved(asked, rows)
        if moment.pause is None and self.calls.is_refused:
            moment = replace(moment, pause=self._pause(reasons.UNAUTHORIZED, self.pause_seconds))
        elif self.suspicion.raised_by(_asked(resolutions), self.policy, moment.now, pause_seconds=self.pause_seconds):
            moment = replace(moment, pause=self._pause(reasons.PAUSED, self.pause_seconds, since=self.suspicion.since))
        return plan_batch(candidates, reading.refusals, states, resolutions, moment)

    def _moment(self, batch: BatchRef) -> Moment:
        return Moment(
            query_id=batch.query_id,
            batch_id=batch.batch_id,
            now=self.now(),
            random=self.random,
            policy=self.policy,
            pause=self._pause_now(),
        )

    def _pause_now(self) -> Pause | None:
        refused_for, open_for = self.calls.refused_for, self.calls.open_until
        if refused_for is not None:
            return self._pause(reasons.UNAUTHORIZED, refused_for)
        return None if open_for is None else self._pause(str(Reason.API_UNAVAILABLE), open_for)

    def _pause(self, reason: str, seconds: float, *, since: datetime | None = None) -> Pause:
        return Pause(reason=reason, until=self.now() + timedelta(seconds=seconds), since=since)

    # --- doing ----------------------------------------------------------------------------------------------------

    def _carried_out(self, plan: Plan, batch: BatchRef, *, is_again: bool) -> None:
        creates = [decision for decision in plan.decisions if isinstance(decision, Create)]
        skips = [decision for decision in plan.decisions if isinstance(decision, Skip)]
        posting = Posting(
            ledger=self.store.ledger,
            seen=self.seen,
            api=self.calls,
            policy=self.policy,
            run=self.new_run(),
            now=self.now,
            pause=self.wait,
            chunk=self.chunk,
            threads=self.resolver.threads,
            timeout_seconds=self.timeout_seconds,
        )
        states = posting.carry_out(creates, skips)
        ended = tuple(self._ended(decision, states, posting.held) for decision in plan.decisions)
        created = [final for one in ended if isinstance(one.planned, Create) for final in one.finals]
        late = [final for final in created if isinstance(final, Skip)]
        posting.carry_out([], late)
        self.last_ended = (*self.last_ended, *ended)
        effects = effects_of(ended, self.topics, is_again=is_again)
        self.store.apply(batch, replace(effects, step=f"again-{posting.run}") if is_again else effects, self.now())

    def _left_over(self, records: Sequence[SourceRecord], batch: BatchRef) -> None:
        """Decide on records that the plan has not seen, if any, each time that the batch runs: a truncated checkpoint cuts anew."""
        reading = intake.read(records, self.policy, retry_topic=self.topics.retry)
        ids = {event.event_id for event in reading.events}
        known = self.store.known(ids, _replays(reading.events)) if ids else Known()
        fresh = list(self._fresh(reading, known))
        if not fresh and not reading.refusals:
            return
        decisions = self._decided(fresh, reading, self._states(fresh), self._moment(batch))
        self._carried_out(Plan(decisions=tuple(decisions), mapping_version=None), batch, is_again=True)

    def _ended(self, decision: Decision, states: dict[str, KeyState], held: dict[str, datetime]) -> Ended:
        if not isinstance(decision, Create):
            return Ended(planned=decision, finals=(decision,))
        return Ended(planned=decision, finals=after_create(decision, states, self.now(), self.policy, held=held))


def _asked(resolutions: Resolutions) -> list[Resolution]:
    """Those for which the API may have been asked."""
    return [resolution for (route, _), resolution in resolutions.items() if route.asks_api]


def _replays(events: Sequence[XactEvent]) -> set[Replay]:
    told = (retry_headers(event.record.headers).replay for event in events)
    return {replay for replay in told if replay is not None}
