"""Records that are gone from the broker before they were read: one dead letter for each range."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from claimx_lib.domain.reasons import Reason
from claimx_lib.observability.logs import logger
from claimx_lib.streams.context import BatchRef
from claimx_lib.streams.query import checkpoint_of, stored_query_id
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
    for job, gone in gaps.items():
        for gap in gone:
            _record(context, job, gap)


def _record(context: JobContext, job: str, gap: Gap) -> None:
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
    query_id = stored_query_id(checkpoint_of(context, job)) or job
    step = f"gap-{gap.topic}-{gap.partition}-{gap.first}"
    append_dead_letters(context, rows, BatchRef(query_id=query_id, batch_id=0), job=job, step=step)
    logger(job=job).warning("records lost", records=gap.end - gap.first, where=str(gap))
