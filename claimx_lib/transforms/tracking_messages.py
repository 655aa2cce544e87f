"""What task_tracking says of its rows: the success and errors topics' messages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.config.settings import Pii
from claimx_lib.domain.enrichment import EnrichmentStatus
from claimx_lib.domain.instants import iso
from claimx_lib.domain.reasons import Reason
from claimx_lib.transforms.built_once import built_once
from claimx_lib.transforms.decode import is_blank, text_of
from claimx_lib.transforms.masking import masked_json, masked_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ERROR_COLUMNS = (
    "dead_letter_id", "reason", "error", "event_id", "source_topic", "source_partition", "source_offset", "raw_value",
)  # fmt: skip
"""What `error_messages` takes, of dead letters and of `failures` alike."""

_WITH_NULLS = {"ignoreNullFields": "false"}
_OVERHEAD_BYTES = 16_384  # an errors message without its raw value, at most
_MESSAGES = {
    str(Reason.UNDECODABLE): "The record could not be read",
    str(Reason.WRONG_TASK_ID): "The task template is not one of the configured ones",
    str(Reason.BAD_TIMESTAMP): "The event's time could not be used",
    str(Reason.INVALID_FIELD): "A field breaks a rule",
    str(Reason.API_UNAVAILABLE): "ClaimX gave no details; the row is written without them",
}


def success_messages(rows: DataFrame, topic: str, pii: Pii) -> DataFrame:
    """topic, key, value for rows with event_id, task_id, assignment_id, project_id, task_status, enrichment_status and
    processed_at (text).
    """
    return rows.select(*_success(topic, pii))


@built_once
def _success(topic: str, pii: Pii) -> list[Column]:
    status = masked_text(F.col("task_status")) if pii.mask_messages else F.col("task_status")
    value = F.struct(
        "event_id",
        "task_id",
        "assignment_id",
        "project_id",
        status.alias("task_status"),
        "enrichment_status",
        "processed_at",
    )
    return [F.lit(topic).alias("topic"), F.col("event_id").alias("key"), F.to_json(value, _WITH_NULLS).alias("value")]


def failures(rows: DataFrame, records: DataFrame, on: tuple[str, ...]) -> DataFrame:
    """The rows whose details could not be fetched, as `error_messages` takes them.

    `records` has each one's raw_value, found by the columns `on`. The failures are broadcast: they are short, where a
    record may weigh a megabyte.
    """
    failed = rows.where(F.col("enrichment_status") == str(EnrichmentStatus.FAILED))
    made = {
        "dead_letter_id": F.lit(None).cast("string"),
        "reason": F.lit(str(Reason.API_UNAVAILABLE)),
        "error": F.col("enrichment_error"),
    }
    short = dict.fromkeys([*on, *ERROR_COLUMNS])
    del short["raw_value"]
    raw = records.select(*on, "raw_value")
    return raw.join(F.broadcast(failed.withColumns(made).select(*short)), on=[*on]).select(*ERROR_COLUMNS)


def error_messages(rows: DataFrame, topic: str, pii: Pii, *, at: datetime, max_message_bytes: int) -> DataFrame:
    """topic, key, value for dead letters and `failures`; a raw value that would not fit is left to the table.

    With masking, raw values that are no JSON are left to the table too.
    """
    source = F.struct(
        F.col("source_topic").alias("topic"),
        F.col("source_partition").alias("partition"),
        F.col("source_offset").alias("offset"),
    )
    fields = {
        "dead_letter_id": F.col("dead_letter_id"),
        "reason": F.col("reason"),
        "message": _message(),
        "error": F.col("error"),
        "event_id": F.col("event_id"),
        "source": source,
        "raw_value_base64": _raw_value(pii, max_message_bytes),
        "at": F.lit(iso(at)),
    }
    value = F.to_json(F.struct(*(column.alias(name) for name, column in fields.items())), _WITH_NULLS)
    coordinates = F.concat_ws("/", "source_topic", "source_partition", "source_offset")
    key = F.when(is_blank(F.col("event_id")), coordinates).otherwise(F.col("event_id"))
    return rows.select(F.lit(topic).alias("topic"), key.alias("key"), value.alias("value"))


def _message() -> Column:
    known = [F.when(F.col("reason") == reason, F.lit(text)) for reason, text in _MESSAGES.items()]
    return F.coalesce(*known, F.lit("A required field is missing"))


def _raw_value(pii: Pii, max_message_bytes: int) -> Column:
    raw = F.col("raw_value")
    shown = masked_json(text_of(raw), pii.fields).cast("binary") if pii.mask_messages else raw
    largest = (max_message_bytes - _OVERHEAD_BYTES) * 3 // 4
    return F.when(F.octet_length(shown) <= largest, F.replace(F.base64(shown), F.lit("\r\n"), F.lit("")))
