"""Dead letters as a person looks through them: counted, filtered, paged, grouped by claim."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from claimx_lib.connectors.delta_sql import DeltaSql, any_of, literal
from claimx_lib.domain.creation.effects import AUTO_RECOVER
from claimx_lib.domain.reasons import label_of
from claimx_lib.errors import NotFound
from claimx_lib.schemas.claim_key import CLAIM_KEY

TABLE = "dead_letters"
STATES = ("OPEN", "REPLAYED", "RESOLVED", "DISCARDED")
_WHOLE = (
    "dead_letter_id, pipeline, state, reason, error, claim_number, event_id, "
    'attempts, opened_at, closed_at, "by", why, replay_count, candidates'
)
_LISTED = (
    _WHOLE.replace(" error,", " substr(error, 1, 400) AS error,")
    .replace(" claim_number,", " substr(claim_number, 1, 80) AS claim_number,")
    .replace(" event_id,", " substr(event_id, 1, 120) AS event_id,")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Which letters are wanted; None wants all. `text` is found in the claim number, or starts an event or letter id."""

    state: str | None = "OPEN"
    reason: str | None = None
    pipeline: str | None = None
    since: datetime | None = None
    text: str = ""
    claim_key: str | None = None
    is_decided: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRow:
    """One line of a list; instants are UTC, long texts are cut unless they were wanted whole."""

    dead_letter_id: str
    pipeline: str
    state: str
    reason: str
    error: str
    claim_number: str
    event_id: str
    attempts: int
    opened_at: datetime | None
    closed_at: datetime | None
    by: str
    why: str
    replay_count: int
    candidates: str

    @property
    def stamp(self) -> str:
        """What changes whenever somebody does something with the letter."""
        return _stamp(self)

    @property
    def is_decided(self) -> bool:
        """Tell whether a person has said what becomes of it; what the pipeline did by itself is no such word."""
        return self.by not in {"", AUTO_RECOVER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A value and how many letters have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPage:
    """One page of letters, newest first, and the counts beside it, all of one table version."""

    rows: tuple[LetterRow, ...]
    total: int
    states: tuple[Facet, ...]
    reasons: tuple[Facet, ...]
    pipelines: tuple[Facet, ...]
    oldest_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimGroup:
    """The wanted letters of one claim, whatever its spelling."""

    claim_key: str
    spellings: tuple[str, ...]
    letters: int
    reasons: tuple[str, ...]
    oldest_at: datetime | None
    newest_at: datetime | None


def letter_page(tables: DeltaSql, wanted: LetterFilter, *, offset: int = 0, limit: int = 50) -> LetterPage:
    """Return one page, newest first, with the counts of each state, reason and pipeline around it.

    A count leaves its own filter out, so that it tells what choosing another value would show.
    """
    where = _where(wanted)
    page = tables.ask(
        f"SELECT {_LISTED} FROM t WHERE {where} ORDER BY opened_at DESC NULLS LAST, dead_letter_id "
        f"LIMIT {int(limit)} OFFSET {int(offset)}",
        TABLE,
    )
    totals = tables.ask(f"SELECT count(*) AS n, min(opened_at) AS oldest FROM t WHERE {where}", TABLE).rows[0]
    return LetterPage(
        rows=tuple(_row(row) for row in page.rows),
        total=totals["n"],
        oldest_at=totals["oldest"],
        states=_facets(tables, "state", replace(wanted, state=None)),
        reasons=_facets(tables, "reason", replace(wanted, reason=None)),
        pipelines=_facets(tables, "pipeline", replace(wanted, pipeline=None)),
        version=page.version,
    )


def claim_groups(
    tables: DeltaSql, wanted: LetterFilter, *, offset: int = 0, limit: int = 50
) -> tuple[tuple[ClaimGroup, ...], int]:
    """Return one page of claims with their letters counted, most letters first, and how many claims there are."""
    where = f"{_where(wanted)} AND claim_number IS NOT NULL"
    counted = tables.ask(
        f"SELECT {CLAIM_KEY} AS claim_key, count(*) AS n, min(opened_at) AS oldest, max(opened_at) AS newest, "
        f"count(*) OVER () AS claims FROM t WHERE {where} GROUP BY 1 ORDER BY n DESC, newest DESC, claim_key "
        f"LIMIT {int(limit)} OFFSET {int(offset)}",
        TABLE,
    ).rows
    keys = any_of(CLAIM_KEY, tuple(row["claim_key"] for row in counted))
    details = tables.ask(
        f"SELECT DISTINCT {CLAIM_KEY} AS claim_key, substr(claim_number, 1, 80) AS spelling, reason "
        f"FROM t WHERE {where} AND {keys} ORDER BY 1, 2, 3",
        TABLE,
    ).rows
    return tuple(_group(row, details) for row in counted), counted[0]["claims"] if counted else 0


def letters_by_id(tables: DeltaSql, ids: tuple[str, ...], *, is_whole: bool = False) -> tuple[LetterRow, ...]:
    """Return the letters with these ids, in their order, each once; unknown ids are left out."""
    if not ids:
        return ()
    found = tables.ask(f"SELECT {_columns(is_whole)} FROM t WHERE {any_of('dead_letter_id', ids)}", TABLE).rows
    by_id = {row["dead_letter_id"]: _row(row) for row in found}
    return tuple(by_id[one] for one in dict.fromkeys(ids) if one in by_id)


def letter_row(tables: DeltaSql, dead_letter_id: str, *, is_whole: bool = False) -> LetterRow:
    """Return one letter as it is now; NotFound where there is none of that id."""
    found = letters_by_id(tables, (dead_letter_id,), is_whole=is_whole)
    if not found:
        raise NotFound(f"no dead letter {dead_letter_id[:80]}", cure="look at claimx dlq list")
    return found[0]


def letters_wanted(
    tables: DeltaSql, wanted: LetterFilter, *, limit: int, is_whole: bool = False
) -> tuple[LetterRow, ...]:
    """Return the letters wanted, oldest first, at most `limit`."""
    listed, where = _columns(is_whole), _where(wanted)
    sql = f"SELECT {listed} FROM t WHERE {where} ORDER BY opened_at, dead_letter_id LIMIT {int(limit)}"
    return tuple(_row(row) for row in tables.ask(sql, TABLE).rows)


def letters_of_claim(
    tables: DeltaSql, claim_key: str, *, limit: int, is_whole: bool = False
) -> tuple[tuple[LetterRow, ...], int]:
    """Return the claim's letters in any state and spelling, newest first, at most `limit`, and how many there are."""
    rows = tables.ask(
        f"SELECT {_columns(is_whole)}, count(*) OVER () AS n FROM t WHERE {CLAIM_KEY} = {literal(claim_key)} "
        f"ORDER BY opened_at DESC NULLS LAST, dead_letter_id LIMIT {int(limit)}",
        TABLE,
    ).rows
    return tuple(_row(row) for row in rows), rows[0]["n"] if rows else 0


def _columns(is_whole: bool) -> str:  # noqa: FBT001  (it is what its callers were asked)
    return _WHOLE if is_whole else _LISTED


def _facets(tables: DeltaSql, column: str, wanted: LetterFilter) -> tuple[Facet, ...]:
    rows = tables.ask(
        f"SELECT coalesce({column}, '') AS value, count(*) AS n FROM t WHERE {_where(wanted)} "
        "GROUP BY 1 ORDER BY n DESC, value",
        TABLE,
    ).rows
    return tuple(Facet(value=row["value"], count=row["n"]) for row in rows)


def _where(wanted: LetterFilter) -> str:
    exact = {"state": wanted.state, "pipeline": wanted.pipeline}
    conditions = [f"coalesce({column}, '') = {literal(value)}" for column, value in exact.items() if value is not None]
    if wanted.reason is not None:
        conditions.append(f"replace(coalesce(reason, ''), '-', '_') = {literal(label_of(wanted.reason))}")
    if wanted.since is not None:
        conditions.append(f"opened_at >= {literal(wanted.since)}")
    if wanted.claim_key is not None:
        conditions.append(f"{CLAIM_KEY} = {literal(wanted.claim_key)}")
    if wanted.is_decided is not None:
        conditions.append(f"coalesce(\"by\", '') {'NOT IN' if wanted.is_decided else 'IN'} ('', '{AUTO_RECOVER}')")
    if wanted.text:
        text = literal(wanted.text)
        conditions.append(
            f"(contains(upper(claim_number), upper({text})) OR starts_with(event_id, {text}) "
            f"OR starts_with(dead_letter_id, {text}))"
        )
    return " AND ".join(conditions) or "true"


def _row(row: Mapping[str, Any]) -> LetterRow:
    texts = ("pipeline", "state", "reason", "error", "claim_number", "event_id", "by", "why", "candidates")
    return LetterRow(
        dead_letter_id=row["dead_letter_id"],
        **{name: row[name] or "" for name in texts},
        attempts=row["attempts"] or 0,
        replay_count=row["replay_count"] or 0,
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )


def _group(row: Mapping[str, Any], details: tuple[Mapping[str, Any], ...]) -> ClaimGroup:
    own = [detail for detail in details if detail["claim_key"] == row["claim_key"]]
    return ClaimGroup(
        claim_key=row["claim_key"],
        spellings=tuple(dict.fromkeys(detail["spelling"] for detail in own)),
        letters=row["n"],
        reasons=tuple(sorted({detail["reason"] or "" for detail in own})),
        oldest_at=row["oldest"],
        newest_at=row["newest"],
    )


def _stamp(row: LetterRow) -> str:
    closed = "" if row.closed_at is None else row.closed_at.isoformat()
    parts = (row.dead_letter_id, row.state, str(row.replay_count), closed, row.by, row.why)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]
