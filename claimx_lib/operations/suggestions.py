"""Which projects an unresolved claim may belong to: near spellings, ranked, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz

from claimx_lib.connectors.delta_sql import DeltaSql, literal
from claimx_lib.domain.claim_number import claim_key, without_letter_prefix
from claimx_lib.operations.likeness import Likeness, likeness

PROJECTS, MAPPING = "claimx_projects", "claim_project_mapping"
MOST_EDITS = 2
SHORTEST_CONTAINED = 5
_WIDE = 400
"""Rows that SQL hands over for ranking; it sorts by edit distance, so that the nearest are among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A project that may be the claim's; `score` ranks, `alike` is the share of characters in common, both 0 to 100."""

    project_id: int
    claim_number: str
    project_name: str
    origin: str
    reason: str
    score: int
    alike: int

    @property
    def strength(self) -> str:
        """How much speaks for it, in a word."""
        return "strong" if self.score >= 95 else "good" if self.score >= 85 else "weak"  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A claim number that some project is known by."""

    project_id: int
    claim_number: str
    key: str
    project_name: str
    origin: str


def suggestions(tables: DeltaSql, claim_number: str, *, candidates: str = "", limit: int = 5) -> tuple[Suggestion, ...]:
    """Return the likeliest projects first, each project once with its best reason; none for a claim without a key.

    `candidates` is the JSON text of an ambiguous dead letter. Spellings are taken from `claimx_projects` and
    `claim_project_mapping`: equal keys, equal digits with or without letters before them, up to two characters
    changed, one contained in the other. Every spelling within two edits is found, not only those of a sample.
    """
    key = claim_key(claim_number)
    if not key:
        return ()
    best: dict[int, Suggestion] = {}
    named = tuple(_candidate_ids(candidates))
    for known in (*_known(tables, key), *_of_ids(tables, named)):
        found = _judged(key, known, is_candidate=known.project_id in named)
        if found is not None and found.score > _score(best.get(known.project_id)):
            best[known.project_id] = found
    for project_id in named:
        best.setdefault(project_id, _only_named(project_id))
    return tuple(sorted(best.values(), key=lambda s: (-s.score, -s.alike, s.project_id))[:limit])


def _judged(key: str, known: _Known, *, is_candidate: bool) -> Suggestion | None:
    like = likeness(key, known.key) if known.key else None
    if like is None and not is_candidate:
        return None
    told = like or Likeness(score=80, reason="found by the search, under another claim number")
    return Suggestion(
        project_id=known.project_id,
        claim_number=known.claim_number,
        project_name=known.project_name,
        origin=known.origin,
        reason=f"{told.reason}; one of the candidates of the search" if is_candidate else told.reason,
        score=min(told.score + (5 if is_candidate else 0), 100),
        alike=round(fuzz.ratio(key, known.key)),
    )


def _only_named(project_id: int) -> Suggestion:
    reason = "one of the candidates of the search; its claim number isn't known here"
    return Suggestion(
        project_id=project_id, claim_number="", project_name="", origin="search", reason=reason, score=75, alike=0
    )


def _score(suggestion: Suggestion | None) -> int:
    return -1 if suggestion is None else suggestion.score


def _known(tables: DeltaSql, key: str) -> Iterator[_Known]:
    where, near = _near(key), f"levenshtein(claim_key, {literal(key)})"
    for table, name in ((PROJECTS, "project_name"), (MAPPING, "''")):
        sql = (
            f"SELECT project_id, claim_number, claim_key, {name} AS name FROM t WHERE claim_key IS NOT NULL "
            f"AND ({where}) ORDER BY {near} LIMIT {_WIDE}"
        )
        yield from (_as_known(row, table) for row in tables.rows(sql, table))


def _of_ids(tables: DeltaSql, ids: tuple[int, ...]) -> Iterator[_Known]:
    if ids:
        listed = ", ".join(map(str, ids))
        sql = (
            "SELECT project_id, claim_number, claim_key, project_name AS name FROM t "
            f"WHERE project_id IN ({listed}) LIMIT {_WIDE}"
        )
        yield from (_as_known(row, PROJECTS) for row in tables.rows(sql, PROJECTS))


def _as_known(row: dict[str, object], table: str) -> _Known:
    return _Known(
        project_id=int(str(row["project_id"])),
        claim_number=str(row["claim_number"] or ""),
        key=str(row["claim_key"] or ""),
        project_name=str(row["name"] or ""),
        origin="ClaimX project" if table == PROJECTS else "mapping",
    )


def _near(key: str) -> str:
    """The condition that every near spelling meets, cheap enough for 10⁷ keys.

    Two edits leave one of three pieces of the key untouched, so the key must contain one.
    """
    conditions = [f"claim_key = {literal(key)}"]
    third = max(len(key) // 3, 1)
    pieces = {key[:third], key[third : 2 * third], key[2 * third :]} - {""}
    touched = " OR ".join(f"contains(claim_key, {literal(piece)})" for piece in sorted(pieces))
    span = f"length(claim_key) BETWEEN {len(key) - MOST_EDITS} AND {len(key) + MOST_EDITS}"
    conditions.append(f"({span} AND ({touched}))")
    digits = without_letter_prefix(key)
    if digits is not None:
        conditions.append(f"ends_with(claim_key, {literal(digits)})")
    if len(key) >= SHORTEST_CONTAINED:
        conditions.append(f"contains(claim_key, {literal(key)})")
        conditions.append(f"(length(claim_key) >= {SHORTEST_CONTAINED} AND strpos({literal(key)}, claim_key) > 0)")
    return " OR ".join(conditions)


def _candidate_ids(candidates: str) -> Iterator[int]:
    try:
        value = json.loads(candidates) if candidates else []
    except ValueError:
        return
    listed = value.get("projects", []) if isinstance(value, dict) else value
    for item in listed if isinstance(listed, list) else []:
        named = item.get("project_id") if isinstance(item, dict) else item
        if str(named).isascii() and str(named).isdigit():
            yield int(str(named))
