"""Calendar days and durations, the same in every session time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

SECONDS_A_DAY = 86_400


def day_in(timezone: str, at: Column | str) -> Column:
    """The calendar day of an instant in `timezone`, whatever the session's own time zone is."""
    shown = F.unix_seconds(F.from_utc_timestamp(at, timezone))
    return F.date_from_unix_date(F.floor(shown / F.lit(SECONDS_A_DAY)).cast("int"))


def seconds_between(start: Column | str, end: Column | str) -> Column:
    """The seconds from one instant to another, to the microsecond."""
    return (F.unix_micros(end) - F.unix_micros(start)) / F.lit(1_000_000)


def hours_between(start: Column | str, end: Column | str) -> Column:
    """The hours from one instant to another, to the microsecond."""
    return (F.unix_micros(end) - F.unix_micros(start)) / F.lit(3_600_000_000)
