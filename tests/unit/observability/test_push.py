"""What a short run leaves at a Pushgateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.settings import Metrics as MetricsSettings
from claimx_lib.observability.metrics import Metrics
from claimx_lib.observability.push import push
from tests.fakes.pushgateway import Pushgateway


@pytest.fixture
def gateway() -> Iterator[Pushgateway]:
    """A receiver that behaves as a Pushgateway."""
    with Pushgateway() as running:
        yield running


def settings(url: str) -> MetricsSettings:
    return load(sets=[f"metrics.pushgateway_url={url}"]).metrics


def run(*, records: int) -> Metrics:
    """The figures of one short run of two jobs."""
    metrics = Metrics()
    metrics.count("itel_worker_messages_consumed_total", records)
    metrics.observe("itel_worker_processing_latency_seconds", 0.7)
    for job in ("task_trigger", "task_tracking"):
        metrics.set("claimx_stream_lag_records", records, job=job)
        metrics.observe("claimx_stream_batch_duration_seconds", 1.5, job=job)
    return metrics


def test_each_job_keeps_its_series(gateway):
    """The gateway's `job` label, which replaces ours, is our own job's name."""
    assert push(run(records=7).registry, settings(gateway.url), run="all") is None
    assert gateway.values("claimx_stream_lag_records") == {
        (("job", "task_tracking"), ("run", "all")): 7,
        (("job", "task_trigger"), ("run", "all")): 7,
    }
    assert gateway.values("itel_worker_messages_consumed_total") == {(("job", "claimx"), ("run", "all")): 7}


def test_counters_go_on_where_the_last_run_left_them(gateway):
    """Two runs that count the same are seen as two, in counters and histograms; a gauge is as it is now."""
    for _ in range(3):
        assert push(run(records=7).registry, settings(gateway.url), run="all") is None
    assert list(gateway.values("itel_worker_messages_consumed_total").values()) == [21]
    assert list(gateway.values("itel_worker_processing_latency_seconds_count").values()) == [3]
    assert list(gateway.values("claimx_stream_batch_duration_seconds_sum").values()) == [4.5, 4.5]
    assert list(gateway.values("claimx_stream_lag_records").values()) == [7, 7]


def test_a_histogram_stays_one(gateway):
    """Buckets of several runs add up to a histogram whose last bucket is its count."""
    for _ in range(2):
        push(run(records=1).registry, settings(gateway.url), run="all")
    buckets = {dict(key)["le"]: v for key, v in gateway.values("itel_worker_processing_latency_seconds_bucket").items()}
    assert (buckets["0.5"], buckets["1.0"], buckets["+Inf"]) == (0, 2, 2)


def test_two_schedules_do_not_overwrite_each_other(gateway):
    """Runs of other jobs on a schedule of their own have figures of their own."""
    push(run(records=5).registry, settings(gateway.url), run="task_tracking")
    push(run(records=2).registry, settings(gateway.url), run="task_creation")
    assert sorted(gateway.values("itel_worker_messages_consumed_total").values()) == [2, 5]


def test_a_gateway_without_a_scheme_is_taken_as_http(gateway):
    """`host:port` is enough, as elsewhere."""
    assert push(run(records=1).registry, settings(gateway.url.removeprefix("http://")), run="all") is None
    assert gateway.groups


def test_a_gateway_that_is_down_fails_no_run(free_port):
    """A push that finds nobody is told, and nothing is raised; without a gateway nothing is pushed."""
    problem = push(Metrics().registry, settings(f"http://127.0.0.1:{free_port}"), run="all")
    assert problem is not None
    assert "refused" in problem
    assert push(Metrics().registry, load().metrics, run="all") is None
