"""Ranges of keys as a condition that file statistics can answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from pyspark.sql import Column
from pyspark.sql import functions as F


def in_ranges(column: Column, ranges: Sequence[tuple[str, str]] | Sequence[tuple[int, int]]) -> Column:
    """Whether a column lies in one of the closed ranges; of none, nowhere. Only literals, so that files are skipped."""
    conditions = [column.between(F.lit(first), F.lit(last)) for first, last in ranges]
    return reduce(or_, conditions) if conditions else F.lit(0) == F.lit(1)
