"""What a task_creation batch writes besides plan and ledger: Delta first, Kafka last, each able to run twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.connectors.delta import on_conflict_again
from claimx_lib.domain.creation.decisions import Wait
from claimx_lib.domain.creation.effects import Effects, LetterChange, NewLetter
from claimx_lib.domain.creation.keys import PIPELINE
from claimx_lib.domain.creation.messages import OutgoingMessage, largest_value
from claimx_lib.domain.reasons import ENDED_IN
from claimx_lib.schemas.tables import BIN, DEAD_LETTERS, HEADERS, INT, LONG, PENDING, STR
from claimx_lib.streams.crash_points import crash_point
from claimx_lib.streams.creation_rows import frame_of, header_values, pending_values
from claimx_lib.streams.refusals import append_dead_letters
from claimx_lib.transforms.dead_letters import dead_letter_rows
from claimx_lib.transforms.masking import masked_json

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from claimx_lib.config.settings import Settings
    from claimx_lib.streams.context import BatchRef, JobContext

_RECORD = (("topic", STR), ("partition", INT), ("offset", LONG), ("key", BIN), ("value", BIN), ("headers", HEADERS))
_FACTS = (
    ("reason", STR),
    ("error", STR),
    ("claim_number", STR),
    ("event_id", STR),
    ("attempts", INT),
    ("candidates", STR),
)


def _struct(*columns: tuple[str, T.DataType]) -> T.StructType:
    return T.StructType([T.StructField(name, kind) for name, kind in columns])


LETTERS = _struct(*_RECORD, *_FACTS)
CHANGES = _struct(("dead_letter_id", STR), ("state", STR), ("by", STR), ("why", STR))
MESSAGES = _struct(("topic", STR), ("key", STR), ("value", BIN), ("headers", HEADERS), ("cut", STR))
MERGED = _struct(*((field.name, field.dataType) for field in PENDING.schema), ("is_gone", T.BooleanType()))


def applied(
    context: JobContext, batch: BatchRef, effects: Effects, now: datetime, send: Callable[[DataFrame], None]
) -> None:
    """Write letters, pending rows, changes of letters and messages, in this order; `send` takes all messages at once."""
    if effects.letters:
        rows = dead_letter_rows(_letters(context, effects.letters), pipeline=PIPELINE, opened_at=now)
        append_dead_letters(context, rows, batch, job=PIPELINE, step=effects.step)
        crash_point("letters-appended")
    if effects.upserts or effects.deletes:
        merge_pending(context, effects.upserts, effects.deletes, now)
        crash_point("pending-merged")
    if effects.changes:
        change_letters(context, effects.changes, now)
    if effects.messages:
        frame = _messages(context, effects.messages)
        send(masked(frame, context.settings))
        crash_point("kafka-written")


@on_conflict_again
def merge_pending(context: JobContext, upserts: Sequence[Wait], deletes: Sequence[str], now: datetime) -> None:
    """Make the pending table hold these rows and not those; the same a second time."""
    names = PENDING.schema.names
    kept = [(*pending_values(wait, now), False) for wait in upserts]
    gone = [(event_id, *[None] * (len(names) - 1), True) for event_id in deletes]
    source = frame_of(context.session, [*kept, *gone], MERGED)
    values: dict[str, str | Column] = {name: F.col(f"s.{name}") for name in names}
    (
        context.warehouse.open(context.session, PENDING.name)
        .alias("t")
        .merge(source.alias("s"), "t.event_id = s.event_id")
        .whenMatchedDelete("s.is_gone")
        .whenMatchedUpdate(set=values)
        .whenNotMatchedInsert(condition="NOT s.is_gone", values=values)
        .execute()
    )


@on_conflict_again
def change_letters(context: JobContext, changes: Sequence[LetterChange], now: datetime) -> None:
    """Give letters their new state; one that is in it already, or was discarded by a person, stays as it is.

    One that is open again is nobody's: what was decided about it has been done.
    """
    latest = {change.dead_letter_id: change for change in changes}.values()
    source = frame_of(context.session, [(c.dead_letter_id, c.state, c.by, c.why) for c in latest], CHANGES)
    is_open, is_closed = F.col("s.state") == "OPEN", F.col("s.state") == "RESOLVED"
    is_ended, told = F.col("s.why").startswith(ENDED_IN), F.coalesce("t.why", "s.why")
    (
        context.warehouse.open(context.session, DEAD_LETTERS.name)
        .alias("t")
        .merge(source.alias("s"), "t.dead_letter_id = s.dead_letter_id")
        .whenMatchedUpdate(
            condition="t.state <> s.state AND t.state <> 'DISCARDED'",
            set={
                "state": F.col("s.state"),
                "closed_at": F.when(is_closed, F.lit(now)),
                "by": F.when(~is_open, F.coalesce("t.by", "s.by")),  # a person who decided stays the one who did
                "why": F.when(~is_open, F.when(is_ended, F.concat_ws("; ", "t.why", "s.why")).otherwise(told)),
            },
        )
        .execute()
    )


def masked(frame: DataFrame, settings: Settings) -> DataFrame:
    """The messages, people hidden in those that leave the internal topics where the settings say so."""
    pii, largest = settings.pii, largest_value(settings.kafka.max_message_bytes)
    if not pii.mask_messages:
        return frame.drop("cut")
    given = frame.withColumn("whole", masked_json(F.col("value").cast("string"), pii.fields))
    fitting = F.when(F.octet_length("whole") <= largest, F.col("whole"))
    hidden = F.coalesce(fitting, masked_json(F.col("cut"), pii.fields))
    value = F.when(F.col("cut").isNull(), F.col("value")).otherwise(hidden.cast("binary"))
    return given.withColumn("value", value).drop("cut", "whole")


def _letters(context: JobContext, letters: Sequence[NewLetter]) -> DataFrame:
    rows = [
        (
            letter.record.topic,
            letter.record.partition,
            letter.record.offset,
            letter.record.key,
            letter.record.value,
            header_values(letter.record.headers),
            letter.reason,
            letter.error,
            letter.claim_number,
            letter.event_id,
            letter.attempts,
            letter.candidates,
        )
        for letter in letters
    ]
    return frame_of(context.session, rows, LETTERS)


def _messages(context: JobContext, messages: Sequence[OutgoingMessage]) -> DataFrame:
    rows = [
        (
            message.topic,
            message.key,
            message.value.encode("utf-8") if isinstance(message.value, str) else message.value,
            header_values(message.headers),
            message.cut,
        )
        for message in messages
    ]
    return frame_of(context.session, rows, MESSAGES)
