"""The life of tasks from their history, right whatever order the events came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import types as T

from claimx_lib.schemas.tables import TRACKING
from claimx_lib.transforms.analysis import lifecycle, quality, service_level

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

START = datetime(2026, 1, 10, 8, tzinfo=UTC)
AS_OF = START + timedelta(hours=100)


def event(number: int, hour: float, status: str, *, assignment: int = 1, **more: Any) -> dict[str, Any]:
    at = START + timedelta(hours=hour)
    row = dict.fromkeys(TRACKING.schema.fieldNames())
    row |= {"event_id": f"e{number}", "event_type": "CUSTOM_TASK_UPDATED", "task_id": 32513, "project_id": "7"}
    row |= {"event_timestamp": at, "processed_timestamp": at + timedelta(seconds=2), "assignment_id": assignment}
    row |= {"task_status": status, "source_topic": "t", "source_partition": 0, "source_offset": number}
    row |= {"year": at.year, "month": at.month, "day": at.day, "enrichment_status": "enriched"}
    return row | more


def tracking(spark: SparkSession, *events: dict[str, Any]) -> DataFrame:
    return spark.createDataFrame(list(events), TRACKING.schema)


@pytest.fixture
def shuffled_story(spark: SparkSession) -> DataFrame:
    """A task told out of order, with a status told twice, and one whose start was never seen."""
    return tracking(
        spark,
        event(3, 30, "completed", previous_status="in_progress"),
        event(1, 0, "assigned"),
        event(9, 12, "in_progress", previous_status="assigned"),
        event(2, 10, "in_progress", previous_status="assigned"),
        event(4, 5, "in_progress", assignment=2, previous_status="assigned"),
    )


def stay(
    assignment: int, status: str, entered: float, left: float | None, hours: float | None, *marks: str
) -> tuple[Any, ...]:
    left_at = None if left is None else START + timedelta(hours=left)
    return (
        32513,
        assignment,
        "7",
        status,
        START + timedelta(hours=entered),
        left_at,
        hours,
        "open" in marks,
        "gap" in marks,
    )


STAYS = T.StructType(
    [
        T.StructField("task_id", T.IntegerType()),
        T.StructField("assignment_id", T.IntegerType()),
        T.StructField("project_id", T.StringType()),
        T.StructField("task_status", T.StringType()),
        T.StructField("entered_at", T.TimestampType()),
        T.StructField("left_at", T.TimestampType()),
        T.StructField("hours", T.DoubleType()),
        T.StructField("is_open", T.BooleanType()),
        T.StructField("has_gap", T.BooleanType()),
    ]
)


def test_stays_follow_event_time_and_merge_repetitions(spark: SparkSession, shuffled_story: DataFrame) -> None:
    """A stay begins at the first event of a status and ends at the next other one; a missing start is marked."""
    expected = spark.createDataFrame(
        [
            stay(1, "assigned", 0, 10, 10.0),
            stay(1, "in_progress", 10, 30, 20.0),
            stay(1, "completed", 30, None, None),
            stay(2, "in_progress", 5, None, 95.0, "open", "gap"),
        ],
        STAYS,
    )
    stays = lifecycle.status_intervals(shuffled_story, as_of=AS_OF)
    assert_df_equality(stays, expected, ignore_row_order=True, ignore_nullable=True)


def test_time_in_status_adds_up_every_stay(spark: SparkSession) -> None:
    """Two stays in one status count together, an open one up to now."""
    told = tracking(spark, event(1, 0, "assigned"), event(2, 4, "in_progress"), event(3, 10, "assigned"))
    stays = lifecycle.status_intervals(told, as_of=START + timedelta(hours=11))
    rows = {r.task_status: (r.hours, r.stays, r.is_open) for r in lifecycle.time_in_status(stays).collect()}
    assert rows == {"assigned": (5.0, 2, True), "in_progress": (6.0, 1, False)}


def test_reopening_and_reassignment_are_found(spark: SparkSession) -> None:
    """A task that leaves a terminal status was reopened; another user in the next event that names one took it over."""
    told = tracking(
        spark,
        event(1, 0, "assigned", assigned_to_user_id=11),
        event(2, 1, "completed"),
        event(3, 2, "in_progress", assigned_to_user_id=12),
    )
    reopened = lifecycle.reopenings(told).collect()
    moved = lifecycle.reassignments(told).collect()
    assert [(r.from_status, r.to_status, r.reopened_at.replace(tzinfo=UTC).hour) for r in reopened] == [
        ("completed", "in_progress", 10)
    ]
    assert [(r.from_user_id, r.to_user_id) for r in moved] == [(11, 12)]


def test_sample_queries_of_the_specification(spark: SparkSession) -> None:
    """Both sample queries give what the specification asks: events in order with days, statuses with their counts."""
    done = {"task_created_at": START, "task_completed_at": START + timedelta(days=3)}
    told = tracking(spark, event(2, 5, "completed", **done), event(1, 0, "assigned"), event(3, 24 * 40, "late"))
    cycle = lifecycle.task_lifecycle(told, task_id=32513).collect()
    counts = lifecycle.status_counts(told, year=2026, month=1).collect()
    assert [(r.task_status, r.days_to_complete) for r in cycle] == [
        ("assigned", None),
        ("completed", 3),
        ("late", None),
    ]
    assert [(r.task_status, r.status_count) for r in counts] == [("assigned", 1), ("completed", 1)]


def test_days_are_those_of_the_reader(spark: SparkSession) -> None:
    """Throughput counts by the days of the given time zone: 23:30 UTC is the next day in Tokyo."""
    told = tracking(spark, event(1, 15.5, "completed"))
    utc = lifecycle.throughput(told, timezone="UTC").collect()
    tokyo = lifecycle.throughput(told, timezone="Asia/Tokyo").collect()
    assert [(str(r.day), r.events, r.tasks_started, r.tasks_finished) for r in utc] == [("2026-01-10", 1, 1, 1)]
    assert str(tokyo[0].day) == "2026-01-11"


def test_stuck_is_judged_by_the_status_own_history(spark: SparkSession) -> None:
    """An open stay beyond the quantile of closed ones is stuck; a status with too little history accuses nobody."""
    closed = [
        e
        for i in range(1, 21)
        for e in (event(i, 0, "assigned", assignment=i), event(100 + i, i, "completed", assignment=i))
    ]
    rare = [event(300, 0, "review", assignment=50)]
    told = tracking(
        spark, *closed, event(200, 60, "assigned", assignment=40), event(201, 99, "assigned", assignment=41), *rare
    )
    stays = lifecycle.status_intervals(told, as_of=AS_OF)
    stuck = service_level.stuck_tasks(stays, quantile=0.95, min_observations=20).collect()
    assert [(r.assignment_id, r.hours, r.stays) for r in stuck] == [(40, 40.0, 20)]
    assert stuck[0].limit_hours == pytest.approx(19.05)
    assert service_level.stuck_tasks(stays, quantile=0.95, min_observations=21).count() == 0


def test_sla_counts_open_stays_past_their_limit(spark: SparkSession) -> None:
    """A stay past its limit is a breach, open or not; statuses without a limit do not appear."""
    told = tracking(spark, event(1, 0, "assigned"), event(2, 30, "in_progress"), event(3, 70, "assigned", assignment=2))
    stays = lifecycle.status_intervals(told, as_of=AS_OF)
    rows = service_level.sla_by_stay(stays, limit_hours={"assigned": 24}).collect()
    assert sorted((r.assignment_id, r.is_breached, r.is_open) for r in rows) == [(1, True, False), (2, True, True)]
    assert service_level.sla_by_stay(stays, limit_hours={}).count() == 0


def test_data_quality_tells_shares_first_fields_and_rescued_ones(spark: SparkSession) -> None:
    """Enrichment shares leave out what had nothing to ask for; fields and rescued values are told with their first day."""
    told = tracking(
        spark,
        event(1, 0, "assigned", original_event={"task_id": 32513, "status": "assigned"}),
        event(
            2,
            1,
            "assigned",
            enrichment_status="failed",
            rescued_data='{"original_event.task_id":"x","assignment_id":"9e99"}',
        ),
        event(3, 1, "assigned", enrichment_status="skipped"),
    )
    shares = {r.enrichment_status: r.share for r in quality.enrichment_by_day(told, timezone="UTC").collect()}
    fields = {r.field: r.rows for r in quality.fields_first_seen(told).collect()}
    rescued = {r.field: r.rows for r in quality.rescued_fields(told).collect()}
    delay = quality.delay_to_row(told, timezone="UTC").collect()
    assert shares == {"enriched": 0.5, "failed": 0.5, "skipped": None}
    assert fields == {"original_event.task_id": 1, "original_event.status": 1}
    assert rescued == {"original_event.task_id": 1, "assignment_id": 1}
    assert [(r.median_seconds, r.p95_seconds, r.max_seconds) for r in delay] == [(2.0, 2.0, 2.0)]
