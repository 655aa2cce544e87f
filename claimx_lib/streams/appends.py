"""Appends of rows that are new: each once, also where a batch's number stood for other records before."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.observability.logs import logger

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from claimx_lib.streams.context import BatchRef, JobContext


def append_new(
    context: JobContext,
    rows: DataFrame,
    table: str,
    batch: BatchRef,
    *,
    app_id: str,
    keys: Sequence[str],
    merge_schema: bool = False,
) -> bool:
    """Append rows that the caller has not found in the table, and tell whether these are what is there now; `keys` tell
    them apart. False: another process at the same batch may have written rows of its own for the same keys.

    The batch's number makes a second append a no-op. A checkpoint that was put back to an older state counts the same
    numbers again for other records, and Delta would drop those in silence: so the append is looked for among the
    table's commits. Where it is missing, rows that are still not there are appended without a number. Where commits
    are far away, only the first append of this process is looked for: once a number has counted, those after it will.
    """
    warehouse, note = context.warehouse, secrets.token_hex(8)
    warehouse.append_once(rows, table, app_id=app_id, version=batch.batch_id, merge_schema=merge_schema, note=note)
    is_trusted = app_id in context.counted and not warehouse.is_local
    if is_trusted or warehouse.has_commit(context.session, table, note=note):
        context.counted.add(app_id)
        return True
    logger(batch_id=batch.batch_id).warning("this batch's number was used before: appended without it", table=table)
    warehouse.append(_not_there(context, rows, table, keys), table, merge_schema=merge_schema)
    return False


def _not_there(context: JobContext, rows: DataFrame, table: str, keys: Sequence[str]) -> DataFrame:
    there = context.warehouse.read(context.session, table).select(*(f"`{key}`" for key in keys)).alias("t")
    same = reduce(and_, (F.col(f"r.`{key}`").eqNullSafe(F.col(f"t.`{key}`")) for key in keys))
    return rows.alias("r").join(there, on=same, how="left_anti")
