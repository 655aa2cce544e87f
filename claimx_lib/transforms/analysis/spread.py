"""How values are spread, in as many rows as there are groups, however many values there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

QUANTILES = {"p05": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "p95": 0.95}
BOUNDS_SECONDS = (
    (1, "under 1 s"),
    (5, "1 to 5 s"),
    (30, "5 to 30 s"),
    (300, "30 s to 5 min"),
    (3_600, "5 min to 1 h"),
    (86_400, "1 to 24 h"),
)
LONGEST = "over 24 h"


def spread(frame: DataFrame, value: str, *, by: str) -> DataFrame:
    """One row for each group: count, p05, q1, median, q3, p95 of a column; exact percentiles, NULLs left out."""
    quantiles = [F.percentile(value, share).alias(name) for name, share in QUANTILES.items()]
    return (
        frame.where(F.col(value).isNotNull())
        .groupBy(by)
        .agg(F.count(F.lit(1)).alias("count"), *quantiles)
        .orderBy(F.col("median").desc(), by)
    )


def by_duration(frame: DataFrame, seconds: Column) -> DataFrame:
    """Rows by how many seconds something took, the shortest band first, each band there: took, rows."""
    place = F.lit(len(BOUNDS_SECONDS))
    for index, (bound, _) in reversed(list(enumerate(BOUNDS_SECONDS))):
        place = F.when(seconds < bound, F.lit(index)).otherwise(place)
    names = (*(name for _, name in BOUNDS_SECONDS), LONGEST)
    counts = [F.count_if(place == index) for index in range(len(names))]
    bands = [F.struct(F.lit(name).alias("took"), n.alias("rows")) for name, n in zip(names, counts, strict=True)]
    known = frame.where(seconds.isNotNull())
    return known.agg(F.array(*bands).alias("bands")).select(F.inline("bands"))
