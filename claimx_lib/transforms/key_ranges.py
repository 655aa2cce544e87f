"""Keys as a condition on a column: few as they are, many by their ranges, which file statistics can answer, or joined."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from operator import or_

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from claimx_lib.domain.key_ranges import Key, key_ranges

FEW = 500
"""Up to so many keys stand in the condition itself; more are joined."""


def near(column: Column, keys: Collection[Key]) -> Column:
    """Whether a column is one of the keys or, where there are many, lies in the ranges that hold them; of none, nowhere.

    The ranges let files be skipped. Few keys are compared first: of a row that is read, one look into a set tells what
    takes up to 64 comparisons in the ranges.
    """
    ranges = in_ranges(column, key_ranges(keys))
    return column.isin(sorted(keys)) & ranges if 0 < len(keys) <= FEW else ranges


def in_ranges(column: Column, ranges: Sequence[tuple[str, str]] | Sequence[tuple[int, int]]) -> Column:
    """Whether a column lies in one of the closed ranges; of none, nowhere. Only literals, so that files are skipped."""
    conditions = [column.between(F.lit(first), F.lit(last)) for first, last in ranges]
    return reduce(or_, conditions) if conditions else F.lit(0) == F.lit(1)


def among(frame: DataFrame, column: str, values: Iterable[Key]) -> DataFrame:
    """The rows whose column is one of the values; many are joined, by Arrow, so that no Python worker reads them."""
    listed = sorted(set(values))
    if len(listed) <= FEW:
        return frame.where(F.col(column).isin(listed))
    keys = frame.sparkSession.createDataFrame(pa.table({column: listed}))
    return frame.join(F.broadcast(keys), on=column, how="left_semi")
