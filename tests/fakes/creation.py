"""task_creation without Spark: tables as lists, the recipe as it is, ClaimX as the simulator has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from claimx_lib.domain.api import TaskCreation
from claimx_lib.domain.circuit import CircuitPolicy
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.domain.creation.codec import PlanRow, decision_of, encoded
from claimx_lib.domain.creation.decisions import Wait
from claimx_lib.domain.creation.effects import Effects, NewLetter, Topics
from claimx_lib.domain.creation.events import SourceRecord
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.intake import Known, Letter, PendingRow
from claimx_lib.domain.creation.keys import dead_letter_id
from claimx_lib.domain.creation.ledger import LedgerRow, settled_events
from claimx_lib.domain.creation.messages import OutgoingMessage
from claimx_lib.domain.creation.policy import Policy, Rule
from claimx_lib.domain.ladder import ResolvePolicy
from claimx_lib.domain.mapping_lookup import Candidate as Mapped
from claimx_lib.domain.negative_cache import NegativeCache
from claimx_lib.domain.rate import RateLimiter
from claimx_lib.domain.reasons import ENDED_IN, GIVEN_BY_MAPPING
from claimx_lib.observability.metrics import Metrics
from claimx_lib.streams.context import BatchRef
from claimx_lib.streams.creation_calls import Calls
from claimx_lib.streams.creation_flow import Flow
from claimx_lib.streams.creation_ports import Plan
from claimx_lib.streams.creation_resolve import Resolver
from tests.fakes.claimx import FakeClaimX
from tests.fakes.clock import FakeClock

XACT, RETRY, DLQ, SYNC = "xact.events", "xact.task-creation.retry", "xact.task-creation.dlq", "project.sync"
TOPICS = Topics(retry=RETRY, dlq=DLQ, project_sync=SYNC, max_bytes=900_000)
REVIEW = Rule(
    name="review_estimate",
    task_type="CUSTOM_TASK_ASSIGN_EXTERNAL_LINK",
    task_data='{"customTaskName":"Review Estimate","customTaskId":789,"notificationType":"COPY_EXTERNAL_LINK_URL"}',
)
POLICY = Policy(rules={"ESTIMATE_CREATED": (REVIEW,)}, has_jitter=False, retry_backoff_factor=1.0)


class Crash(BaseException):
    """The process is gone, here and now."""


def xact_bytes(event_id: str, claim_number: Any, **fields: Any) -> bytes:
    """An XACT event as its producer writes it."""
    event = {"event_id": event_id, "event_type": "ESTIMATE_CREATED", "claim_number": claim_number}
    return json.dumps(
        {**event, "timestamp": "2026-01-10T11:00:00Z", "estimate": {"id": f"est-{event_id}"}, **fields}
    ).encode()


@dataclass(slots=True)
class MemoryLedger:
    """The ledger as a list of commits; `before_append` and `after_append` may crash or let another instance in."""

    commits: list[list[LedgerRow]] = field(default_factory=list)
    hook: Callable[[str], None] = lambda _: None

    def version(self) -> int:
        return len(self.commits)

    def rows(self, keys: Iterable[str]) -> list[LedgerRow]:
        wanted = set(keys)
        return [row for commit in self.commits for row in commit if row.idempotency_key in wanted]

    def append(self, rows: Sequence[LedgerRow]) -> None:
        self.hook("before-ledger")
        self.commits.append(list(rows))
        self.hook("after-ledger")

    def appended_since(self, version: int, keys: Iterable[str]) -> list[tuple[int, LedgerRow]]:
        wanted = set(keys)
        later = enumerate(self.commits[version:], version + 1)
        return [(at, row) for at, commit in later for row in commit if row.idempotency_key in wanted]

    @property
    def all(self) -> list[LedgerRow]:
        return [row for commit in self.commits for row in commit]


@dataclass(slots=True)
class StoredLetter:
    """A row of dead_letters."""

    letter: NewLetter
    state: str = "OPEN"
    by: str | None = None
    why: str | None = None


@dataclass(slots=True)
class MemoryStore:
    """Tables and topics in memory, with the promises of those on Delta and Kafka."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    plans: dict[tuple[str, int], tuple[int | None, list[PlanRow]]] = field(default_factory=dict)
    pending: dict[str, Wait] = field(default_factory=dict)
    letters: dict[str, StoredLetter] = field(default_factory=dict)
    sent: list[OutgoingMessage] = field(default_factory=list)
    mapped: dict[str, Mapped] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    is_feed_gone: bool = False
    commits: int = 0
    hook: Callable[[str], None] = lambda _: None

    def map(self, claim_number: str, project_id: int) -> None:
        """mapping_sync has learnt a mapping."""
        self.mapped[claim_number] = Mapped(claim_number=claim_number, project_id=project_id)
        self.changes.append(claim_key(claim_number))

    def plan(self, batch: BatchRef) -> Plan | None:
        kept = self.plans.get((batch.query_id, batch.batch_id))
        return None if kept is None else Plan(decisions=tuple(map(decision_of, kept[1])), mapping_version=kept[0])

    def save_plan(self, batch: BatchRef, plan: Plan) -> None:
        self.hook("before-plan")
        rows = [encoded(decision) for decision in plan.decisions]
        self.plans.setdefault((batch.query_id, batch.batch_id), (plan.mapping_version, rows))
        self.commits += 1
        self.hook("after-plan")

    def planned_mapping_version(self, query_id: str) -> int | None:
        own = [(batch, version) for (query, batch), (version, _) in self.plans.items() if query == query_id]
        return max(own)[1] if own else None

    def mapping_version(self) -> int:
        return len(self.changes)

    def mapping_changes(self, after: int | None, to: int) -> frozenset[str] | None:
        return None if after is None or self.is_feed_gone else frozenset(self.changes[after:to])

    def mapping(self, keys: set[str], digits: set[str]) -> list[Mapped]:  # noqa: ARG002 - no test asks for digits
        return [row for row in self.mapped.values() if claim_key(row.claim_number) in keys]

    def due(self, now: datetime, limit: int | None) -> list[PendingRow]:
        due = sorted((w for w in self.pending.values() if w.next_attempt_at <= now), key=lambda w: w.next_attempt_at)
        return [_pending_row(wait) for wait in due[:limit]]

    def waiting(self, keys: frozenset[str] | None) -> list[PendingRow]:
        return [_pending_row(w) for w in self.pending.values() if keys is None or w.subject.event.claim_key in keys]

    def recoverable(self, keys: frozenset[str] | None) -> list[Letter]:
        return [
            Letter(
                dead_letter_id=i,
                event_id=one.letter.event_id,
                by=one.by,
                record=one.letter.record,
            )
            for i, one in self.letters.items()
            if one.state in {"OPEN", "REPLAYED"}
            and one.letter.reason in GIVEN_BY_MAPPING
            and (keys is None or claim_key(one.letter.claim_number or "") in keys)
        ]

    def known(self, event_ids: set[str], replays: set[Replay]) -> Known:
        letters: dict[str, tuple[str, ...]] = {}
        rows = [(r.event_id, r.idempotency_key, str(r.state)) for r in self.ledger.all if r.event_id in event_ids]
        seen = set(settled_events(rows)) | set(self.pending)
        for i, one in self.letters.items():
            event_id = one.letter.event_id
            if event_id is not None and one.letter.attempts is not None:
                seen.add(event_id)
                if one.state in {"OPEN", "REPLAYED"}:
                    letters[event_id] = (*letters.get(event_id, ()), i)
        taken = {
            d.subject.replay for _, rows in self.plans.values() for d in map(decision_of, rows) if hasattr(d, "subject")
        }
        return Known(
            event_ids=frozenset(seen & event_ids),
            pending_ids=frozenset(set(self.pending) & event_ids),
            replays=frozenset(replays & taken),
            replayed=frozenset(i for i, one in self.letters.items() if one.state == "REPLAYED"),
            over=frozenset(i for i, one in self.letters.items() if one.state in {"RESOLVED", "DISCARDED"}),
            letters=letters,
        )

    def apply(self, batch: BatchRef, effects: Effects, now: datetime) -> None:  # noqa: ARG002 - no columns of time here
        self.hook("before-letters")
        for letter in effects.letters:
            letter_id = dead_letter_id(letter.record, letter.reason)
            self.letters.setdefault(letter_id, StoredLetter(letter))
        self.hook("before-pending")
        self.pending.update({wait.subject.event.event_id: wait for wait in effects.upserts})
        for event_id in effects.deletes:
            self.pending.pop(event_id, None)
        if effects.changes:
            self.hook("before-changes")
        for change in {change.dead_letter_id: change for change in effects.changes}.values():
            kept = self.letters.get(change.dead_letter_id)
            if kept is not None and kept.state not in {change.state, "DISCARDED"}:
                is_open = change.state == "OPEN"
                is_ended = change.why is not None and change.why.startswith(ENDED_IN)
                why = "; ".join(filter(None, [kept.why, change.why])) if is_ended else kept.why or change.why
                kept.by, kept.why = (None, None) if is_open else (kept.by or change.by, why)
                kept.state = change.state
        self.hook("before-kafka")
        self.sent += effects.messages
        self.commits += 1
        self.hook("after-kafka")


def _pending_row(wait: Wait) -> PendingRow:
    event = wait.subject.event
    return PendingRow(
        event_id=event.event_id,
        record=event.record,
        attempts=wait.subject.attempts,
        first_seen_at=wait.subject.first_seen_at,
        last_reason=wait.reason,
    )


class CrashingClaimX:
    """ClaimX with a hook right before each POST and right after it was carried out."""

    def __init__(self, api: FakeClaimX, hook: Callable[[str], None]) -> None:
        self._api, self._hook = api, hook

    def create_task(self, project_id: str, body: str, key: str) -> TaskCreation:
        self._hook("before-post")
        creation = self._api.create_task(project_id, body, key)
        self._hook("after-post")
        return creation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)


class World:
    """One query of task_creation, its tables, its topics and ClaimX; `restart` is a new process on the old tables."""

    def __init__(
        self, policy: Policy = POLICY, *, resolve_with: tuple[str, ...] = ("mapping", "api"), **flow: Any
    ) -> None:
        self.clock = FakeClock()
        self.api = FakeClaimX(clock=self.clock)
        self.store = MemoryStore()
        self.policy, self.resolve_with, self.options = policy, resolve_with, flow
        self.metrics = Metrics()
        self.batch_id, self.offset, self.runs = 0, 0, 0
        self.passed: list[str] = []
        self.is_stopping = False
        self.crash_at: int | None = None
        self.store.hook = self.store.ledger.hook = self._hook
        self.claimx = CrashingClaimX(self.api, self._hook)
        self.flow = self.started()

    def started(self) -> Flow:
        """A process that has just started."""
        calls = Calls(
            lambda: self.claimx,
            limiter=RateLimiter(float("inf"), self.clock),
            circuit=CircuitPolicy(failure_threshold=3, reset_seconds=30.0),
            clock=self.clock,
            is_stopping=lambda: self.is_stopping,
        )
        resolver = Resolver(
            api=calls,
            misses=NegativeCache(ttl_seconds=20.0, clock=self.clock),
            policy=ResolvePolicy(resolve_with=self.resolve_with),
            metrics=self.metrics,
            threads=1,
        )
        return Flow(
            store=self.store,
            calls=calls,
            resolver=resolver,
            policy=self.policy,
            topics=TOPICS,
            now=self.clock.now,
            random=lambda: 1.0,
            new_run=self._new_run,
            wait=self.clock.sleep,
            **self.options,
        )

    def restart(self) -> None:
        """The process ends and another one starts: what was in memory is gone."""
        self.flow = self.started()

    def record(self, value: bytes | None, *, topic: str = XACT, headers: Any = ()) -> SourceRecord:
        """The next record of a topic."""
        self.offset += 1
        return SourceRecord(
            topic=topic, partition=0, offset=self.offset, value=value, headers=tuple(headers), at=self.clock.now()
        )

    def event(self, event_id: str, claim_number: Any, **fields: Any) -> SourceRecord:
        """The next record of `xact.events`, holding this event."""
        return self.record(xact_bytes(event_id, claim_number, **fields))

    def run(self, *records: SourceRecord) -> None:
        """One batch, which is committed when this returns."""
        self.flow.run(records, BatchRef(query_id="q", batch_id=self.batch_id))
        self.batch_id += 1

    def run_surviving(self, *records: SourceRecord) -> None:
        """One batch that starts again, in a new process, until no crash befalls it."""
        while True:
            try:
                return self.run(*records)
            except Crash:
                self.restart()

    def crash_after(self, steps: int) -> None:
        """The process ends at the step after so many more."""
        self.crash_at = len(self.passed) + steps

    def _hook(self, name: str) -> None:
        self.passed.append(name)
        if self.crash_at is not None and len(self.passed) > self.crash_at:
            self.crash_at = None
            raise Crash(name)

    def pass_(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    def tasks(self) -> list[dict[str, Any]]:
        """What ClaimX has created."""
        return self.api.control.tasks()

    def messages(self, topic: str) -> list[OutgoingMessage]:
        """What was sent to a topic."""
        return [message for message in self.store.sent if message.topic == topic]

    def states(self) -> list[str]:
        """The ledger's states in order."""
        return [str(row.state) for row in self.store.ledger.all]

    def _new_run(self) -> str:
        self.runs += 1
        return f"run{self.runs}"


def with_policy(**changes: Any) -> Policy:
    """The policy of these tests with changes."""
    return replace(POLICY, **changes)


def with_letter(**policy: object) -> World:
    """An event that no project was found for, in a letter; then its claim is mapped."""
    world = World(with_policy(on_unresolved="dead_letter", **policy))
    world.run(world.event("e1", "C1"))
    world.pass_(60)
    return world


def mapped(world: World) -> None:
    """The claim of these tests has a project, and the mapping knows it."""
    world.api.control.put_project(5)
    world.store.map("C1", 5)


def states(world: World) -> list[tuple[str, str]]:
    """Reason and state of each letter."""
    return sorted((one.letter.reason, one.state) for one in world.store.letters.values())
