"""R8: a MERGE of neighbouring keys reads the files that hold them, and hardly more. No load can move it."""

from __future__ import annotations

import random
import statistics
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from claimx_lib.domain.mapping_fold import folded
from claimx_lib.schemas.tables import MAPPING
from claimx_lib.streams.mapping_state import before_of
from claimx_lib.streams.mapping_writes import merge_mapping
from claimx_lib.transforms.key_ranges import in_ranges
from tests.performance.frame import Bound, Goal, Result
from tests.performance.mapping_tables import Mapped, mapped, session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SIZE, KEYS, ROUNDS = 2_000_000, 500, 5


def measure() -> Result:
    """Bytes that the MERGE's tasks read, by Spark's own count, over the size of the files with a key of the batch."""
    read: list[float] = []
    held: list[float] = []
    with session() as spark, mapped(spark, SIZE) as tables:
        chance = random.Random(8)
        for minute in range(ROUNDS):
            keys = tables.keys(KEYS, is_local=True, chance=chance)
            events = tables.events(keys, minute=minute)
            result = folded(events, (), before_of(tables.context, events, ()))
            held.append(float(_bytes_of_files(tables, keys)))
            before = _bytes_read(spark)
            merge_mapping(tables.context, result.claims)
            read.append(float(_bytes_read(spark) - before))
    ratios = [ours / other for ours, other in zip(read, held, strict=True)]
    return Result(
        name="R8",
        what="bytes read by MERGE ÷ bytes of the files that hold the keys, local keys",
        goal=Goal(bound=Bound.AT_MOST, limit=1.5),
        figure=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        unit="bytes",
        ours=read,
        other=held,
        notes={"mappings": SIZE, "keys": KEYS},
    )


def _bytes_of_files(tables: Mapped, keys: list[int]) -> int:
    from pyspark.sql import functions as F

    from tests.performance.mapping_tables import claim_number

    table = tables.context.warehouse.read(tables.context.session, MAPPING.name)
    ranges = ((claim_number(keys[0]), claim_number(keys[-1])),)
    files = table.where(in_ranges(F.col("claim_key"), ranges)).select(F.input_file_name().alias("file")).distinct()
    return sum(Path(unquote(urlparse(row.file).path)).stat().st_size for row in files.collect())


def _bytes_read(spark: SparkSession) -> int:
    """What all tasks until now have read from files, the table's log included."""
    active_only = False
    executors = spark._jsc.sc().statusStore().executorList(active_only)
    return sum(int(executors.apply(n).totalInputBytes()) for n in range(executors.size()))
