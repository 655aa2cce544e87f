"""Who is meant by a claim or a project: every id under which the tables know the person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.domain.claim_number import claim_key
from claimx_lib.schemas import tables
from claimx_lib.transforms import claim_number as columns
from claimx_lib.transforms.decode import as_long

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

_LINKS = (tables.MAPPING, tables.PROJECTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The ids of one person: claim numbers in every spelling that the tables hold, projects, and events."""

    claims: frozenset[str]
    projects: frozenset[int]
    events: frozenset[str] = frozenset()

    @property
    def keys(self) -> frozenset[str]:
        """The canonical forms of the claim numbers."""
        return frozenset(map(claim_key, self.claims))


def person_of(
    session: SparkSession, warehouse: Warehouse, *, claim: str | None = None, project: int | None = None
) -> Person:
    """Return everything that belongs to a claim or a project by the mapping, the project events as they are now, and
    tracked events where neither knows the project.

    A claim brings the projects that it has, a project the claims that it has; what either had once is left alone: it may be
    another person's by now.
    """
    keys = frozenset({claim_key(claim)} if claim is not None else ())
    numbers = frozenset({project} if project is not None else ())
    linked = [
        row
        for spec in _LINKS
        for row in _rows(
            session, warehouse, spec.name, F.col("claim_key").isin(*keys) | F.col("project_id").isin(*numbers)
        )
    ]
    projects = numbers | {row["project_id"] for row in linked} | _told_by_events(session, warehouse, keys)
    keys |= {row["claim_key"] for row in linked if row["claim_key"]}
    claims = {claim} if claim is not None else set()
    claims |= {row["claim_number"] for row in linked if row["claim_number"]}
    return _with_events(session, warehouse, keys, projects, claims)


def _told_by_events(session: SparkSession, warehouse: Warehouse, keys: frozenset[str]) -> frozenset[int]:
    """The projects that tracked events give to these claims, and neither they nor mapping and ledger give to another one."""
    if not keys:
        return frozenset()
    key, number = columns.claim_key(F.col("project_data.claim_number")), as_long(F.col("project_id"))
    tracked = warehouse.read(session, tables.TRACKING.name).select(key.alias("claim_key"), number.alias("project_id"))
    named = tracked.where(F.col("claim_key").isin(*keys)).select("project_id")
    sent = columns.claim_key(F.col("claim_number")).alias("claim_key")
    told = [tracked, warehouse.read(session, tables.LEDGER.name).select(sent, "project_id")]
    told += (warehouse.read(session, t.name).select("claim_key", "project_id") for t in _LINKS)
    others = reduce(DataFrame.unionByName, told).where(~F.col("claim_key").isin(*keys)).select("project_id")
    return frozenset(row["project_id"] for row in named.subtract(others).collect() if row["project_id"])


def _with_events(
    session: SparkSession, warehouse: Warehouse, keys: frozenset[str], projects: frozenset[int], claims: set[str]
) -> Person:
    of_claim = columns.claim_key(F.col("claim_number")).isin(*keys)
    # A row of another claim in this project is another person's.
    of_project = F.col("project_id").isin(*projects) & F.col("claim_number").isNull()
    events: set[str] = set()
    for spec, condition in (
        (tables.PENDING, of_claim),
        (tables.LEDGER, of_claim | of_project),
        (tables.DEAD_LETTERS, of_claim),
        (tables.MAPPING_HISTORY, of_claim),
    ):
        rows = _rows(session, warehouse, spec.name, condition, "event_id", "claim_number")
        events |= {row["event_id"] for row in rows if row["event_id"]}
        claims |= {
            row["claim_number"] for row in rows if row["claim_number"] and claim_key(row["claim_number"]) in keys
        }
    of_tracking = as_long(F.col("project_id")).isin(*projects) | columns.claim_key(
        F.col("project_data.claim_number")
    ).isin(*keys)
    tracked = _rows(session, warehouse, tables.TRACKING.name, of_tracking, "event_id")
    events |= {row["event_id"] for row in tracked}
    return Person(claims=frozenset(claims), projects=projects, events=frozenset(events))


def _rows(
    session: SparkSession, warehouse: Warehouse, table: str, condition: Column, *names: str
) -> list[dict[str, Any]]:
    wanted = names or ("claim_number", "claim_key", "project_id")
    found: DataFrame = warehouse.read(session, table).where(condition).select(*wanted).distinct()
    return [row.asDict() for row in found.collect()]
