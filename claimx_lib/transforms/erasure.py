"""Records of erased persons, told by the salted hashes of their ids: whatever is read again, they are not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.domain.erasure import Kind
from claimx_lib.transforms.claim_number import claim_key, trimmed
from claimx_lib.transforms.decode import AS_IN_JSON, as_long

if TYPE_CHECKING:
    from collections.abc import Collection

    from pyspark.sql import Column, DataFrame

ERASED = "salt STRING, erased ARRAY<STRING>"
"""The frame of what is erased: one row. As a frame, the salt stands in no plan and no event log."""
_PROJECT = r'"project_id"\s*:\s*"?\s*([^",}\s]+)'
_CLAIM = r'"claim_number"\s*:\s*"?([^",}]+)'
_PROJECT_PATHS = ("$.project_id", "$.project.project_id")
_CLAIM_PATHS = ("$.claim_number", "$.project.claim_number", "$.metadata.claim_number")


def without_erased(records: DataFrame, erased: DataFrame, *, keyed_by_claim: Collection[str]) -> DataFrame:
    """The records (topic, key and value BINARY, any other columns) that name no erased project and no erased claim.

    Ids are looked for at any depth, in a value that is no JSON too, and in the key: a claim number in the topics
    `keyed_by_claim`, a project in all others (contract, section 3). `erased` is of the shape `ERASED`.
    """
    return _marked(records, erased, keyed_by_claim).where(~F.col("_is_erased")).select(*records.columns)


def only_erased(records: DataFrame, erased: DataFrame, *, keyed_by_claim: Collection[str]) -> DataFrame:
    """The records that `without_erased` leaves out."""
    return _marked(records, erased, keyed_by_claim).where("_is_erased").select(*records.columns)


def _marked(records: DataFrame, erased: DataFrame, keyed_by_claim: Collection[str]) -> DataFrame:
    key, value = F.col("key").cast("string"), F.col("value").cast("string")
    is_claim = F.col("topic").isin(*keyed_by_claim)
    projects = _hashes(projects_named(F.when(~is_claim, key), value), Kind.PROJECT)
    hashes = F.concat(projects, _hashes(claims_named(F.when(is_claim, key), value), Kind.CLAIM))
    is_erased = F.coalesce(F.arrays_overlap(hashes, "erased"), F.lit(0).cast("boolean"))
    return records.crossJoin(F.broadcast(erased)).withColumn("_is_erased", is_erased)


def projects_named(key: Column, value: Column) -> Column:
    """ARRAY<STRING> of the project ids that a record's texts name, at any depth, in a value that is no JSON too."""
    decoded = [F.get_json_object(value, path) for path in _PROJECT_PATHS]
    found = F.array_compact(F.concat(F.array(key, *decoded), _all(value, _PROJECT)))
    return F.transform(found, lambda text: F.coalesce(as_long(text, pattern=AS_IN_JSON).cast("string"), F.trim(text)))


def claims_named(key: Column, value: Column) -> Column:
    """ARRAY<STRING> of the canonical claim numbers that a record's texts name, as `projects_named` finds them."""
    decoded = [F.get_json_object(value, path) for path in _CLAIM_PATHS]
    found = F.array_compact(F.concat(F.array(key, *decoded), _all(value, _CLAIM)))
    return F.transform(found, lambda text: claim_key(trimmed(text)))


def _all(value: Column, pattern: str) -> Column:
    return F.coalesce(F.regexp_extract_all(value, F.lit(pattern), F.lit(1)), F.array().cast("array<string>"))


def _hashes(ids: Column, kind: Kind) -> Column:
    return F.transform(ids, lambda text: F.sha2(F.concat("salt", F.lit(f"|{kind}|"), text), 256))
