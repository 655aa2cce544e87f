"""How well rows were enriched, how late they came, and what did not fit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F
from pyspark.sql import types as T

from claimx_lib.schemas.tables import DETAIL_FIELDS
from claimx_lib.transforms.analysis import quality
from tests.fakes.analysis import assert_rows, event, hour, tracking

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DAY = date(2026, 1, 10)


@pytest.fixture
def mixed(spark: SparkSession) -> DataFrame:
    """Rows of every enrichment status, the failed one with values that did not fit."""
    return tracking(
        spark,
        event(1, 0, "assigned", original_event={"task_id": 32513, "status": "assigned"}),
        event(
            2,
            1,
            "assigned",
            enrichment_status="failed",
            enrichment_error="timeout",
            rescued_data='{"original_event.task_id":"x","assignment_id":"9e99"}',
        ),
        event(3, 2, "assigned", enrichment_status="skipped", rescued_data='{"assignment_id":"?"}'),
        event(4, 3, "assigned", assignment=2, enrichment_status="failed"),
        event(5, 3, "assigned", enrichment_status="not_found"),
    )


def test_statuses_are_counted_with_their_tasks(spark: SparkSession) -> None:
    """Every event counts, a task once a status."""
    story = tracking(spark, event(1, 0, "on_hold"), event(2, 1, "open"), event(3, 2, "on_hold"))
    assert_rows(
        quality.events_by_status(story),
        "task_status STRING, events LONG, tasks LONG",
        ("on_hold", 2, 1),
        ("open", 1, 1),
        in_order=True,
    )


def test_shares_leave_out_what_had_nothing_to_ask_for(mixed: DataFrame) -> None:
    """Each day's statuses with their share of the rows that ClaimX was asked about."""
    assert_rows(
        quality.enrichment_by_day(mixed, timezone="UTC"),
        "day DATE, enrichment_status STRING, rows LONG, share DOUBLE",
        (DAY, "enriched", 1, 0.25),
        (DAY, "failed", 2, 0.5),
        (DAY, "not_found", 1, 0.25),
        (DAY, "skipped", 1, None),
        in_order=True,
    )


def test_rate_is_enriched_of_asked(mixed: DataFrame) -> None:
    """One figure for the whole table; none where nothing was asked."""
    columns = "asked LONG, enriched LONG, rate DOUBLE"
    assert_rows(quality.enrichment_rate(mixed), columns, (4, 1, 0.25))
    nothing = mixed.where(F.col("enrichment_status") == "skipped")
    assert_rows(quality.enrichment_rate(nothing), columns, (0, 0, None))


def test_failures_are_told_by_their_error(mixed: DataFrame) -> None:
    """Each error with its rows and tasks; a failure without one is counted too."""
    late = timedelta(seconds=2)
    assert_rows(
        quality.enrichment_errors(mixed),
        "error STRING, rows LONG, tasks LONG, last_at TIMESTAMP",
        ("no reason recorded", 1, 1, hour(3) + late),
        ("timeout", 1, 1, hour(1) + late),
        in_order=True,
    )


def test_delay_is_told_by_the_events_day(spark: SparkSession) -> None:
    """Median, 95th percentile and longest delay from event to row."""
    delays = [event(n, 0, "assigned", processed_timestamp=hour(0) + timedelta(seconds=n)) for n in range(21)]
    assert_rows(
        quality.delay_to_row(tracking(spark, *delays), timezone="UTC"),
        "day DATE, median_seconds DOUBLE, p95_seconds DOUBLE, max_seconds DOUBLE",
        (DAY, 10.0, 19.0, 20.0),
    )


def test_delays_fall_into_bands(spark: SparkSession) -> None:
    """Each band is told, empty ones too; a bound belongs to the longer band."""
    seconds = (0.5, 1, 4.999, 90, 200_000)
    delays = [
        event(n, 0, "assigned", processed_timestamp=hour(0) + timedelta(seconds=late)) for n, late in enumerate(seconds)
    ]
    assert_rows(
        quality.rows_by_delay(tracking(spark, *delays)),
        "took STRING, rows LONG",
        ("under 1 s", 1),
        ("1 to 5 s", 2),
        ("5 to 30 s", 0),
        ("30 s to 5 min", 1),
        ("5 min to 1 h", 0),
        ("1 to 24 h", 0),
        ("over 24 h", 1),
        in_order=True,
    )


def test_rescued_values_are_told_by_field(mixed: DataFrame) -> None:
    """Each field that did not fit, the most frequent first, with its first and last instant."""
    assert_rows(
        quality.rescued_fields(mixed),
        "field STRING, rows LONG, first_seen TIMESTAMP, last_seen TIMESTAMP",
        ("assignment_id", 2, hour(1), hour(2)),
        ("original_event.task_id", 1, hour(1), hour(1)),
        in_order=True,
    )


def test_added_fields_are_told_apart(spark: SparkSession) -> None:
    """A field that schema evolution brought is marked, with the first event that had it; empty fields are not told."""
    grown = T.StructType([*DETAIL_FIELDS, T.StructField("photos", T.LongType())])
    story = tracking(spark, event(1, 0, "assigned"), event(2, 1, "completed")).withColumn(
        "claimx_task_full",
        F.struct(
            F.lit(9).cast("long").alias("id"),
            F.lit(None).cast("string").alias("status"),
            F.when(F.col("event_id") == "e2", F.lit(3)).cast("long").alias("photos"),
        ).cast(grown),
    )
    assert_rows(
        quality.fields_first_seen(story),
        "field STRING, is_added BOOLEAN, first_seen TIMESTAMP, rows LONG",
        ("claimx_task_full.id", False, hour(0), 2),
        ("claimx_task_full.photos", True, hour(1), 1),
        in_order=True,
    )
