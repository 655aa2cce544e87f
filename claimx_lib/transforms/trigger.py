"""Which records of `claimx.events` are ours, and the tracking message of each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.config.jobs import TaskTrigger, Trigger
from claimx_lib.domain.reasons import Reason
from claimx_lib.transforms.built_once import built_once
from claimx_lib.transforms.decode import as_integer, json_object, json_others, json_those, text_of
from claimx_lib.transforms.encode import json_members, json_string

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

PUBLISHED = "published"
NOT_OURS = "not_ours"
EVENT_TYPES = "CUSTOM_TASK_"
SOURCE_HEADER = "x-source"

MESSAGE = (
    "trigger_name", "event_id", "event_type", "project_id", "task_id", "assignment_id", "task_name", "task_status",
    "timestamp", "task", "project",
)  # fmt: skip
"""The fields of a tracking message, in their order; further ones of the event follow."""

_RECORD = ("topic", "partition", "offset", "key", "value", "headers")
_OWN = ("trigger_name", "task_id", "assignment_id", "task_name", "task_status")
"""Of `MESSAGE` those that are not the event's fields of that name."""
_PRINTED_WITH_EXPONENT = 10_000_000
_OVERHEAD_BYTES = 1_024  # what Kafka adds to key and value, headers included
_WITH_NULLS = {"ignoreNullFields": "false"}


def candidates(frame: DataFrame, triggers: Mapping[int, Trigger]) -> DataFrame:
    """The records whose bytes hold a configured template id somewhere: cheap, and enough to leave the others unparsed."""
    texts = [text for task_id in sorted(triggers) for text in _spellings(task_id)]
    return frame.where(reduce(or_, (F.contains(F.col("value"), F.lit(text.encode())) for text in texts)))


def _spellings(task_id: int) -> tuple[str, ...]:
    """An id's digits; from ten million on the form that Java's doubles are printed in, too."""
    digits = str(task_id)
    if task_id < _PRINTED_WITH_EXPONENT:
        return (digits,)
    mantissa = f"{digits[0]}.{digits[1:].rstrip('0') or '0'}"
    return (digits, *(f"{mantissa}{e}{len(digits) - 1}" for e in ("E", "e", "E+", "e+")))


def judged(frame: DataFrame, job: TaskTrigger, *, max_message_bytes: int) -> DataFrame:
    """One row a record with its `outcome`: `published`, `not_ours`, or the reason of its dead letter.

    Input: the columns of a Kafka record. Output: these (`value` for dead letters alone), outcome, topics to publish to,
    project_id, and the tracking message in two parts, `head` (all but task and project) and `tail`.
    """
    for columns in _judging(job, max_message_bytes):
        frame = frame.select(*columns)
    return frame


@built_once
def _judging(job: TaskTrigger, max_message_bytes: int) -> list[list[Column]]:
    """The columns of each step from a record to its outcome."""
    event = _event(text_of(F.col("value")))
    parts = [F.when(_is_ours(), _head(job.triggers)).alias("head"), F.when(_is_ours(), _tail(job)).alias("tail")]
    every = F.col("*")
    return [
        [*map(F.col, _RECORD), event.alias("event")],
        [every, _task(F.col("event.task")).alias("task")],
        [every, _template(F.col("task.task_id"), job.triggers).alias("task_id")],
        [every, _topics(job.triggers).alias("topics")],
        [every, *parts],
        [every, _outcome(max_message_bytes).alias("outcome")],
        _judged(),
    ]


def _judged() -> list[Column]:
    return [
        *(F.col(name) for name in _RECORD if name != "value"),
        F.when(F.col("outcome") != PUBLISHED, F.col("value")).alias("value"),
        *map(F.col, ("outcome", "topics", "event.project_id", "event.event_id", "head", "tail")),
    ]


def tracking_messages(rows: DataFrame) -> DataFrame:
    """The Kafka messages of judged rows: topic, key (project_id), value, headers with the record's coordinates."""
    return rows.where(F.col("outcome") == PUBLISHED).select(*_message())


@built_once
def _message() -> list[Column]:
    source = F.concat_ws("/", "topic", "partition", "offset").cast("binary")
    return [
        F.explode("topics").alias("topic"),
        F.col("project_id").alias("key"),
        F.concat(F.expr("left(head, length(head) - 1)"), F.col("tail")).alias("value"),
        F.array(F.named_struct(F.lit("key"), F.lit(SOURCE_HEADER), F.lit("value"), source)).alias("headers"),
    ]


def refused_events(rows: DataFrame) -> DataFrame:
    """The judged rows that become dead letters, with their reason and a text that says why."""
    errors = {
        str(Reason.UNDECODABLE): "not a JSON object in UTF-8",
        str(Reason.RECORD_TOO_LARGE): "the tracking message would exceed kafka.max_message_bytes",
    }
    error = F.coalesce(*(F.when(F.col("outcome") == code, F.lit(text)) for code, text in errors.items()))
    refused = rows.where(F.col("outcome").isin(list(errors)))
    return refused.select(*_RECORD, "event_id", F.col("outcome").alias("reason"), error.alias("error"))


def _event(text: Column) -> Column:
    return json_object(text, ["event_id", "event_type", "project_id", "task", "project"], as_given=["timestamp"])


def _task(text: Column) -> Column:
    return json_object(text, ["task_id", "task_name", "status"], as_given=["assignment_id"])


def _template(task_id: Column, triggers: Mapping[int, Trigger]) -> Column:
    number = as_integer(task_id)
    return F.when(number.isin(sorted(triggers)), number)


def _topics(triggers: Mapping[int, Trigger]) -> Column:
    """The distinct topics that the event's template and status ask for; NULL for no configured template."""
    return F.coalesce(
        *(F.when(F.col("task_id") == task_id, _topics_of(trigger)) for task_id, trigger in triggers.items())
    )


def _topics_of(trigger: Trigger) -> Column:
    always = [F.lit(trigger.on_any.publish_to_topic)] if trigger.on_any else []
    by_status = [
        F.when(F.col("task.status") == status, F.lit(action.publish_to_topic))
        for status, action in trigger.on_status.items()
    ]
    return F.array_distinct(F.array_compact(F.array(*always, *by_status)))


def _is_ours() -> Column:
    is_task_event = F.col("event.event_type").startswith(EVENT_TYPES)
    return F.coalesce(is_task_event & (F.size("topics") > 0), F.lit(col=False))


def _head(triggers: Mapping[int, Trigger]) -> Column:
    """The message's fields but the last two, in the specification's order; `timestamp` and `assignment_id` as given."""
    names = [F.when(F.col("task_id") == task_id, F.lit(trigger.name)) for task_id, trigger in triggers.items()]
    fields = {
        "trigger_name": F.coalesce(*names),
        "event_id": F.col("event.event_id"),
        "event_type": F.col("event.event_type"),
        "project_id": F.col("event.project_id"),
        "task_id": F.col("task_id"),
        "assignment_id": F.col("task.assignment_id"),
        "task_name": F.col("task.task_name"),
        "task_status": F.col("task.status"),
        "timestamp": F.col("event.timestamp"),
    }
    return F.to_json(F.struct(*(column.alias(name) for name, column in fields.items())), _WITH_NULLS)


def _tail(job: TaskTrigger) -> Column:
    """The rest of the message after `head`'s last field: task and project whole, then fields that nobody knows.

    A field of the event that is called as one of the message's own would stand there twice: it goes into `event_fields`.
    """
    parts = [F.concat(F.lit(',"task":'), F.col("event.task"))] if job.include_task_data else []
    if job.include_project_data:
        parts.append(F.concat(F.lit(',"project":'), _as_json(F.col("event.project"))))
    others = F.concat(F.lit(","), json_members(json_others(F.col("value").cast("string"), MESSAGE)))
    own = F.concat(F.lit(',"event_fields":'), json_those(F.col("value").cast("string"), _OWN))
    return F.concat(*parts, F.coalesce(others, F.lit("")), F.coalesce(own, F.lit("")), F.lit("}"))


def _as_json(text: Column) -> Column:
    """A field's text as JSON again: an object stays as it is, another value becomes a string."""
    is_object = text.startswith("{") & json_object(text, ["_"]).isNotNull()
    return F.when(text.isNull(), F.lit("null")).when(is_object, text).otherwise(json_string(text))


def _outcome(max_message_bytes: int) -> Column:
    size = F.octet_length("head") + F.octet_length("tail") + F.coalesce(F.octet_length("event.project_id"), F.lit(0))
    return (
        F.when(F.col("event").isNull(), F.lit(str(Reason.UNDECODABLE)))
        .when(~_is_ours(), F.lit(NOT_OURS))
        .when(size + _OVERHEAD_BYTES > max_message_bytes, F.lit(str(Reason.RECORD_TOO_LARGE)))
        .otherwise(F.lit(PUBLISHED))
    )
