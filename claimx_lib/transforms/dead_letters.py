"""The rows of `dead_letters`, made in one place for every job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.domain.creation.headers import DEAD_LETTER_ID
from claimx_lib.schemas.tables import DEAD_LETTERS
from claimx_lib.transforms.decode import text_of

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import Column, DataFrame

OPEN = "OPEN"
OPTIONAL = ("error", "claim_number", "event_id", "attempts", "candidates")
"""Input columns that a job may leave out: they are NULL then."""


def dead_letter_rows(frame: DataFrame, *, pipeline: str, opened_at: datetime) -> DataFrame:
    """One OPEN row of the `dead_letters` table for each input row; the same record and reason give the same id.

    Input: reason, topic, partition, offset, key, value, headers as read from Kafka, and those of `OPTIONAL` that
    are known. `opened_at` has a zone. The bytes stand in `raw_value` untouched.
    """
    given = frame.withColumns({name: F.lit(None) for name in OPTIONAL if name not in frame.columns})
    values = {
        "dead_letter_id": dead_letter_id(pipeline),
        "pipeline": F.lit(pipeline),
        "state": F.lit(OPEN),
        **{name: F.col(name) for name in ("reason", "headers", *OPTIONAL)},
        "source_topic": F.col("topic"),
        "source_partition": F.col("partition"),
        "source_offset": F.col("offset"),
        "source_key": key_text(F.col("key")),
        "raw_value": F.col("value"),
        "opened_at": F.lit(opened_at),
        "replay_count": F.lit(0),
    }
    return given.select(*(values.get(f.name, F.lit(None)).cast(f.dataType).alias(f.name) for f in DEAD_LETTERS.schema))


def dead_letter_id(pipeline: str) -> Column:
    """Hex SHA-256 of `pipeline|topic|partition|offset|reason|value`, the value's own SHA-256 standing for it.

    A topic made anew counts its offsets from 0 again: the value tells its records from those that had them before.
    """
    value = F.sha2(F.coalesce(F.col("value").cast("binary"), F.lit(b"")), 256)
    parts = (F.lit(pipeline), "topic", "partition", "offset", "reason", value)
    return F.sha2(F.concat_ws("|", *parts), 256)


def key_text(key: Column) -> Column:
    """A Kafka key as STRING: its text, or base64 where it is no valid UTF-8."""
    return F.coalesce(text_of(key), F.base64(key.cast("binary")))


def replayed_letter(headers: Column) -> Column:
    """The id of the dead letter that a record is the replay of; NULL where its headers name none."""
    found = F.get(F.filter(headers, lambda header: header["key"] == DEAD_LETTER_ID), F.lit(0))["value"]
    text = text_of(found)
    return F.when(text.rlike("^[0-9a-f]{64}$"), text)
