"""From Columns to JSON texts, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column


def json_string(text: Column) -> Column:
    """STRING: the text as a JSON string, quoted and escaped; NULL stays NULL."""
    wrapped = F.to_json(F.struct(text.alias("v")))
    return F.when(text.isNotNull(), F.substr(wrapped, F.lit(6), F.length(wrapped) - 6))


def json_members(json_object: Column) -> Column:
    """STRING: what stands between an object's braces; NULL for an empty object and for NULL."""
    inner = F.substr(json_object, F.lit(2), F.length(json_object) - 2)
    return F.when(inner != "", inner)


def json_object_of(members: dict[str, Column]) -> Column:
    """STRING: an object of the members (JSON texts) that are not NULL; NULL where none is left."""
    named = [F.concat(F.lit(f'"{name}":'), value) for name, value in members.items()]
    joined = F.concat_ws(",", *named)
    return F.when(joined != "", F.concat(F.lit("{"), joined, F.lit("}")))
