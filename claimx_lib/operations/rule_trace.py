"""How a claim's project is looked for, rung by rung, against the mapping as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claimx_lib.connectors.delta_sql import DeltaSql, Row, literal
from claimx_lib.domain.claim_number import claim_key, without_letter_prefix
from claimx_lib.domain.ladder import Place, ResolvePolicy, ladder
from claimx_lib.domain.mapping_lookup import Candidate, MappingSnapshot, candidate_of
from claimx_lib.operations.mapping import DIGITS

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

TABLE = "claim_project_mapping"
MOST_ROWS = 200
_PLACES = {
    Place.MAPPING: "mapping, this number",
    Place.MAPPING_KEY: "mapping, any spelling",
    Place.MAPPING_DIGITS: "mapping, without letters",
    Place.API: "ClaimX",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One rung: the rule, where it looks, the text it looks for, and what is there."""

    rule: str
    place: str
    text: str
    found: str


def rule_trace(tables: DeltaSql, settings: Settings, claim_number: str) -> tuple[TraceStep, ...]:
    """Return the rungs in the order of the climb; ClaimX is not asked. None for what has no key."""
    if not claim_key(claim_number):
        return ()
    creation = settings.jobs.task_creation
    policy = ResolvePolicy(
        resolve_with=tuple(creation.resolve_with),
        rules=tuple(creation.normalization_rules),
        enable_format_normalization=creation.enable_format_normalization,
        match_without_letter_prefix=creation.match_without_letter_prefix,
    )
    rows = _rows(
        tables, claim_number, has_digits=policy.enable_format_normalization and policy.match_without_letter_prefix
    )
    conflict_policy = settings.jobs.mapping_sync.conflict_policy
    mapping = MappingSnapshot(tuple(candidate_of(**row, conflict_policy=conflict_policy) for row in rows))
    lookups = {
        Place.MAPPING: mapping.by_number,
        Place.MAPPING_KEY: mapping.by_key,
        Place.MAPPING_DIGITS: mapping.by_digits,
    }
    return tuple(
        TraceStep(
            rule=rung.rule.replace("_", " ").replace("+", " + "),
            place=_PLACES[rung.place],
            text=rung.text,
            found="asked at each try" if rung.place is Place.API else _found(lookups[rung.place](rung.text)),
        )
        for rung in ladder(claim_number, policy)
    )


def _found(candidates: object) -> str:
    rows = [c for c in candidates if isinstance(c, Candidate)] if isinstance(candidates, (list, tuple)) else []
    told = [f"project {project_id} ({c.claim_number})" for c in rows for project_id in c.project_ids]
    return ", ".join(told) or "nothing"


def _rows(tables: DeltaSql, claim_number: str, *, has_digits: bool) -> tuple[Row, ...]:
    """What the rungs can meet, the claim's own number first, then its own key: what is cut is the least near."""
    key = claim_key(claim_number)
    own, where = f"claim_key = {literal(key)}", [f"claim_key = {literal(key)}"]
    digits = without_letter_prefix(key) if has_digits else None
    if digits is not None:
        where.append(f"(ends_with(claim_key, {literal(digits)}) AND {DIGITS} = {literal(digits)})")
    order = f"CASE WHEN claim_number = {literal(claim_number)} THEN 0 WHEN {own} THEN 1 ELSE 2 END, claim_number"
    return tables.rows(
        f"SELECT claim_number, project_id, rivals FROM t WHERE {' OR '.join(where)} ORDER BY {order} LIMIT {MOST_ROWS}",
        TABLE,
    )
