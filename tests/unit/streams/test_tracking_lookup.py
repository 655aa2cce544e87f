"""What of ClaimX a batch of task_tracking may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from claimx_lib.config.load import load
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.observability.metrics import Metrics
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.tracking_lookup import Calls, policy_now

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ALL = ("task_trigger", "task_tracking", "mapping_sync", "task_creation")


def policy(*sets: str, rows: int = 1, available_now: bool = False, jobs: tuple[str, ...] = ALL) -> EnrichPolicy:
    """The bounds of a batch of so many rows, with ClaimX well so far."""
    settings = load(sets=["claimx.requests_per_second=100", "claimx.max_concurrency=32", *sets], environ={})
    context = JobContext(
        session=cast("SparkSession", None),
        settings=settings,
        metrics=Metrics(),
        available_now=available_now,
        jobs_in_application=jobs,
    )
    return policy_now(context, Calls(), rows)


@pytest.mark.parametrize(
    ("available_now", "jobs", "pace", "in_flight"),
    [(False, ALL, 50, 16), (True, ALL, 100, 32), (False, ("task_tracking",), 100, 32)],
)
def test_the_share_is_that_of_the_jobs_that_call_at_the_same_time(available_now, jobs, pace, in_flight):
    """Beside task_creation a half; alone, or with the jobs one after the other, all of what ClaimX takes."""
    share = policy(available_now=available_now, jobs=jobs)
    assert (share.requests_per_second, share.max_concurrency) == (pace, in_flight)


def test_a_large_batch_has_the_time_that_its_calls_need():
    """10,000 tasks at a hundred calls a second: 150 s while ClaimX answers, and still 60 s for one that does not."""
    large = policy(rows=10_000, available_now=True)
    assert (large.budget_seconds, large.most_seconds) == (60, 150)
    assert policy(rows=500, available_now=True).most_seconds == 60


def test_a_project_for_each_row_takes_twice_the_time():
    """With `project_lookup` a row may need two calls."""
    assert policy("jobs.task_tracking.project_lookup=true", rows=10_000, available_now=True).most_seconds == 300
