"""Limits that people set, and limits that a status's own history sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claimx_lib.transforms.analysis import lifecycle, service_level
from tests.fakes.analysis import AS_OF, assert_rows, event, hour, tracking

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TASK = "task_id INT, assignment_id INT, project_id STRING, task_status STRING"


def test_sla_counts_open_stays_past_their_limit(spark: SparkSession) -> None:
    """A stay past its limit is a breach, open or not; statuses without a limit do not appear, case does not matter."""
    story = tracking(
        spark,
        event(1, 0, "Assigned"),
        event(2, 30, "in_progress"),
        event(3, 70, "assigned", assignment=2),
        event(4, 90, "assigned", assignment=3),
    )
    stays = lifecycle.status_intervals(story, as_of=AS_OF)
    assert_rows(
        service_level.sla_by_stay(stays, limit_hours={"assigned": 24}),
        f"{TASK}, entered_at TIMESTAMP, hours DOUBLE, limit_hours DOUBLE, is_breached BOOLEAN, is_open BOOLEAN",
        (32513, 1, "7", "Assigned", hour(0), 30.0, 24.0, True, False),
        (32513, 2, "7", "assigned", hour(70), 30.0, 24.0, True, True),
        (32513, 3, "7", "assigned", hour(90), 10.0, 24.0, False, True),
    )
    assert service_level.sla_by_stay(stays, limit_hours={}).count() == 0


def test_sla_does_not_judge_what_is_not_known(spark: SparkSession) -> None:
    """A stay whose end was missed is neither kept nor breached, and is left out of the share."""
    story = tracking(
        spark,
        event(1, 0, "assigned"),
        event(2, 50, "completed", previous_status="in_progress"),
        event(3, 0, "assigned", assignment=2),
        event(4, 30, "completed", assignment=2, previous_status="assigned"),
        event(5, 99, "assigned", assignment=3),
        event(6, 60, "assigned", assignment=4),
    )
    stays = service_level.sla_by_stay(lifecycle.status_intervals(story, as_of=AS_OF), limit_hours={"assigned": 24})
    assert_rows(
        service_level.sla_by_status(stays),
        "task_status STRING, limit_hours DOUBLE, kept LONG, breached LONG, unknown LONG, open_breaches LONG, share_kept DOUBLE",
        ("assigned", 24.0, 1, 2, 1, 1, 1 / 3),
    )


@pytest.fixture
def twenty_closed(spark: SparkSession) -> DataFrame:
    """Twenty tasks that stood 1 to 20 hours, one whose end was missed, two that stand there now, one in a rare status."""
    closed = [
        told
        for number in range(1, 21)
        for told in (
            event(number, 0, "assigned", assignment=number),
            event(100 + number, number, "completed", assignment=number),
        )
    ]
    return tracking(
        spark,
        *closed,
        event(301, 0, "assigned", assignment=60),
        event(302, 99, "completed", assignment=60, previous_status="in_progress"),
        event(200, 60, "assigned", assignment=40),
        event(201, 99, "assigned", assignment=41),
        event(300, 0, "review", assignment=50),
    )


def test_a_status_is_described_by_stays_whose_length_is_known(twenty_closed: DataFrame) -> None:
    """Median and quantile come from closed stays with both ends seen; open and inexact ones are left out."""
    stays = lifecycle.status_intervals(twenty_closed, as_of=AS_OF)
    assert_rows(
        service_level.status_distribution(stays, quantile=0.5),
        "task_status STRING, stays LONG, median_hours DOUBLE, limit_hours DOUBLE",
        ("assigned", 20, 10.5, 10.5),
    )


def test_lengths_are_spread_by_status(spark: SparkSession) -> None:
    """Quantiles of the closed stays of each status, the longest median first."""
    story = tracking(
        spark,
        *(event(n, 0, "assigned", assignment=n) for n in range(1, 22)),
        *(event(100 + n, n, "completed", assignment=n) for n in range(1, 22)),
        event(300, 0, "created", assignment=50),
        event(301, 30, "completed", assignment=50),
    )
    assert_rows(
        service_level.spread_of_stays(lifecycle.status_intervals(story, as_of=AS_OF)),
        "task_status STRING, count LONG, p05 DOUBLE, q1 DOUBLE, median DOUBLE, q3 DOUBLE, p95 DOUBLE",
        ("created", 1, 30.0, 30.0, 30.0, 30.0, 30.0),
        ("assigned", 21, 2.0, 6.0, 11.0, 16.0, 20.0),
        in_order=True,
    )


def test_stuck_is_judged_by_the_status_own_history(twenty_closed: DataFrame) -> None:
    """An open stay beyond the quantile of closed ones is stuck; a status with too little history accuses nobody."""
    stays = lifecycle.status_intervals(twenty_closed, as_of=AS_OF)
    columns = f"{TASK}, entered_at TIMESTAMP, hours DOUBLE, median_hours DOUBLE, limit_hours DOUBLE, stays LONG"
    assert_rows(
        service_level.stuck_tasks(stays, quantile=0.75, min_observations=20),
        columns,
        (32513, 40, "7", "assigned", hour(60), 40.0, 10.5, 15.25, 20),
    )
    assert service_level.stuck_tasks(stays, quantile=0.75, min_observations=21).count() == 0
