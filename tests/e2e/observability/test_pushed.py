"""What runs push, as a real Prometheus has it that scrapes the gateway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from claimx_lib.config.load import load
from claimx_lib.devstack.monitoring import Prometheus
from claimx_lib.observability.metrics import Metrics
from claimx_lib.observability.push import push, pushed
from tests.fakes.pushgateway import Pushgateway
from tests.readers.prometheus import PrometheusApi


def test_short_and_continuous_runs_are_told_apart(program: Callable[..., str], tmp_path: Path):
    """Series keep their own job; a continuous run's have an instance, a short one's none: what alerts and panels go by."""
    program("prometheus")
    metrics = Metrics()
    metrics.set("claimx_stream_running", 1, job="task_trigger")
    metrics.count("itel_plugin_events_published_total", 4)
    with Pushgateway() as gateway:
        settings = load(sets=[f"metrics.pushgateway_url={gateway.url}", "metrics.push_seconds=0.5"]).metrics
        target = gateway.url.removeprefix("http://")
        with (
            pushed(metrics.registry, settings, run="task_trigger"),
            Prometheus(folder=tmp_path, targets=[target], scrape_seconds=1) as prometheus,
        ):
            told = PrometheusApi(url=prometheus.url)
            assert push(metrics.registry, settings, run="all") is None
            told.wait_for("count(itel_plugin_events_published_total)", 2)
            of_continuous = {(("instance", "continuous"), ("job", "task_trigger"), ("run", "task_trigger")): 1.0}
            assert told.query('claimx_stream_running{instance!=""}') == of_continuous
            assert told.query('claimx_stream_running{instance=""}') == {(("job", "task_trigger"), ("run", "all")): 1.0}
            assert told.number("itel_plugin_events_published_total{run='all'}") == 4
            pushes = told.query('time() - max by (run) (push_time_seconds{job="claimx", instance!=""}) < 30')
            assert set(pushes) == {(("run", "task_trigger"),)}
            assert told.number('count(push_time_seconds{job="claimx", instance=""})') == 1
