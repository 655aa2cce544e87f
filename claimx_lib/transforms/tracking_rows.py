"""Enriched messages as rows of `itel_cabinet_task_tracking`, structs and rescued data included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.domain.json_shape import parsed_shape
from claimx_lib.schemas.tables import TRACKING
from claimx_lib.transforms.built_once import built_once
from claimx_lib.transforms.encode import json_members
from claimx_lib.transforms.evolution import Evolution, evolved
from claimx_lib.transforms.rescue import left_over, typed
from claimx_lib.transforms.tracking import STRUCT_TEXTS

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import Column, DataFrame, Row

TASK_DETAILS = {"claimx_task_full": "claimx_task_json"}
PROJECT_DETAILS = {"claimx_project_full": "claimx_project_json"}
_SECONDS_OF_A_DAY = 86_400


def struct_texts(*, project_lookup: bool) -> dict[str, str]:
    """Each struct of the table that grows, and the column of its JSON text."""
    return {**STRUCT_TEXTS, **TASK_DETAILS, **(PROJECT_DETAILS if project_lookup else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How one struct of the table takes in a batch: `text` is the column of its JSON, `has_odd` as in `left_over`."""

    text: str
    evolution: Evolution
    has_odd: bool


def fits_of(figures: Row, texts: Mapping[str, str], table: T.StructType, *, max_new_fields: int) -> dict[str, Fit]:
    """The fit of each struct, from a batch's `figures` and the table as it is; 0 new fields switches evolution off.

    Whoever brings few new fields is served first: one event of thousands takes none of the details' fields.
    """
    shapes = {struct: parsed_shape(figures[f"shape_{struct}"]) for struct in texts}
    wanted = {s: evolved(_struct(table, s), shapes[s], max_new_fields=max_new_fields) for s in texts}
    fits: dict[str, Fit] = {}
    left = max_new_fields
    for struct in sorted(texts, key=lambda s: len(wanted[s].added)):
        evolution = evolved(_struct(table, struct), shapes[struct], max_new_fields=left)
        left -= len(evolution.added)
        fits[struct] = Fit(text=texts[struct], evolution=evolution, has_odd=figures[f"odd_{struct}"] > 0)
    return {struct: fits[struct] for struct in texts}


def _struct(table: T.StructType, name: str) -> T.StructType:
    kind = table[name].dataType
    if not isinstance(kind, T.StructType):
        raise TypeError(f"{name} is no struct")
    return kind


def table_rows(
    frame: DataFrame, fits: Mapping[str, Fit], *, processed_at: datetime, defaults: Mapping[str, str]
) -> DataFrame:
    """The rows as they are appended: the table's columns in their order, structs grown as `fits` say."""
    structs, columns = _row_columns(dict(fits), dict(defaults), frame.columns)
    at = {"processed_timestamp": F.lit(processed_at).alias("processed_timestamp")}
    return frame.select("*", *structs).select(*({**columns, **at}.values()))


@built_once
def _row_columns(
    fits: dict[str, Fit], defaults: dict[str, str], given: list[str]
) -> tuple[list[Column], dict[str, Column]]:
    """The structs out of their texts, then the table's columns by name; when the row is made is left open."""
    structs = [typed(F.col(fit.text), fit.evolution.target).alias(name) for name, fit in fits.items()]
    made = {
        **{name: F.lit(value) for name, value in defaults.items() if name not in given},
        **{name: F.col(name) for name in fits},
        **_day_of(F.col("event_timestamp")),
        "rescued_data": rescued_data(fits, F.col("misfits")),
    }
    return structs, {field.name: _column(field, given, made) for field in TRACKING.schema}


def _column(field: T.StructField, given: list[str], made: Mapping[str, Column]) -> Column:
    if field.name in made:
        return made[field.name].alias(field.name)
    value = F.col(field.name) if field.name in given else F.lit(None)
    return value.cast(field.dataType).alias(field.name)


def rescued_data(fits: Mapping[str, Fit], misfits: Column) -> Column:
    """STRING: a JSON object of what fits no column, by column; NULL where all fits."""
    pieces = {
        name: left_over(F.col(fit.text), F.col(name), fit.evolution, has_odd=fit.has_odd)
        for name, fit in fits.items()
        if fit.has_odd or not fit.evolution.fits
    }
    members = F.concat_ws(",", json_members(misfits), *(F.concat(F.lit(f'"{n}":'), p) for n, p in pieces.items()))
    return F.when(members != "", F.concat(F.lit("{"), members, F.lit("}")))


def _day_of(instant: Column) -> dict[str, Column]:
    """year, month and day in UTC, whatever the session's time zone."""
    day = day_number(instant)
    date = F.date_from_unix_date(day)
    return {"year": F.year(date), "month": F.month(date), "day": F.dayofmonth(date)}


def day_number(instant: Column) -> Column:
    """INT: days since 1970 in UTC."""
    return F.floor(F.unix_seconds(instant) / _SECONDS_OF_A_DAY).cast("int")
