"""The whole story of a claim, in whatever spelling: what is mapped, what was tried, what came of it, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from claimx_lib.connectors.delta_sql import DeltaSql, Row, any_of, literal
from claimx_lib.domain.claim_number import claim_key, parsed_claim_number
from claimx_lib.errors import NotFound, UsageError
from claimx_lib.operations.letter_story import (
    LEDGER_COLUMNS,
    StoryStep,
    attempt_step,
    ledger_step,
    mapping_steps,
    refused_step,
    settled_steps,
)
from claimx_lib.operations.mapping import MappingRow, rows_of
from claimx_lib.operations.review import LetterRow, letters_of_claim
from claimx_lib.operations.rule_trace import TraceStep, rule_trace
from claimx_lib.schemas.claim_key import CLAIM_KEY

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

PENDING, PLAN, LEDGER, PROJECTS = "xact_task_pending", "xact_task_plan", "xact_task_ledger", "claimx_projects"
MOST_ROWS = 500
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An XACT event of the claim that waits."""

    event_id: str
    claim_number: str
    attempts: int
    last_reason: str
    first_seen_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProject:
    """A ClaimX project that has the claim's number by its own newest event."""

    project_id: int
    claim_number: str
    project_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStory:
    """What is known of a claim now (mappings, projects, pending, letters, rungs), and how it came to that (steps).

    `left_out` names what there is more of than is told: of each the newest 500 are here.
    """

    claim_number: str
    claim_key: str
    mappings: tuple[MappingRow, ...]
    projects: tuple[KnownProject, ...]
    trace: tuple[TraceStep, ...]
    pending: tuple[PendingEvent, ...]
    letters: tuple[LetterRow, ...]
    steps: tuple[StoryStep, ...]
    left_out: tuple[str, ...] = ()


def explain(tables: DeltaSql, settings: Settings, claim_number: str) -> ClaimStory:
    """Return the story of a claim, the steps oldest first, under a second for 10⁶ mappings.

    UsageError where the text is no claim number, NotFound where nothing was ever heard of the claim, TableError where
    the tables are in a catalog. Of more than 500 rows of one table the newest are told, and `left_out` names it.
    """
    claim = parsed_claim_number(claim_number)
    if claim is None:
        raise UsageError(f"{claim_number!r} is no claim number", cure="give it as XACT or ClaimX writes it")
    key, more = claim_key(claim), list[str]()
    mappings = rows_of(tables, claim)
    pending = _newest(_pending(tables, key), "events that wait", more)
    letters = _newest(letters_of_claim(tables, key, limit=MOST_ROWS + 1, is_whole=True)[0], "dead letters", more)
    ledger = _newest(_ledger(tables, key), "the ledger", more)
    event_ids = {e.event_id for e in pending} | {letter.event_id for letter in letters} | _event_ids(ledger)
    steps = [*_newest(mapping_steps(tables, claim, most=MOST_ROWS + 1), "the mapping's history", more)]
    steps += [*_newest(_attempts(tables, event_ids), "tries", more), *map(ledger_step, ledger)]
    steps += [*_waiting(pending), *(step for letter in letters for step in _letter_steps(letter))]
    projects = _newest(_projects(tables, key), "ClaimX projects", more)
    if not (steps or mappings or projects):
        raise NotFound(f"{claim}: nothing was ever heard of this claim", cure="look for another spelling of it")
    return ClaimStory(
        claim_number=claim,
        claim_key=key,
        mappings=mappings,
        projects=projects,
        trace=rule_trace(tables, settings, claim),
        pending=pending,
        letters=letters,
        steps=tuple(sorted(steps, key=_order)),
        left_out=tuple(more),
    )


def _newest(rows: Iterable[_T], what: str, more: list[str]) -> tuple[_T, ...]:
    """The first `MOST_ROWS` of rows that come newest first; `more` learns what there is more of."""
    found = tuple(rows)
    if len(found) > MOST_ROWS:
        more.append(what)
    return found[:MOST_ROWS]


def _order(step: StoryStep) -> tuple[bool, float]:
    return (step.at is None, step.at.timestamp() if step.at is not None else 0.0)


def _pending(tables: DeltaSql, key: str) -> Iterator[PendingEvent]:
    rows = tables.rows(
        "SELECT event_id, claim_number, attempts, last_reason, first_seen_at, next_attempt_at FROM t "
        f"WHERE claim_key = {literal(key)} ORDER BY first_seen_at DESC LIMIT {MOST_ROWS + 1}",
        PENDING,
    )
    for row in rows:
        yield PendingEvent(
            event_id=row["event_id"],
            claim_number=row["claim_number"] or "",
            attempts=row["attempts"] or 0,
            last_reason=row["last_reason"] or "",
            first_seen_at=row["first_seen_at"],
            next_attempt_at=row["next_attempt_at"],
        )


def _ledger(tables: DeltaSql, key: str) -> tuple[Row, ...]:
    return tables.rows(
        f"SELECT event_id, {LEDGER_COLUMNS} FROM t "
        f"WHERE {CLAIM_KEY} = {literal(key)} ORDER BY at DESC LIMIT {MOST_ROWS + 1}",
        LEDGER,
    )


def _event_ids(rows: Iterable[Row]) -> set[str]:
    return {row["event_id"] for row in rows if row["event_id"]}


def _attempts(tables: DeltaSql, event_ids: set[str]) -> Iterator[StoryStep]:
    """What each batch decided about the claim's events, as long as plans are kept."""
    wanted = any_of("event_id", tuple(sorted(event_ids - {""})))
    rows = tables.rows(
        "SELECT decision, payload, at FROM t WHERE decision IN ('Wait', 'Create', 'Skip') "
        f"AND {wanted} ORDER BY at DESC LIMIT {MOST_ROWS + 1}",
        PLAN,
    )
    yield from map(attempt_step, rows)


def _waiting(pending: Iterable[PendingEvent]) -> Iterator[StoryStep]:
    for event in pending:
        yield StoryStep(
            at=event.first_seen_at,
            kind="event",
            title=f"XACT event {event.event_id} came and waits",
            detail=event.last_reason,
        )


def _letter_steps(letter: LetterRow) -> Iterator[StoryStep]:
    yield refused_step(letter)
    yield from settled_steps(letter)


def _projects(tables: DeltaSql, key: str) -> Iterator[KnownProject]:
    rows = tables.rows(
        "SELECT project_id, claim_number, project_name FROM t "
        f"WHERE claim_key = {literal(key)} ORDER BY event_timestamp DESC NULLS LAST, project_id LIMIT {MOST_ROWS + 1}",
        PROJECTS,
    )
    for row in rows:
        name = row["project_name"] or ""
        yield KnownProject(project_id=row["project_id"], claim_number=row["claim_number"] or "", project_name=name)
