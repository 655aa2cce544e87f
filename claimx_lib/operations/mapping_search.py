"""The mapping as a person looks through it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from claimx_lib.connectors.delta_sql import DeltaSql, literal
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.operations.mapping import MAPPING, rows_of

LONG_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedClaim:
    """A row of the mapping."""

    claim_number: str
    project_id: int
    source: str
    updated_at: datetime | None


def search_mapping(tables: DeltaSql, text: str, *, limit: int = 50) -> tuple[MappedClaim, ...]:
    """Return the claims whose key starts with this text's, and those of this project; of no text, the last changed."""
    if not text:
        return _mapped(tables, "true", "updated_at DESC NULLS LAST", limit)
    key = literal(claim_key(text))
    conditions = [f"starts_with(claim_key, {key})"] if claim_key(text) else []
    if text.isascii() and text.isdigit() and int(text) <= LONG_MAX:
        conditions.append(f"project_id = {int(text)}")
    order = f"CASE WHEN claim_number = {literal(text)} THEN 0 WHEN claim_key = {key} THEN 1 ELSE 2 END, claim_key"
    return _mapped(tables, " OR ".join(conditions) or "false", order, limit)


def mapped_claim(tables: DeltaSql, claim_number: str) -> MappedClaim | None:
    """Return the row of exactly this claim, else one in another spelling where they all name one project; None without.

    A claim whose other spellings name several projects has none of them: only a person can tell.
    """
    if not claim_key(claim_number) or not tables.exists(MAPPING):
        return None
    rows = rows_of(tables, claim_number)
    if not rows or (rows[0].claim_number != claim_number and len({row.project_id for row in rows}) > 1):
        return None
    found = rows[0]
    return MappedClaim(
        claim_number=found.claim_number, project_id=found.project_id, source=found.source, updated_at=found.updated_at
    )


def _mapped(tables: DeltaSql, where: str, order: str, limit: int) -> tuple[MappedClaim, ...]:
    rows = tables.rows(
        f"SELECT claim_number, project_id, source, updated_at FROM t WHERE {where} ORDER BY {order} LIMIT {int(limit)}",
        MAPPING,
    )
    return tuple(
        MappedClaim(
            claim_number=row["claim_number"],
            project_id=row["project_id"],
            source=row["source"] or "",
            updated_at=row["updated_at"],
        )
        for row in rows
    )
