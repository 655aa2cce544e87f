"""The state of claims as a fold of what was said about them: the same for any order, repetition or cut.

A claim's project is that of the newest manual `set`, unless a newer manual `unset` follows; else that of the greatest
automatic event by (event_timestamp, event_id), unless that project has since been given a number with another key.
Then the claim is withdrawn: it has no row, and older events cannot bring it back (contract, section 8).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from claimx_lib.domain.identity import (
    CLAIMX,
    MANUAL,
    SET,
    UNSET,
    EventOutcome,
    Identity,
    IdentityEvent,
    MappedClaim,
    Number,
    Project,
    ProjectEvent,
    project_of,
)

MAX_RIVALS = 10
Numbers = Mapping[int, Number]


@dataclass(slots=True)
class ClaimFacts:
    """Of all events of one claim those that can still decide: the newest manual one, each project's newest automatic."""

    manual: IdentityEvent | None = None
    automatic: dict[int, IdentityEvent] = field(default_factory=dict)
    newest: IdentityEvent | None = None

    def add(self, event: IdentityEvent) -> None:
        """Take one event in; order and repetition do not matter."""
        if event.is_manual:
            self.manual = _greater(self.manual, event)
        elif event.is_automatic_set and event.project_id is not None:
            self.automatic[event.project_id] = _greater(self.automatic.get(event.project_id), event)
            self.newest = _greater(self.newest, event)

    @property
    def decision(self) -> IdentityEvent | None:
        """The person's decision in force."""
        return self.manual if self.manual is not None and self.manual.action == SET else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the history: an event, what became of it, and the project that the claim had until then."""

    event: IdentityEvent
    outcome: EventOutcome
    before: int | None = None


@dataclass(slots=True, kw_only=True)
class Before:
    """What is known before a batch: the facts of its claims, which of its events came before, rows, projects."""

    facts: dict[str, ClaimFacts] = field(default_factory=lambda: defaultdict(ClaimFacts))
    known: set[Identity] = field(default_factory=set)
    rows: dict[str, MappedClaim] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimState:
    """What a claim has come to: its row (None: it has none), and the newest manual and automatic events behind it."""

    row: MappedClaim | None
    manual: IdentityEvent | None
    newest: IdentityEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What a batch comes to: history entries, and every claim and project whose row changes."""

    entries: tuple[Entry, ...]
    claims: dict[str, ClaimState]
    projects: dict[int, Project]


def folded(events: Iterable[IdentityEvent], project_events: Iterable[ProjectEvent], before: Before) -> Folded:
    """Return what a batch changes; run again on the state that it left, it returns nothing.

    `before` must hold the facts and rows of every claim whose key is one of the events', those of every claim that is
    mapped to a project in `project_events` or has it as a rival, and all projects that these facts name. It is used up.
    """
    projects = _newer_projects(project_events, before.projects)
    numbers = {p.project_id: p.number for p in {**before.projects, **projects}.values() if p.number is not None}
    by_claim: dict[str, list[IdentityEvent]] = defaultdict(list)
    for event in events:
        by_claim[event.claim_number].append(event)
    entries: list[Entry] = []
    claims: dict[str, ClaimState] = {}
    for claim in sorted({*by_claim, *before.rows, *before.facts}):
        row, facts = before.rows.get(claim), before.facts[claim]
        if row is not None:
            facts.add(row.as_event())
        entries.extend(_entries(by_claim[claim], facts, before.known, numbers))
        state = ClaimState(row=mapped(facts, numbers), manual=facts.manual, newest=facts.newest)
        if state.row != row:
            claims[claim] = state
            entries.extend(_withdrawal(row, state, before.known, numbers))
    return Folded(entries=tuple(entries), claims=claims, projects=projects)


def mapped(facts: ClaimFacts, numbers: Numbers) -> MappedClaim | None:
    """Return the row that these facts add up to, None where the claim is unknown, waiting or withdrawn."""
    if facts.decision is not None:
        return _row(facts.decision, ())
    if facts.newest is None or is_gone(facts.newest, numbers):
        return None
    others = (p for p, e in facts.automatic.items() if p != facts.newest.project_id and not is_gone(e, numbers))
    return _row(facts.newest, tuple(sorted(others)[:MAX_RIVALS]))


def is_gone(event: IdentityEvent, numbers: Numbers) -> bool:
    """Tell whether the event's project has since been given a claim number with another key."""
    number = numbers.get(event.project_id) if event.project_id is not None else None
    if number is None or number.claim_key == event.claim_key:
        return False
    return (number.timestamp, number.event_id) > (event.timestamp, event.event_id)


def outcome_of(event: IdentityEvent, facts: ClaimFacts, numbers: Numbers) -> EventOutcome:
    """Return what becomes of an event that comes upon these facts.

    A `set` without a project waits. A person's decision is refused by a newer one alone; an `unset` that ends one is
    `withdrawn`. Anything automatic is refused by a decision in force and by a greater automatic event.
    """
    if event.action == SET and event.project_id is None:
        return EventOutcome.WAITING
    if event.is_manual:
        return _manual_outcome(event, facts)
    if event.action == UNSET or facts.decision is not None or _is_older(event, facts.newest):
        return EventOutcome.REFUSED
    if is_gone(event, numbers):
        return EventOutcome.WITHDRAWN
    stands = facts.newest is not None and not is_gone(facts.newest, numbers)
    is_other = stands and facts.newest is not None and facts.newest.project_id != event.project_id
    return EventOutcome.CONFLICT if is_other else EventOutcome.ACCEPTED


def _manual_outcome(event: IdentityEvent, facts: ClaimFacts) -> EventOutcome:
    if _is_older(event, facts.manual):
        return EventOutcome.REFUSED
    if event.action == SET:
        return EventOutcome.ACCEPTED
    return EventOutcome.REFUSED if facts.decision is None else EventOutcome.WITHDRAWN


def _entries(
    events: Sequence[IdentityEvent], facts: ClaimFacts, known: set[Identity], numbers: Numbers
) -> Iterator[Entry]:
    """The batch's whole chain of one claim, in the order of the events, each upon what the one before left."""
    for event in sorted(events, key=lambda event: event.order):
        if event.identity not in known:
            known.add(event.identity)
            yield Entry(event=event, outcome=outcome_of(event, facts, numbers), before=_project(facts, numbers))
            facts.add(event)


def _withdrawal(row: MappedClaim | None, state: ClaimState, known: set[Identity], numbers: Numbers) -> Iterator[Entry]:
    """The entry of a row that goes because its project was given another number: the event is that project's."""
    if row is None or state.row is not None or row.source == MANUAL or state.newest is None:
        return
    if state.newest.project_id != row.project_id:
        return
    number = numbers[row.project_id]
    event = IdentityEvent(
        event_id=number.event_id,
        claim_number=row.claim_number,
        claim_key=row.claim_key,
        source=CLAIMX,
        action=UNSET,
        timestamp=number.timestamp,
        why=f"project {row.project_id} has the claim number {number.claim_number} now",
        coordinates=number.coordinates,
    )
    if event.identity not in known:
        yield Entry(event=event, outcome=EventOutcome.WITHDRAWN, before=row.project_id)


def _project(facts: ClaimFacts, numbers: Numbers) -> int | None:
    if facts.decision is not None:
        return facts.decision.project_id
    return None if facts.newest is None or is_gone(facts.newest, numbers) else facts.newest.project_id


def _newer_projects(events: Iterable[ProjectEvent], before: Mapping[int, Project]) -> dict[int, Project]:
    newer: dict[int, Project] = {}
    for event in events:
        known = newer.get(event.project_id, before.get(event.project_id))
        newer[event.project_id] = project_of(event) if known is None else known.after(event)
    return {project_id: project for project_id, project in newer.items() if project != before.get(project_id)}


def _row(event: IdentityEvent, rivals: tuple[int, ...]) -> MappedClaim:
    if event.project_id is None:
        raise ValueError(f"event {event.event_id}: sets a mapping without a project")
    return MappedClaim(
        claim_number=event.claim_number,
        claim_key=event.claim_key,
        project_id=event.project_id,
        source=event.source,
        timestamp=event.timestamp,
        event_id=event.event_id,
        rivals=rivals,
    )


def _greater(one: IdentityEvent | None, other: IdentityEvent) -> IdentityEvent:
    return other if one is None or other.order > one.order else one


def _is_older(event: IdentityEvent, than: IdentityEvent | None) -> bool:
    return than is not None and event.order < than.order
