from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from claimx_lib.domain.creation.events import SourceRecord
from claimx_lib.domain.creation.keys import PIPELINE, dead_letter_id
from claimx_lib.schemas.tables import DEAD_LETTERS
from claimx_lib.streams.context import BatchRef, JobContext
from claimx_lib.streams.refusals import append_dead_letters
from claimx_lib.transforms.dead_letters import dead_letter_rows

AT = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = "reason STRING, topic STRING, partition INT, offset BIGINT, key BINARY, value BINARY, headers ARRAY<STRUCT<key STRING, value BINARY>>"


def test_a_topic_made_anew_loses_no_letter(context_with: Callable[..., JobContext]) -> None:
    """A record at an offset that another one had has a letter of its own, under the id that the domain gives it;
    the same record again has none.
    """
    context = context_with()
    values = [b"{broken", b"{broken", b"{others", None]
    for number, value in enumerate(values):
        row = ("undecodable", "xact.events", 0, 7, None, value, [])
        letters = dead_letter_rows(context.session.createDataFrame([row], COLUMNS), pipeline=PIPELINE, opened_at=AT)
        append_dead_letters(context, letters, BatchRef(query_id="q", batch_id=number), job=PIPELINE)
    records = [SourceRecord(topic="xact.events", partition=0, offset=7, value=value, at=AT) for value in values]
    there = context.warehouse.read(context.session, DEAD_LETTERS.name).collect()
    told = {row.dead_letter_id: row.raw_value for row in there}
    assert (len(there), told) == (3, {dead_letter_id(r, "undecodable"): r.value for r in records})
