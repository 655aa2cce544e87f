"""Mappings by the million, sorted by key as OPTIMIZE leaves them, and batches of identity events upon them."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pyspark.sql import functions as F

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import open_session
from claimx_lib.domain.identity import IdentityEvent
from claimx_lib.observability.metrics import Metrics
from claimx_lib.operations.tables import create_missing
from claimx_lib.schemas.tables import MAPPING, MAPPING_HISTORY
from claimx_lib.streams.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ROWS_A_FILE = 250_000
STEP = 7
"""Keys leave gaps, so that not every number is a claim."""


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A warehouse with `size` mappings and as many history rows."""

    context: JobContext
    size: int

    def keys(self, count: int, *, is_local: bool, chance: random.Random) -> list[int]:
        """Numbers of mapped claims: neighbours, or from everywhere."""
        if is_local:
            start = chance.randrange(max(self.size - count, 1))
            return list(range(start, start + min(count, self.size)))
        return chance.sample(range(self.size), min(count, self.size))

    def events(self, keys: list[int], *, minute: int) -> list[IdentityEvent]:
        """A newer event with another project for each claim: every row changes."""
        at = LONG_AGO + timedelta(days=1, minutes=minute)
        return [_event(number, at, minute) for number in keys]


def _event(number: int, at: datetime, minute: int) -> IdentityEvent:
    claim = claim_number(number)
    return IdentityEvent(
        event_id=f"bench-{minute}-{number}",
        claim_number=claim,
        claim_key=claim,
        source="claimx",
        project_id=number + 1,
        timestamp=at,
    )


def claim_number(number: int) -> str:
    """The number's claim; in the order of the numbers."""
    return f"C{number * STEP:010d}"


@contextmanager
def session() -> Iterator[SparkSession]:
    """A session as `claimx run` starts it, with the JVM's normal compiler."""
    settings = load(sets=["metrics.port=0", "spark.driver_memory=3g"], environ={"CLAIMX_API_TOKEN": "bench"})
    spark = open_session(settings, app_name="claimx bench")
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


@contextmanager
def mapped(spark: SparkSession, size: int) -> Iterator[Mapped]:
    """The tables of one size, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="claimx-bench-") as folder:
        settings = load(sets=[f"storage.warehouse={Path(folder) / 'w'}"], environ={"CLAIMX_API_TOKEN": "bench"})
        create_missing(spark, settings)
        yield filled(JobContext(session=spark, settings=settings, metrics=Metrics()), size)


def filled(context: JobContext, size: int, *, rows_a_file: int = ROWS_A_FILE) -> Mapped:
    """Mappings and history in tables that are there."""
    for spec in (MAPPING, MAPPING_HISTORY):
        frame = _rows(context.session, size, [field.name for field in spec.schema], rows_a_file)
        context.warehouse.append(frame, spec.name)
    return Mapped(context=context, size=size)


def _rows(spark: SparkSession, size: int, names: list[str], rows_a_file: int) -> DataFrame:
    claim = F.concat(F.lit("C"), F.lpad((F.col("id") * STEP).cast("string"), 10, "0"))
    at = F.lit(LONG_AGO)
    values: dict[str, Column] = {
        "claim_number": claim,
        "claim_key": claim,
        "project_id": F.col("id"),
        "to": F.col("id"),
        "source": F.lit("claimx"),
        "action": F.lit("set"),
        "outcome": F.lit("accepted"),
        "created_at": at,
        "updated_at": at,
        "at": at,
        "event_timestamp": at,
        "event_id": F.sha1(F.col("id").cast("string")),
        "rivals": F.lit(None).cast("array<bigint>"),
        "from": F.lit(None).cast("bigint"),
        "source_partition": F.lit(0),
        "source_offset": F.col("id"),
    }
    numbers = spark.range(0, size, 1, numPartitions=-(-size // rows_a_file))
    return numbers.select(*(values.get(name, F.lit(None).cast("string")).alias(name) for name in names))


class Stopwatch:
    """Seconds of the clock and of the processor that this process and its JVM take."""

    def __init__(self) -> None:
        self._processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        self._started = (time.perf_counter(), self._processor())

    def _processor(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._processes if process.is_running())

    def stop(self) -> tuple[float, float]:
        """Clock and processor since the start."""
        return time.perf_counter() - self._started[0], self._processor() - self._started[1]
