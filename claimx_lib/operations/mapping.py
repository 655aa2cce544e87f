"""The mapping as a person asks for it: one claim, its history, and where a rule joins several projects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, islice
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta_sql import DeltaSql, Row, any_of, literal
from claimx_lib.domain.claim_number import WITHOUT_LETTER_PREFIX, claim_key, rule_joining, rule_names
from claimx_lib.errors import NotFound

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

MAPPING, HISTORY = "claim_project_mapping", "claim_project_mapping_history"
RIVALS = "several projects claim it"
_COLUMNS = (
    "claim_number", "claim_key", "project_id", "source", "created_at", "updated_at", "event_timestamp", "event_id",
    "rivals",
)  # fmt: skip
DIGITS = "regexp_replace(claim_key, '^[A-Z]*0*', '')"
"""What is left of a claim key without letters and zeros in front, in SQL."""
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingRow:
    """A row of the mapping; `rivals` are other projects that claim the number too."""

    claim_number: str
    claim_key: str
    project_id: int
    source: str
    created_at: datetime | None
    updated_at: datetime | None
    event_timestamp: datetime | None
    event_id: str
    rivals: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """An identity event and what became of it; `from_project` is what the claim had before, `to_project` what it names."""

    at: datetime | None
    event_timestamp: datetime | None
    claim_number: str
    from_project: int | None
    to_project: int | None
    source: str
    action: str
    outcome: str
    by: str
    why: str
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Claim numbers that `rule` takes for one, of several projects: resolved as ambiguous or, with rivals, as settled."""

    claim_key: str
    rule: str
    members: tuple[tuple[str, int], ...]

    @property
    def projects(self) -> tuple[int, ...]:
        """The projects, each once."""
        return tuple(sorted({project_id for _, project_id in self.members}))


def mappings_of(tables: DeltaSql, claim_number: str) -> tuple[MappingRow, ...]:
    """Return what `rows_of` finds; NotFound where there is nothing."""
    rows = rows_of(tables, claim_number)
    if not rows:
        raise NotFound(
            f"{claim_number}: no mapping, in no spelling",
            cure=f"look at claimx explain {claim_number}, or set it: claimx mapping set {claim_number} PROJECT",
        )
    return rows


def rows_of(tables: DeltaSql, claim_number: str) -> tuple[MappingRow, ...]:
    """Return the row of exactly this claim first, then those of other spellings.

    TableError where the tables are in a catalog, with what to do instead.
    """
    where = f"claim_key = {literal(claim_key(claim_number))}"
    found = tables.ask(f"SELECT {', '.join(_COLUMNS)} FROM t WHERE {where}", MAPPING).rows
    return tuple(sorted(map(_row, found), key=lambda row: (row.claim_number != claim_number, row.claim_number)))


def _row(row: Row) -> MappingRow:
    values = {name: row[name] for name in _COLUMNS}
    values["rivals"] = tuple(row["rivals"] or ())
    return MappingRow(**{**values, "source": row["source"] or "", "event_id": row["event_id"] or ""})


def history_of(tables: DeltaSql, claim_number: str, *, limit: int = 1_000) -> tuple[HistoryRow, ...]:
    """Return what was said about every spelling of a claim, oldest first; of more than `limit` the newest."""
    rows = tables.ask(
        'SELECT at, event_timestamp, claim_number, "from" AS from_project, "to" AS to_project, source, action, '
        f'outcome, "by", why, event_id FROM t WHERE claim_key = {literal(claim_key(claim_number))} '
        f"ORDER BY at DESC, event_timestamp DESC, event_id DESC LIMIT {int(limit)}",
        HISTORY,
    ).rows
    texts = ("claim_number", "source", "action", "outcome", "by", "why", "event_id")
    return tuple(HistoryRow(**{**row, **{name: row[name] or "" for name in texts}}) for row in reversed(rows))


def conflicts(tables: DeltaSql, settings: Settings, *, limit: int = 1_000) -> tuple[Conflict, ...]:
    """Return the keys at which a configured rule joins several projects, then the numbers that several claim.

    The first are ambiguous for a claim that has no row of its own; the second follow `conflict_policy`. Fewer than
    `limit` are all that there are.
    """
    return tuple(islice(_conflicts(tables, settings, limit), limit))


def _conflicts(tables: DeltaSql, settings: Settings, limit: int) -> Iterator[Conflict]:
    creation = settings.jobs.task_creation
    if creation.enable_format_normalization:
        yield from _joined_by_rules(tables, creation.normalization_rules)
        if creation.match_without_letter_prefix:
            yield from _joined_by_digits(tables)
    yield from _with_rivals(tables, limit)


def _joined_by_rules(tables: DeltaSql, rules: Sequence[str]) -> Iterator[Conflict]:
    for key, members in _groups(tables, "claim_key", "claim_key IS NOT NULL"):
        rule = _joining(members, rules)
        if rule is not None:
            yield Conflict(claim_key=key, rule=rule, members=members)


def _joining(members: Sequence[tuple[str, int]], rules: Sequence[str]) -> str | None:
    """The furthest-reaching of the rules that join two numbers of different projects."""
    names = rule_names(rules)
    pairs = (pair for pair in combinations(members, 2) if pair[0][1] != pair[1][1])
    found = [rule for one, other in pairs if (rule := rule_joining(one[0], other[0], rules)) is not None]
    return max(found, key=names.index, default=None)


def _joined_by_digits(tables: DeltaSql) -> Iterator[Conflict]:
    """Numbers with and without letters before the same digits; two different prefixes alone are two claims."""
    for digits, members in _groups(tables, DIGITS, "regexp_like(claim_key, '^[A-Z]*0*[1-9][0-9]*$')"):
        if any(claim_key(number) == digits for number, _ in members):
            yield Conflict(claim_key=digits, rule=WITHOUT_LETTER_PREFIX, members=members)


def _groups(tables: DeltaSql, key: str, where: str) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    """Every key of several projects with its numbers, some at a time: the caller may want few of them, or none."""
    after = where
    while True:
        keys = tables.ask(
            f"SELECT {key} AS k FROM t WHERE {after} GROUP BY {key} HAVING min(project_id) <> max(project_id) "
            f"ORDER BY k LIMIT {_AT_ONCE}",
            MAPPING,
        ).rows
        members = _members(tables, key, tuple(row["k"] for row in keys))
        yield from ((row["k"], tuple(sorted(members[row["k"]]))) for row in keys)
        if len(keys) < _AT_ONCE:
            return
        after = f"{where} AND {key} > {literal(keys[-1]['k'])}"


def _members(tables: DeltaSql, key: str, wanted: tuple[str, ...]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {one: [] for one in wanted}
    sql = f"SELECT {key} AS k, claim_number, project_id FROM t WHERE {any_of(key, wanted)}"
    for row in tables.ask(sql, MAPPING).rows:
        found[row["k"]].append((row["claim_number"], row["project_id"]))
    return found


def _with_rivals(tables: DeltaSql, limit: int) -> Iterator[Conflict]:
    rows = tables.ask(
        "SELECT claim_key, claim_number, project_id, rivals FROM t WHERE rivals IS NOT NULL "
        f"ORDER BY claim_key, claim_number LIMIT {int(limit)}",
        MAPPING,
    ).rows
    for row in rows:
        projects = (row["project_id"], *row["rivals"])
        members = tuple((row["claim_number"], project_id) for project_id in projects)
        yield Conflict(claim_key=row["claim_key"] or "", rule=RIVALS, members=members)
