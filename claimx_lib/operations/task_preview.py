"""How many ClaimX tasks a decision will make, before it is taken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from claimx_lib.connectors.delta_sql import DeltaSql, any_of, literal
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.domain.creation.effects import AUTO_RECOVER
from claimx_lib.domain.creation.events import SourceRecord, XactEvent, decoded
from claimx_lib.domain.creation.keys import PIPELINE
from claimx_lib.domain.creation.policy import Policy, Rule
from claimx_lib.domain.reasons import GIVEN_BY_MAPPING
from claimx_lib.operations.review import TABLE as LETTERS
from claimx_lib.schemas.claim_key import CLAIM_KEY

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

PENDING, LEDGER = "xact_task_pending", "xact_task_ledger"
LIVE = "live"
MOST_EVENTS = 1000
_RECORD = "source_topic, source_partition, source_offset, raw_value, {at} AS at"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedTask:
    """A task that an event asks for; `exists_as` is its ClaimX id where it has been made already."""

    event_id: str
    event_type: str
    claim_number: str
    rule: str
    exists_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPreview:
    """What would follow: the letters that go back, the events that wait already, and each distinct task.

    `mode` is that of `jobs.task_creation`: in any other than live no task is made.
    """

    letters: int
    waiting: int
    tasks: tuple[PreviewedTask, ...]
    is_cut: bool = False
    mode: str = LIVE

    @property
    def to_make(self) -> int:
        """Tasks that aren't there yet, none where none is made."""
        return sum(task.exists_as is None for task in self.tasks) if self.mode == LIVE else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How many open letters of a claim its mapping sends back, and how many stay as they are."""

    going: int
    staying: int


def recovery_of(tables: DeltaSql, settings: Settings, claim_number: str, decided: str) -> Recovery:
    """Return what a decision about the letter `decided` sends back: all of the claim's, or as `auto_recover` says."""
    row = tables.ask(
        f"SELECT count(*) AS n, sum(CASE WHEN {_recovers(settings, decided)} THEN 1 ELSE 0 END) AS going FROM t "
        f"WHERE {_is_cured(claim_key(claim_number))}",
        LETTERS,
    ).rows[0]
    going = int(row["going"] or 0)
    return Recovery(going=going, staying=row["n"] - going)


def _is_cured(key: str) -> str:
    """The open letters of a claim that a mapping settles."""
    return (
        f"state = 'OPEN' AND pipeline = {literal(PIPELINE)} AND {any_of('reason', GIVEN_BY_MAPPING)} "
        f"AND {CLAIM_KEY} = {literal(key)}"
    )


def _recovers(settings: Settings, decided: str | None) -> str:
    """Those of them that its arrival sends back: without `auto_recover` the one decided now, and what people have marked."""
    if settings.jobs.task_creation.auto_recover:
        return "true"
    marked = f'coalesce("by", {literal(AUTO_RECOVER)}) <> {literal(AUTO_RECOVER)}'
    return f"({marked} OR dead_letter_id = {literal(decided)})" if decided is not None else marked


def preview_of_claim(tables: DeltaSql, settings: Settings, key: str, *, decided: str | None = None) -> TaskPreview:
    """Return what a mapping for the claim of this key makes: its letters that go back then, and what waits for it.

    `decided` is the letter about which somebody decides now: it goes back without `auto_recover` too.
    """
    letters = tables.rows(
        f"SELECT {_RECORD.format(at='opened_at')} FROM t WHERE {_is_cured(key)} AND {_recovers(settings, decided)} "
        f"LIMIT {MOST_EVENTS + 1}",
        LETTERS,
    )
    waiting = tables.rows(
        f"SELECT {_RECORD.format(at='first_seen_at')} FROM t WHERE claim_key = {literal(key)} LIMIT {MOST_EVENTS + 1}",
        PENDING,
    )
    return _preview(tables, settings, letters, waiting)


def preview_of_letters(tables: DeltaSql, settings: Settings, ids: tuple[str, ...]) -> TaskPreview:
    """Return what sending these letters back makes; those of other pipelines make no task."""
    letters = tables.rows(
        f"SELECT {_RECORD.format(at='opened_at')}, pipeline FROM t WHERE {any_of('dead_letter_id', ids)} "
        f"LIMIT {MOST_EVENTS + 1}",
        LETTERS,
    )
    return _preview(tables, settings, letters, ())


def _preview(
    tables: DeltaSql,
    settings: Settings,
    letters: tuple[Mapping[str, Any], ...],
    waiting: tuple[Mapping[str, Any], ...],
) -> TaskPreview:
    ours = [row for row in letters if row.get("pipeline", PIPELINE) == PIPELINE]
    policy = _policy(settings)
    wanted = {
        task.key: (event, task.rule)
        for event in _events([*ours, *waiting][:MOST_EVENTS], policy)
        for task in policy.tasks_of(event)
    }
    there = _existing(tables, tuple(wanted))
    tasks = tuple(
        PreviewedTask(
            event_id=event.event_id,
            event_type=event.event_type,
            claim_number=event.claim_number,
            rule=rule,
            exists_as=there.get(key),
        )
        for key, (event, rule) in wanted.items()
    )
    is_cut = len(ours) + len(waiting) > MOST_EVENTS
    mode = settings.jobs.task_creation.mode
    return TaskPreview(letters=len(letters), waiting=len(waiting), tasks=tasks, is_cut=is_cut, mode=mode)


def _events(rows: Iterable[Mapping[str, Any]], policy: Policy) -> Iterable[XactEvent]:
    for row in rows:
        record = SourceRecord(
            topic=row["source_topic"] or "",
            partition=row["source_partition"] or 0,
            offset=row["source_offset"] or 0,
            value=row["raw_value"],
            at=row["at"] or datetime(2000, 1, 1, tzinfo=UTC),
        )
        event = decoded(record, policy.rules)
        if isinstance(event, XactEvent):
            yield event


def _existing(tables: DeltaSql, keys: tuple[str, ...]) -> dict[str, str]:
    if not keys:
        return {}
    rows = tables.rows(
        f"SELECT idempotency_key, claimx_task_id FROM t WHERE {any_of('idempotency_key', keys)} "
        "AND state IN ('CREATED', 'ADOPTED')",
        LEDGER,
    )
    return {row["idempotency_key"]: row["claimx_task_id"] or "" for row in rows}


def _policy(settings: Settings) -> Policy:
    rules = {
        event_type: tuple(
            Rule(name=r.name, task_type=r.task_type, task_data=json.dumps(r.task_data), once_per=r.once_per)
            for r in listed
        )
        for event_type, listed in settings.jobs.task_creation.tasks.items()
    }
    return Policy(rules=rules)
