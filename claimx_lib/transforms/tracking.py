"""Tracking messages, transformed and validated as the specification's handlers do, by settings."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.config.jobs import FieldRule, SkipIf, TaskTracking
from claimx_lib.config.tracking_fields import ALWAYS, read_beside_the_columns
from claimx_lib.domain.enrichment import PROJECT_KEY, TASK_KEY
from claimx_lib.domain.reasons import Reason, missing
from claimx_lib.schemas.tables import TRACKING
from claimx_lib.transforms.built_once import built_once
from claimx_lib.transforms.decode import as_instant, as_integer, as_long, is_blank, json_object, json_others, text_of
from claimx_lib.transforms.encode import json_object_of, json_string
from claimx_lib.transforms.rescue import json_path
from claimx_lib.transforms.trigger import MESSAGE, SOURCE_HEADER

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SKIPPED = "skipped"
LONGEST_ID = 1_000
"""Characters of a required text: longer ones are no ids, and would not fit the messages that name them."""

STRUCT_TEXTS = {"original_event": "task", "project_data": "project"}
"""The table's structs that come from the message, and the message's field of each."""

_RECORD = ("topic", "partition", "offset", "key", "value", "headers")
_MADE_HERE = ("processed_timestamp", "year", "month", "day")
_NEEDED = tuple(f.name for f in TRACKING.schema if not f.nullable and f.name not in _MADE_HERE)


def judged(frame: DataFrame, job: TaskTracking) -> DataFrame:
    """One row a record: its coordinates, the mapped columns typed, and its `verdict`.

    `verdict` is NULL for a record to track, else a struct of reason (`skipped`, or that of a dead letter) and error,
    a text that holds nothing of the payload. Further: kafka_at, task and project (JSON texts), the texts that fit no
    column in `misfits`, source_*, lookup_task_id, lookup_project_id.
    """
    for columns in _judging(job):
        frame = frame.select(*columns)
    return frame


@built_once
def _judging(job: TaskTracking) -> list[list[Column]]:
    """The columns of each step from a record to its verdict."""
    paths = _paths(job)
    heads = sorted({*ALWAYS, *(path[0] for path in paths.values())})
    within = {head: sorted({p[1] for p in paths.values() if p[0] == head and len(p) > 1}) for head in heads}
    nested = {head: names for head, names in within.items() if names}
    return [_parsed(heads), _opened(nested), _with_texts(paths, job), _typed_all(job), _judged(job)]


def _parsed(heads: list[str]) -> list[Column]:
    """`message`: STRUCT of the top-level fields asked for."""
    message = json_object(text_of(F.col("value")), heads)
    return [*map(F.col, _RECORD), F.col("timestamp").alias("kafka_at"), message.alias("message")]


def _opened(nested: dict[str, list[str]]) -> list[Column]:
    """`in_<head>`: STRUCT of the fields asked for within a top-level field."""
    return [F.col("*"), *(json_object(F.col("message").getField(h), n).alias(f"in_{h}") for h, n in nested.items())]


def _with_texts(paths: dict[str, tuple[str, ...]], job: TaskTracking) -> list[Column]:
    """`texts`: STRUCT of every path asked for, by its name, defaults filled in."""
    defaults = {name: F.lit(value) for name, value in job.defaults.items()}
    texts = [F.coalesce(_at(path), defaults.get(name, F.lit(None))).alias(name) for name, path in paths.items()]
    return [*map(F.col, _RECORD), F.col("kafka_at"), F.col("message"), F.struct(*texts).alias("texts")]


def _typed_all(job: TaskTracking) -> list[Column]:
    return [
        *map(F.col, (*_RECORD, "kafka_at", "texts")),
        F.col("message").isNull().alias("is_undecodable"),
        F.col("message.task").alias("task"),
        F.col("message.project").alias("project"),
        *(_typed(name).alias(name) for name in job.mappings),
        *(F.lit(None).cast("string").alias(name) for name in _unmapped(job)),
    ]


def _judged(job: TaskTracking) -> list[Column]:
    return [
        *map(F.col, (*_RECORD, "kafka_at", "task", "project", *job.mappings, *_unmapped(job))),
        _verdict(job).alias("verdict"),
        json_object_of(_misfits(job)).alias("misfits"),
        *_source(),
        _lookup_key(job, "task_id", is_wanted=job.lookup_enabled).alias(TASK_KEY),
        _lookup_key(job, "project_id", is_wanted=job.lookup_enabled and job.project_lookup).alias(PROJECT_KEY),
    ]


def _unmapped(job: TaskTracking) -> list[str]:
    return [name for name in _NEEDED if name not in job.mappings]


def _paths(job: TaskTracking) -> dict[str, tuple[str, ...]]:
    """Every path that the settings name, by column or by the path's own text."""
    named = dict(job.mappings)
    for path in read_beside_the_columns(job):
        named.setdefault(path, path)
    return {name: tuple(path.split(".")) for name, path in named.items()}


def _at(path: tuple[str, ...]) -> Column:
    if len(path) == 1:
        return F.col("message").getField(path[0])
    second = F.col(f"in_{path[0]}").getField(path[1])
    return second if len(path) == 2 else F.get_json_object(second, json_path(path[2:]))  # noqa: PLR2004  two are opened


def _text(name: str) -> Column:
    return F.col("texts").getField(name)


def _typed(column: str) -> Column:
    kind = TRACKING.schema[column].dataType
    if isinstance(kind, T.IntegerType):
        return as_integer(_text(column))
    return as_instant(_text(column)) if isinstance(kind, T.TimestampType) else _text(column)


def _verdict(job: TaskTracking) -> Column:
    """The first rule that speaks against the record."""
    return F.coalesce(
        _unless(F.col("is_undecodable"), str(Reason.UNDECODABLE), "not a JSON object in UTF-8"),
        *([_unless(_is_skipped(job.skip_if), SKIPPED, "jobs.task_tracking.skip_if")] if job.skip_if else []),
        *(_unless(is_blank(_text(name)), missing(name), f"{name} is missing") for name in job.required_fields),
        *(_broken(name, rule) for name, rule in job.field_rules.items()),
        *(_unless(_is_too_long(name), str(Reason.INVALID_FIELD), f"{name} is too long") for name in _texts_needed()),
        *(_unless(F.col(name).isNull(), *_refusal(name)) for name in _NEEDED),
    )


def missing_reasons(job: TaskTracking) -> list[str]:
    """The reasons of records that lack a field: `missing-<field>` for each that the settings or the table ask for."""
    return [missing(name) for name in dict.fromkeys((*job.required_fields, *_NEEDED))]


def _unless(condition: Column, reason: str, error: str) -> Column:
    return F.when(condition, F.struct(F.lit(reason).alias("reason"), F.lit(error).alias("error")))


def _is_too_long(column: str) -> Column:
    return F.length(column) > LONGEST_ID


def _texts_needed() -> list[str]:
    return [name for name in _NEEDED if isinstance(TRACKING.schema[name].dataType, T.StringType)]


def _refusal(column: str) -> tuple[str, str]:
    """The reason of a column that the table needs and the message does not give in a form that it could take."""
    if column == "event_timestamp":
        return str(Reason.BAD_TIMESTAMP), "no ISO 8601 with zone or epoch milliseconds from 2000 to 2100"
    if column == "task_id":
        return str(Reason.WRONG_TASK_ID), "task_id is no integer"
    return missing(column), f"{column} is missing"


def _broken(name: str, rule: FieldRule) -> Column:
    text = _text(name)
    holds = [
        *([_is_one_of(text, [rule.equals])] if rule.equals is not None else []),
        *([_is_one_of(text, rule.one_of)] if rule.one_of is not None else []),
        *([text.rlike(f"^(?:{rule.matches})\\z")] if rule.matches is not None else []),
        *([F.length(text) <= rule.max_length] if rule.max_length is not None else []),
    ]
    reason = Reason.WRONG_TASK_ID if name == "task_id" else Reason.INVALID_FIELD
    is_broken = text.isNotNull() & ~reduce(and_, holds, F.lit(col=True))
    return _unless(is_broken, str(reason), f"{name} breaks jobs.task_tracking.field_rules.{name}")


def _is_skipped(skip_if: SkipIf | None) -> Column:
    return _is_one_of(_text(skip_if.field), skip_if.values) if skip_if else F.lit(col=False)


def _is_one_of(text: Column, values: list[str | int]) -> Column:
    """Whole numbers are compared as numbers, texts as they are."""
    numbers = [value for value in values if isinstance(value, int)]
    strings = [value for value in values if isinstance(value, str)]
    kinds = [as_long(text).isin(numbers)] if numbers else []
    kinds += [text.isin(strings)] if strings else []
    return F.coalesce(reduce(or_, kinds), F.lit(col=False))


def _misfits(job: TaskTracking) -> dict[str, Column]:
    """The JSON string of each mapped text that its column cannot take; in `message` the fields that nobody knows."""
    known = {*MESSAGE, *(path[0] for path in _paths(job).values())}
    others = F.when(~F.col("is_undecodable"), json_others(F.col("value").cast("string"), sorted(known)))
    strict = [n for n in job.mappings if n not in _NEEDED and not isinstance(TRACKING.schema[n].dataType, T.StringType)]
    return {**{n: F.when(F.col(n).isNull(), json_string(_text(n))) for n in strict}, "message": others}


def _source() -> list[Column]:
    """Where the event stood on `claimx.events`, by the header; else where the record itself stands."""
    header = F.get(F.filter("headers", lambda h: h["key"] == SOURCE_HEADER), F.lit(0))["value"]
    parts = F.regexp_extract_all(text_of(header), F.lit(r"^([A-Za-z0-9._-]{1,249})/(\d{1,9})/(\d{1,18})$"), F.lit(0))
    whole = F.get(parts, F.lit(0))
    partition, offset = (F.regexp_extract(whole, r"/(\d+)/(\d+)$", group) for group in (1, 2))
    own = whole.isNull()
    return [
        F.when(own, F.col("topic")).otherwise(F.regexp_extract(whole, r"^(.+)/\d+/\d+$", 1)).alias("source_topic"),
        F.when(own, F.col("partition")).otherwise(partition.try_cast("int")).alias("source_partition"),
        F.when(own, F.col("offset")).otherwise(offset.try_cast("bigint")).alias("source_offset"),
    ]


def _lookup_key(job: TaskTracking, parameter: str, *, is_wanted: bool) -> Column:
    """The text that fills `{parameter}` of a path; NULL asks for nothing."""
    if not is_wanted:
        return F.lit(None).cast("string")
    return lookup_key(_text(job.path_params.get(parameter, parameter)))


def lookup_key(given: Column) -> Column:
    """STRING: an id as a path takes it, a whole number in its shortest form; NULL for nothing but spaces."""
    text = F.trim(given)
    return F.nullif(F.coalesce(as_long(text).cast("string"), text), F.lit(""))


def refused(rows: DataFrame) -> DataFrame:
    """The judged rows that become dead letters, with reason and error."""
    is_refused = F.col("verdict").isNotNull() & (F.col("verdict.reason") != SKIPPED)
    return rows.where(is_refused).select(
        *_RECORD, F.substring("event_id", 1, LONGEST_ID).alias("event_id"), "verdict.reason", "verdict.error"
    )
