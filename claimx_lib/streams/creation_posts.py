"""Creating tasks once: INTENT, POST, outcome; what is in doubt is looked up, never sent again blindly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from claimx_lib.domain.creation import reasons
from claimx_lib.domain.creation.aftermath import Ending, ending_of, found_ending
from claimx_lib.domain.creation.decisions import Create, Skip
from claimx_lib.domain.creation.entries import Work, skipped_row, work_row
from claimx_lib.domain.creation.ledger import (
    CLOSED_STATES,
    FREE,
    NOT_OWNER,
    KeyState,
    LedgerRow,
    State,
    Step,
    key_states,
    owner,
    step_for,
)
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.streams.crash_points import crash_point
from claimx_lib.streams.creation_doubts import Doubts, each
from claimx_lib.streams.creation_ports import Api, Ledger

LEAST_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the ledger knew of some keys: at `version` or later, so that whatever came in since is found from there."""

    version: int = 0
    keys: frozenset[str] = frozenset()
    states: Mapping[str, KeyState] = field(default_factory=dict)


def seen_in(ledger: Ledger, keys: Iterable[str]) -> Seen:
    """Look the keys up; the ledger is not touched where there is none."""
    wanted = frozenset(keys)
    if not wanted:
        return Seen()
    version = ledger.version()
    return Seen(version=version, keys=wanted, states=key_states(ledger.rows(wanted)))


@dataclass(slots=True, kw_only=True)
class Posting:
    """Carries out a batch's create and skip decisions; may run again after a crash at any point.

    `run` names this run: an INTENT of another run of the same batch is not ours, and in doubt. `chunk` INTENTs are
    committed at a time, as many as the pace lets out before they expire. `seen` is what this process has read of the
    ledger already: another writer's INTENT since then has its place before ours, and is found once ours is in.
    """

    ledger: Ledger
    seen: Seen = field(default_factory=Seen)
    api: Api
    policy: Policy
    run: str
    now: Callable[[], datetime]
    pause: Callable[[float], object]
    chunk: int = 1000
    threads: int = 8
    timeout_seconds: float = 30.0
    states: dict[str, KeyState] = field(default_factory=dict)
    held: dict[str, datetime] = field(default_factory=dict)

    def carry_out(self, creates: Sequence[Create], skips: Sequence[Skip]) -> dict[str, KeyState]:
        """Do what is not done yet and return the state of every key, as the ledger has it afterwards.

        A look settles a doubt and sends nothing: its project is that of the INTENT, and the mapping may have moved on.
        """
        works = [Work(create=create, task=task) for create in creates for task in create.tasks]
        keys = {work.task.key for work in works} | {task.key for skip in skips for task in skip.tasks}
        if not keys:
            return {}
        seen = self.seen if keys <= self.seen.keys else seen_in(self.ledger, keys)
        self.seen = Seen()  # it holds no longer once something is appended
        self.states = dict(seen.states)
        self._append([*self._skipped(skips), *self._settled(works)])
        meant = [work for work in works if not work.create.is_look]
        self._send([work for work in meant if self._step(work) is Step.SEND], seen.version)
        return self.states

    def _step(self, work: Work) -> Step:
        return step_for(
            self.states.get(work.task.key, FREE).seen_by(work.subject.event.event_id),
            event_id=work.subject.event.event_id,
            attempt=work.subject.attempt,
            came_back_at=work.subject.came_back_at,
            now=self.now(),
            policy=self.policy,
        )

    def _skipped(self, skips: Sequence[Skip]) -> Iterator[LedgerRow]:
        for skip in skips:
            event_id = skip.subject.event.event_id
            for task in skip.tasks:
                rows = self.states.get(task.key, FREE).rows
                if not any(row.state is State.SKIPPED and row.event_id == event_id for row in rows):
                    attempt_id = f"{skip.subject.attempt}.{self.run}"
                    yield skipped_row(skip.subject, task, attempt_id, self.now(), skip.reason)

    def _settled(self, works: Sequence[Work]) -> list[LedgerRow]:
        steps = [(work, self._step(work)) for work in works]
        doubts = Doubts(
            api=self.api,
            policy=self.policy,
            states=self.states,
            now=self.now,
            pause=self.pause,
            threads=self.threads,
            hold=self._hold,
        )
        return [
            *doubts.adopted([work for work, step in steps if step is Step.LOOK]),
            *doubts.settled([work for work, step in steps if step is Step.SETTLE]),
            *(row for work, step in steps if step is Step.CLOSE_UNKNOWN for row in doubts.closed_unknown(work)),
        ]

    def _send(self, works: list[Work], version: int) -> None:
        """In shadow what was in doubt is settled, and nothing sent, whatever a plan of before says."""
        if self.policy.mode == "shadow":
            return
        start = 0
        while start < len(works) and not self.api.is_blocked:
            end = start + (1 if self.api.is_unsure else self.chunk)  # no INTENT for what will most likely not be sent
            self._send_chunk(works[start:end], version)
            start = end

    def _send_chunk(self, works: list[Work], version: int) -> None:
        send_before = self.now() + timedelta(seconds=self.policy.intent_ttl_seconds)
        expires_at = send_before + timedelta(seconds=self.timeout_seconds)
        self._append([replace(self._row(work, State.INTENT), expires_at=expires_at) for work in works])
        crash_point("intent-appended")
        owned, lost = self._owned(works, version)
        ended = each(owned, lambda work: self._created(work, send_before), threads=self.threads)
        crash_point("posts-done")
        endings = list(zip(owned, ended, strict=True))
        endings += [(work, Ending(state=State.NOT_SENT, reason=NOT_OWNER)) for work in lost]
        self._append(
            [self._outcome(work, ending, ending.state) for work, ending in endings if ending.state is not None]
        )
        crash_point("outcome-appended")

    def _owned(self, works: list[Work], version: int) -> tuple[list[Work], list[Work]]:
        """Those whose INTENT came first in the table's order, and those that another attempt was before, or has closed."""
        order: dict[tuple[str, str], int] = {}
        closed: set[str] = set()
        for committed, row in self.ledger.appended_since(version, {work.task.key for work in works}):
            order.setdefault((row.idempotency_key, row.attempt_id), committed)
            kept = self.states.get(row.idempotency_key, FREE)
            if not any((r.attempt_id, r.state) == (row.attempt_id, row.state) for r in kept.rows):
                self.states[row.idempotency_key] = kept.plus(row)
                closed |= {row.idempotency_key} if row.state in CLOSED_STATES else set()
        told = [(work, work.task.key not in closed and self._is_ours(work, order)) for work in works]
        return [work for work, is_ours in told if is_ours], [work for work, is_ours in told if not is_ours]

    def _is_ours(self, work: Work, order: Mapping[tuple[str, str], int]) -> bool:
        kept = self.states[work.task.key]
        return kept.done is None and owner(kept, order) == self._attempt_id(work)

    def _created(self, work: Work, send_before: datetime) -> Ending:
        project_id = str(work.create.project_id)
        if self.policy.look_before_creating:
            there = found_ending(self.api.find_tasks(project_id, work.task.key))
            if there is not None:
                return there
        creation = self.api.create_task(project_id, work.task.body, work.task.key, send_before=send_before)
        crash_point("post-sent")
        ending = ending_of(creation, self.policy)
        if ending.state is None:
            self._hold(work, creation.answer.retry_after_seconds)
        return ending

    def _hold(self, work: Work, seconds: float | None) -> None:
        """Note until when ClaimX has asked to leave a key in doubt alone."""
        if seconds:
            self.held[work.task.key] = self.now() + timedelta(seconds=seconds)

    def _outcome(self, work: Work, ending: Ending, state: State) -> LedgerRow:
        not_before = self._not_before(ending) if state is State.NOT_SENT else None
        row = self._row(work, state)
        return replace(
            row, claimx_task_id=ending.task_id, reason=ending.reason, error=ending.error, expires_at=not_before
        )

    def _not_before(self, ending: Ending) -> datetime:
        at_once = {reasons.UNAUTHORIZED, NOT_OWNER, reasons.STOPPED}
        least = 0.0 if ending.reason in at_once else max(self.policy.retry_delay_seconds, LEAST_WAIT_SECONDS)
        if ending.reason == reasons.RATE_LIMITED and ending.retry_after_seconds is not None:
            least = LEAST_WAIT_SECONDS
        return self.now() + timedelta(seconds=max(least, ending.retry_after_seconds or 0.0))

    def _row(self, work: Work, state: State) -> LedgerRow:
        return work_row(work, state, self._attempt_id(work), self.now())

    def _attempt_id(self, work: Work) -> str:
        return f"{work.subject.attempt}.{self.run}"

    def _append(self, rows: Sequence[LedgerRow]) -> None:
        if not rows:
            return
        self.ledger.append(rows)
        for row in rows:
            self.states[row.idempotency_key] = self.states.get(row.idempotency_key, FREE).plus(row)
