"""Dead letters on their way into the table, each record and reason once, on whatever checkpoint; and out of it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.connectors.delta import on_conflict_again
from claimx_lib.domain.reasons import ENDED_IN, label_of
from claimx_lib.schemas.tables import DEAD_LETTERS
from claimx_lib.streams.appends import append_new

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from claimx_lib.streams.context import BatchRef, JobContext


def append_dead_letters(context: JobContext, rows: DataFrame, batch: BatchRef, *, job: str, step: str = "rows") -> None:
    """Append those of `rows` (the table's columns, from `dead_letter_rows`) whose id is not in the table yet.

    A batch that runs again, and a new checkpoint that reads old offsets, add nothing. Several calls of one batch
    need a `step` each. The ids pass through the driver, so that the append itself reads no table and conflicts
    with no other writer.
    """
    kept = rows.persist()
    try:
        letters = kept.select("dead_letter_id", "pipeline", "reason", "source_topic", "source_offset").collect()
        known = _known(context, kept, letters) if letters else set()
        opened = [letter for letter in letters if letter.dead_letter_id not in known]
        if opened:
            app_id = batch.app_id(job, DEAD_LETTERS.name, step)
            append_new(context, _without(kept, known), DEAD_LETTERS.name, batch, app_id=app_id, keys=["dead_letter_id"])
            _count(context, opened)
    finally:
        kept.unpersist()


def resolve_replayed(context: JobContext, dead_letter_ids: Collection[str], pipelines: Collection[str]) -> None:
    """Close the letters of these pipelines whose replays have their row now; a discarded one stays as it is."""
    if dead_letter_ids:
        _resolve(context, sorted(dead_letter_ids), list(pipelines))


def end_refused_again(context: JobContext, dead_letter_ids: Collection[str], pipelines: Collection[str]) -> None:
    """Close the letters of these pipelines whose replays were refused: they have a letter of their own by now, and
    whatever becomes of that one, nothing of the older is on its way any more.
    """
    if dead_letter_ids:
        _resolve(context, sorted(dead_letter_ids), list(pipelines), why=f"{ENDED_IN} a newer letter")


@on_conflict_again
def _resolve(context: JobContext, ids: list[str], pipelines: list[str], why: str | None = None) -> None:
    is_meant = F.col("dead_letter_id").isin(ids) & F.col("pipeline").isin(pipelines)
    told = {} if why is None else {"why": F.concat_ws("; ", "why", F.lit(why))}
    context.warehouse.open(context.session, DEAD_LETTERS.name).update(
        condition=is_meant & F.col("state").isin("OPEN", "REPLAYED"),  # the mark of who sent it may come later
        set={"state": F.lit("RESOLVED"), "closed_at": F.lit(context.now()), **told},
    )


def _known(context: JobContext, rows: DataFrame, letters: list[Row]) -> set[str]:
    """The ids among `letters` that the table holds; offsets first, since the table's file statistics know them.

    No more than these pass through the driver: two topics in one batch span a range of nearly all letters.
    """
    offsets = [letter.source_offset for letter in letters]
    topics = sorted({letter.source_topic for letter in letters})
    there = (
        context.warehouse.read(context.session, DEAD_LETTERS.name)
        .where(F.col("source_topic").isin(topics) & F.col("source_offset").between(min(offsets), max(offsets)))
        .select("dead_letter_id")
    )
    ours = there.join(F.broadcast(rows.select("dead_letter_id")), on="dead_letter_id", how="left_semi")
    return {row.dead_letter_id for row in ours.collect()}


def _without(rows: DataFrame, known: set[str]) -> DataFrame:
    if not known:
        return rows
    ids = rows.sparkSession.createDataFrame([(i,) for i in sorted(known)], "dead_letter_id STRING")
    return rows.join(ids, on="dead_letter_id", how="left_anti").select(*rows.columns)


def _count(context: JobContext, opened: list[Row]) -> None:
    for (pipeline, reason), number in Counter((row.pipeline, row.reason) for row in opened).items():
        label = label_of(reason)
        context.metrics.count("claimx_dead_letters_opened_total", number, pipeline=pipeline, reason=label)
