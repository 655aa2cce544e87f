"""R8: a MERGE of neighbouring keys reads the files that hold them, and hardly more. No load can move it."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import psutil

from claimx_lib.domain.mapping_fold import folded
from claimx_lib.schemas.tables import MAPPING
from claimx_lib.streams.mapping_state import before_of
from claimx_lib.streams.mapping_writes import merge_mapping
from claimx_lib.transforms.key_ranges import in_ranges
from tests.performance.frame import Bound, Goal, Result
from tests.performance.mapping_tables import Mapped, mapped, session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SIZE, KEYS, ROUNDS, WHOLE_ROUNDS = 2_000_000, 500, 5, 3


def measure() -> Result:
    """Bytes that the JVM reads during the MERGE, by the system's count, over the size of the files with a key of the batch.

    Below 1: of such a file the MERGE reads the pages that the range of keys reaches, by Parquet's column index. Spark's
    own count of what its tasks read stands in the notes, and both again without the column index.
    """
    with session() as spark, mapped(spark, SIZE) as tables:
        batches = Merges(tables=tables, jvm=_jvm(), chance=random.Random(8))
        batches.merged()  # classes are loaded, unmeasured
        samples = [batches.merged() for _ in range(ROUNDS)]
        spark.sparkContext._jsc.hadoopConfiguration().set("parquet.filter.columnindex.enabled", "false")
        whole = [batches.merged() for _ in range(WHOLE_ROUNDS)]
    ratios = [one.system / one.held for one in samples]
    return Result(
        name="R8",
        what="bytes read during a MERGE ÷ bytes of the files that hold the keys, local keys",
        goal=Goal(bound=Bound.AT_MOST, limit=1.5),
        figure=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        unit="bytes",
        ours=[one.system for one in samples],
        other=[one.held for one in samples],
        notes={
            "mappings": SIZE,
            "keys": KEYS,
            "by_sparks_count": round(statistics.median(one.spark / one.held for one in samples), 3),
            "without_column_index": round(statistics.median(one.system / one.held for one in whole), 3),
            "without_column_index_by_sparks_count": round(statistics.median(one.spark / one.held for one in whole), 3),
        },
    )


@dataclass(frozen=True, kw_only=True)
class Read:
    """Bytes read during one MERGE, by the system and by Spark, and those of the files that hold its keys."""

    system: float
    spark: float
    held: float


@dataclass(kw_only=True)
class Merges:
    """One MERGE after the other, and what each has read."""

    tables: Mapped
    jvm: psutil.Process
    chance: random.Random
    minute: int = 0

    def merged(self) -> Read:
        """One batch of neighbouring claims, each given another project."""
        keys = self.tables.keys(KEYS, is_local=True, chance=self.chance)
        events = self.tables.events(keys, minute=self.minute)
        self.minute += 1
        context = self.tables.context
        result = folded(events, (), before_of(context, events, ()))
        held = float(_bytes_of_files(self.tables, keys))
        system, spark = self.jvm.io_counters().read_chars, _bytes_read(context.session)
        merge_mapping(context, result.claims)
        return Read(
            system=float(self.jvm.io_counters().read_chars - system),
            spark=float(_bytes_read(context.session) - spark),
            held=held,
        )


def _jvm() -> psutil.Process:
    return next(child for child in psutil.Process().children(recursive=True) if "java" in child.name())


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
