"""Dead letters on their way into the table: each record and reason once, on whatever checkpoint."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

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
        known = _known(context, letters) if letters else set()
        opened = [letter for letter in letters if letter.dead_letter_id not in known]
        if opened:
            app_id = batch.app_id(job, DEAD_LETTERS.name, step)
            append_new(context, _without(kept, known), DEAD_LETTERS.name, batch, app_id=app_id, keys=["dead_letter_id"])
            _count(context, opened)
    finally:
        kept.unpersist()


def _known(context: JobContext, letters: list[Row]) -> set[str]:
    """The ids among `letters` that the table holds; offsets first, since the table's file statistics know them."""
    offsets = [letter.source_offset for letter in letters]
    topics = sorted({letter.source_topic for letter in letters})
    there = (
        context.warehouse.read(context.session, DEAD_LETTERS.name)
        .where(F.col("source_topic").isin(topics) & F.col("source_offset").between(min(offsets), max(offsets)))
        .select("dead_letter_id")
    )
    return {row.dead_letter_id for row in there.collect()} & {letter.dead_letter_id for letter in letters}


def _without(rows: DataFrame, known: set[str]) -> DataFrame:
    if not known:
        return rows
    ids = rows.sparkSession.createDataFrame([(i,) for i in sorted(known)], "dead_letter_id STRING")
    return rows.join(ids, on="dead_letter_id", how="left_anti").select(*rows.columns)


def _count(context: JobContext, opened: list[Row]) -> None:
    for (pipeline, reason), number in Counter((row.pipeline, row.reason) for row in opened).items():
        label = reason.replace("-", "_")
        context.metrics.count("claimx_dead_letters_opened_total", number, pipeline=pipeline, reason=label)
