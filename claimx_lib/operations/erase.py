"""Erasure of a person's data: out of every table, every old file, and never taken in again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.connectors.delta import Warehouse, on_conflict_again
from claimx_lib.domain.erasure import Kind, erased_id
from claimx_lib.errors import ClaimxError
from claimx_lib.operations.person import Person
from claimx_lib.operations.traces import Trace, traces_of
from claimx_lib.schemas import tables
from claimx_lib.transforms.claim_number import claim_key
from claimx_lib.transforms.decode import as_long
from claimx_lib.transforms.erasure import claims_named, projects_named

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from claimx_lib.domain.secret import Secret

PERSON = "keys ARRAY<STRING>, numbers ARRAY<BIGINT>, events ARRAY<STRING>"
CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
SWEEPS = 3
PROJECTS = ("project_data", "claimx_project_full")
"""What a tracked row holds of its project, the claim number too, whatever the mapping knows."""
LINKS = (tables.MAPPING.name, tables.PROJECTS.name)
"""Where claim and project are one person's: the last to go, or a second try would not know what belongs together."""
ERASED_FROM = (
    tables.TRACKING.name,
    tables.MAPPING.name,
    tables.MAPPING_HISTORY.name,
    tables.PROJECTS.name,
    tables.PENDING.name,
    tables.PLAN.name,
    tables.LEDGER.name,
    tables.DEAD_LETTERS.name,
)


def _conditions() -> dict[str, Column]:
    """What is the person's in each table: `t` is the table, `s` the one row of `PERSON`, so that no id stands in a log."""
    key, event = F.expr("array_contains(s.keys, t.claim_key)"), F.expr("array_contains(s.events, t.event_id)")
    claim = F.array_contains(F.col("s.keys"), claim_key(F.col("t.claim_number")))
    number = F.expr("array_contains(s.numbers, t.project_id)")
    number_of_text = F.array_contains(F.col("s.numbers"), as_long(F.col("t.project_id")))
    of_claims = [F.array_contains(F.col("s.keys"), claim_key(F.col(f"t.{name}.claim_number"))) for name in PROJECTS]
    text, no_key = F.coalesce(F.col("t.raw_value").cast("string"), F.lit("")), F.lit(None).cast("string")
    numbers = F.transform(F.col("s.numbers"), lambda number: number.cast("string"))
    named = _or_false(F.arrays_overlap(claims_named(no_key, text), F.col("s.keys")))
    named |= _or_false(F.arrays_overlap(projects_named(no_key, text), numbers))
    return {
        tables.TRACKING.name: reduce(or_, map(_or_false, of_claims), _or_false(number_of_text)),
        tables.MAPPING.name: key | number,
        tables.MAPPING_HISTORY.name: key,  # what another claim said of the project is that one's fold
        tables.PROJECTS.name: key | number,
        tables.PENDING.name: key | event,
        tables.PLAN.name: event | named,
        tables.LEDGER.name: claim | event | (F.col("t.claim_number").isNull() & number),
        tables.DEAD_LETTERS.name: claim | event | named,
    }


def _or_false(condition: Column) -> Column:
    return F.coalesce(condition, F.lit(col=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was erased, or would be: rows by table, what a running stream may have written since, and files left."""

    person: Person
    rows: dict[str, int]
    left: dict[str, int] = field(default_factory=dict)
    traces: tuple[Trace, ...] = ()
    is_searched: bool = False
    files_gone_by: datetime | None = None
    amid_a_batch: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the person is in the tables, in no file that was looked at, and on its way there."""
        in_files = any(not trace.is_log for trace in self.traces)
        return not any(self.left.values()) and not in_files and not self.amid_a_batch


def counted(session: SparkSession, warehouse: Warehouse, person: Person) -> dict[str, int]:
    """Return how many rows of the person each table holds."""
    source = _source(session, person)
    counts = [
        warehouse.read(session, table)
        .alias("t")
        .crossJoin(F.broadcast(source).alias("s"))
        .where(condition)
        .agg(F.count(F.lit(1)).alias("rows"))
        .select(F.lit(table).alias("table"), "rows")
        for table, condition in _conditions().items()
    ]
    found = {row["table"]: int(row["rows"]) for row in reduce(lambda one, other: one.unionAll(other), counts).collect()}
    return {table: found[table] for table in ERASED_FROM}


def remember(
    session: SparkSession, warehouse: Warehouse, person: Person, salt: Secret, *, by: str, why: str, at: datetime
) -> None:
    """Append the person's salted hashes to `erased_ids`; from its next batch on, every stream leaves their records out."""
    ids = [(Kind.CLAIM, claim) for claim in sorted(person.keys)]
    ids += [(Kind.PROJECT, str(project)) for project in sorted(person.projects)]
    rows = [(erased_id(salt.reveal(), kind, value), str(kind), at, by, why) for kind, value in ids]
    frame = session.createDataFrame(rows, tables.ERASED_IDS.schema)
    known = warehouse.read(session, tables.ERASED_IDS.name).select("erased_id")
    warehouse.append(frame.join(known, on="erased_id", how="left_anti").select(*frame.columns), tables.ERASED_IDS.name)


def erase(
    session: SparkSession,
    warehouse: Warehouse,
    person: Person,
    *,
    streams_stopped: bool,
    sentinels: frozenset[str],
    keep_files_hours: int,
    now: datetime,
    awaited: Callable[[], tuple[str, ...]] = tuple,
) -> Erasure:
    """Delete the person's rows from every table and from the files of their newest versions.

    With `streams_stopped` the files of older versions go at once, and every file is searched for the claim numbers and
    the sentinels; else they go with the upkeep's VACUUM, `keep_files_hours` later. A stream that is amid a batch may
    write once more what it read before: `awaited` returns once such batches are through (the jobs whose are not), and
    the tables are looked at again after that.
    """
    before = counted(session, warehouse, person)
    left, amid = before, awaited()  # what these have written is deleted with the rest
    for _ in range(SWEEPS + 1):
        _delete(session, warehouse, person, due(left, is_amid=bool(amid)))
        amid = amid or awaited()
        left = counted(session, warehouse, person)
        if not due(left, is_amid=bool(amid)):
            break
    for table in ERASED_FROM:
        _purge(session, warehouse, table)
    if not streams_stopped:
        gone_by = now + timedelta(hours=keep_files_hours + 24)  # the upkeep runs once a day
        return Erasure(person=person, rows=before, left=left, files_gone_by=gone_by, amid_a_batch=amid)
    for table in ERASED_FROM:
        _vacuum_at_once(session, warehouse, table)
    folder = _folder(warehouse)
    traces = traces_of(folder, person.claims | sentinels) if folder is not None else []
    return Erasure(person=person, rows=before, left=left, traces=tuple(traces), is_searched=folder is not None)


def due(left: Mapping[str, int], *, is_amid: bool) -> list[str]:
    """Return the tables to delete from: the links once nothing else is left, and no job may write what it has read."""
    held = [table for table, rows in left.items() if rows]
    others = [table for table in held if table not in LINKS]
    return others if others or is_amid else held


def _source(session: SparkSession, person: Person) -> DataFrame:
    row = (sorted(person.keys), sorted(person.projects), sorted(person.events))
    return session.createDataFrame([row], PERSON)


def _delete(session: SparkSession, warehouse: Warehouse, person: Person, wanted: list[str]) -> None:
    source = _source(session, person)
    for table in wanted:
        merge = warehouse.open(session, table).alias("t").merge(source.alias("s"), _conditions()[table])
        on_conflict_again(merge.whenMatchedDelete().execute)()


def _purge(session: SparkSession, warehouse: Warehouse, table: str) -> None:
    """Write files anew whose deleted rows are only marked as such."""
    on_conflict_again(lambda: session.sql(f"REORG TABLE {warehouse.sql_name(table)} APPLY (PURGE)").collect())()


def _vacuum_at_once(session: SparkSession, warehouse: Warehouse, table: str) -> None:
    before = session.conf.get(CHECK, "true")
    session.conf.set(CHECK, "false")  # the caller vouches that nobody is at work on these files
    try:
        session.sql(f"VACUUM {warehouse.sql_name(table)} RETAIN 0 HOURS").collect()
    finally:
        session.conf.set(CHECK, str(before))


def _folder(warehouse: Warehouse) -> Path | None:
    folder = warehouse.folder
    if folder is not None and not folder.is_dir():
        raise ClaimxError(f"{folder}: no such folder", cure="check CLAIMX_WAREHOUSE")
    return folder
