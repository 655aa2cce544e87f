"""Records that are gone from the broker before they were read: one dead letter for each range."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from claimx_lib.connectors.checkpoint import folder_of, planned_ranges, query_id_of
from claimx_lib.connectors.kafka_offsets import offset_ranges
from claimx_lib.domain.offsets import gone
from claimx_lib.domain.reasons import Reason
from claimx_lib.observability.logs import logger
from claimx_lib.schemas.tables import DEAD_LETTERS
from claimx_lib.streams.context import BatchRef
from claimx_lib.streams.refusals import append_dead_letters
from claimx_lib.transforms.dead_letters import dead_letter_rows

if TYPE_CHECKING:
    from claimx_lib.domain.offsets import Gap
    from claimx_lib.streams.context import JobContext

COLUMNS = (
    "topic STRING, partition INT, offset BIGINT, key BINARY, value BINARY, "
    "headers ARRAY<STRUCT<key: STRING, value: BINARY>>, reason STRING, error STRING"
)


def record_gaps(context: JobContext, gaps: Mapping[str, Sequence[Gap]]) -> None:
    """Append a dead letter `offsets-aged-out` for each range that a job will never read; a second call adds none."""
    for job, lost in gaps.items():
        folder = folder_of(context.settings.storage.checkpoints, job)
        query_id = query_id_of(folder) if folder is not None else None
        for gap in lost:
            _record(context, gap, BatchRef(query_id=query_id or job, batch_id=0), job=job)


def record_gaps_of(context: JobContext, batch: BatchRef, *, job: str) -> None:
    """Where loss is accepted: a dead letter for what is gone of the batch's own offsets, before it reads the rest.

    What ages out between this look and the reading, some moments, is not seen.
    """
    folder = folder_of(context.settings.storage.checkpoints, job)
    if not context.settings.kafka.accept_data_loss or folder is None:
        return
    planned = planned_ranges(folder, batch.batch_id)
    there = offset_ranges(context.settings.kafka, {place.topic for place in planned}) if planned else {}
    for gap in gone(planned, there):
        _record(context, gap, batch, job=job)


def _record(context: JobContext, found: Gap, batch: BatchRef, *, job: str) -> None:
    gap = _left_of(context, found, job=job)
    if gap is None:
        return
    told = {"topic": gap.topic, "partition": gap.partition, "first_offset": gap.first, "last_offset": gap.end - 1}
    error = f"{gap.end - gap.first} records were gone from the broker before they were read"
    row: tuple[Any, ...] = (
        gap.topic,
        gap.partition,
        gap.first,
        None,
        json.dumps(told).encode(),
        [],
        str(Reason.OFFSETS_AGED_OUT),
        error,
    )
    frame = context.session.createDataFrame([row], COLUMNS)
    rows = dead_letter_rows(frame, pipeline=job, opened_at=context.now())
    step = f"gap-{gap.topic}-{gap.partition}-{gap.first}"
    append_dead_letters(context, rows, batch, job=job, step=step)
    logger(job=job).warning("records lost", records=gap.end - gap.first, where=str(gap))


def _left_of(context: JobContext, gap: Gap, *, job: str) -> Gap | None:
    """The part of the gap behind what letters tell already: a gap grows while nobody reads."""
    letters = (
        context.warehouse.read(context.session, DEAD_LETTERS.name)
        .where((F.col("pipeline") == job) & (F.col("reason") == str(Reason.OFFSETS_AGED_OUT)))
        .where((F.col("source_topic") == gap.topic) & (F.col("source_partition") == gap.partition))
        .where(F.col("source_offset") < gap.end)
    )
    first = gap.first
    for letter in sorted(letters.select("source_offset", "raw_value").collect()):
        if letter.source_offset <= first:
            first = max(first, int(json.loads(bytes(letter.raw_value))["last_offset"]) + 1)
    return replace(gap, first=first) if first < gap.end else None
