"""The state before a batch of mapping_sync: what the tables know of its claims and projects, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from claimx_lib.domain.identity import LONG_AGO, MANUAL, SET, IdentityEvent, MappedClaim, Number, Project, ProjectEvent
from claimx_lib.domain.mapping_fold import Before
from claimx_lib.schemas.tables import MAPPING, MAPPING_HISTORY, PROJECTS
from claimx_lib.transforms.key_ranges import FEW, among, near

if TYPE_CHECKING:
    from claimx_lib.streams.context import JobContext

_ROW = ("claim_number", "claim_key", "project_id", "source", "event_timestamp", "event_id", "rivals")
_EVENT = ("claim_number", "claim_key", "event_id", "source", "action", "to", "event_timestamp")


def before_of(context: JobContext, events: Sequence[IdentityEvent], project_events: Sequence[ProjectEvent]) -> Before:
    """Return what `domain.mapping_fold.folded` needs for these events, read from the newest versions of the tables.

    Facts are read for whole claim keys, since a number that comes back in another spelling brings all spellings back.
    """
    moved = {event.project_id for event in project_events}
    rows = _rows(context, {event.claim_key for event in events}, moved)
    keys = {event.claim_key for event in events} | {row.claim_key for row in rows.values()}
    before = Before(rows=rows)
    if keys:
        ids = {event.event_id for event in events} | {event.event_id for event in project_events}
        _add_history(context, before, keys, ids)
    before.projects = _projects(context, moved | _named(before, events))
    return before


def _rows(context: JobContext, keys: Collection[str], moved: Collection[int]) -> dict[str, MappedClaim]:
    """One pass over the mapping, or, for many moved projects, one more over the few rows that have rivals."""
    table = context.warehouse.read(context.session, MAPPING.name).select(*_ROW)
    of_keys = marked(table, "claim_key", keys, "has_key")
    found = marked(of_keys, "project_id", moved, "has_moved")
    is_wanted = (near(F.col("claim_key"), keys) & F.col("has_key")) | F.col("has_moved")
    wanted = [found.where(is_wanted | _has_rival(moved)) if 0 < len(moved) <= FEW else found.where(is_wanted)]
    if len(moved) > FEW:
        rivals = table.where(F.col("rivals").isNotNull()).select(*_ROW, F.explode("rivals").alias("rival"))
        wanted.append(among(rivals, "rival", moved))
    rows = reduce(DataFrame.unionByName, (frame.select(*_ROW) for frame in wanted))
    return {row["claim_number"]: _mapped(row) for row in collected(rows)}


def _has_rival(projects: Collection[int]) -> Column:
    return F.col("rivals").isNotNull() & F.arrays_overlap("rivals", F.lit(sorted(projects)))


def _mapped(row: dict[str, Any]) -> MappedClaim:
    return MappedClaim(
        claim_number=row["claim_number"],
        claim_key=row["claim_key"],
        project_id=row["project_id"],
        source=row["source"] or "",
        timestamp=row["event_timestamp"] or LONG_AGO,
        event_id=row["event_id"] or "",
        rivals=tuple(row["rivals"] or ()),
    )


def _add_history(context: JobContext, before: Before, keys: Collection[str], event_ids: Collection[str]) -> None:
    """One pass over the keys' history: what can still decide, and which of the batch's event ids are there."""
    table = context.warehouse.read(context.session, MAPPING_HISTORY.name).select(*_EVENT)
    of_keys = among(table.where(near(F.col("claim_key"), keys)), "claim_key", keys)
    for row in collected(_facts(marked(of_keys, "event_id", event_ids, "is_marked"))):
        event = _event(row)
        before.facts[event.claim_number].add(event)
        if row["is_marked"]:
            before.known.add(event.identity)


def _facts(history: DataFrame) -> DataFrame:
    """The events that can still decide, one for each claim's manual ones and each of its projects, and the marked ones.

    Whatever else comes along does no harm: facts are the same for any repetition.
    """
    is_manual = F.col("source") == MANUAL
    is_automatic_set = ~is_manual & (F.col("action") == SET) & F.col("to").isNotNull()
    event = F.struct("event_timestamp", "event_id", "action", "to", "source", "claim_number", "claim_key")
    by = (F.col("claim_number"), is_manual.alias("is_manual"), F.when(is_automatic_set, F.col("to")).alias("project"))
    newest = F.max(event)
    known = F.collect_set(F.when(F.col("is_marked"), event))
    found = history.groupBy(*by).agg(newest.alias("newest"), known.alias("known"))
    each = F.concat(
        F.array(F.struct(F.col("newest").alias("event"), F.lit(col=False).alias("is_marked"))),
        F.transform("known", lambda one: F.struct(one.alias("event"), F.lit(col=True).alias("is_marked"))),
    )
    return found.select(F.explode(each).alias("one")).select("one.event.*", "one.is_marked")


def _event(row: dict[str, Any]) -> IdentityEvent:
    return IdentityEvent(
        event_id=row["event_id"],
        claim_number=row["claim_number"],
        claim_key=row["claim_key"],
        source=row["source"] or "",
        action=row["action"] or SET,
        project_id=row["to"],
        timestamp=row["event_timestamp"] or LONG_AGO,
    )


def _named(before: Before, events: Sequence[IdentityEvent]) -> set[int]:
    named = {project_id for facts in before.facts.values() for project_id in facts.automatic}
    of_rows = {project_id for row in before.rows.values() for project_id in (row.project_id, *row.rivals)}
    return named | of_rows | {event.project_id for event in events if event.project_id is not None}


def _projects(context: JobContext, ids: Collection[int]) -> dict[int, Project]:
    if not ids:
        return {}
    table = context.warehouse.read(context.session, PROJECTS.name)
    frame = among(table.where(near(F.col("project_id"), ids)), "project_id", ids)
    return {row["project_id"]: _project(row) for row in collected(frame)}


def _project(row: dict[str, Any]) -> Project:
    number = None
    if row["claim_number"] is not None:
        number = Number(
            claim_number=row["claim_number"],
            claim_key=row["claim_key"],
            timestamp=row["claim_event_timestamp"] or LONG_AGO,
            event_id=row["claim_event_id"] or "",
        )
    return Project(
        project_id=row["project_id"],
        event_id=row["event_id"] or "",
        timestamp=row["event_timestamp"] or LONG_AGO,
        project_name=row["project_name"],
        address=row["address"],
        number=number,
    )


def marked(frame: DataFrame, column: str, values: Collection[str] | Collection[int], name: str) -> DataFrame:
    """The rows with a column `name` more: true where the column is one of the values, else false or NULL."""
    if len(values) <= FEW:
        return frame.withColumn(name, F.col(column).isin(sorted(values)))
    keys = frame.sparkSession.createDataFrame(pa.table({column: sorted(values), name: [True] * len(values)}))
    return frame.join(F.broadcast(keys), on=column, how="left")


def collected(frame: DataFrame) -> list[dict[str, Any]]:
    """The rows, over Arrow; instants have a zone."""
    rows: list[dict[str, Any]] = frame.toArrow().to_pylist()
    return rows
