"""Every panel's and every alert's query, asked of a real Prometheus that scrapes a process of ours."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from claimx_lib.devstack.monitoring import Prometheus
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.waiting import wait_until
from tests.readers.monitoring import NOT_OURS, ROOT, alerts, metric_of, panels, selectors_in
from tests.readers.prometheus import PrometheusApi

ROUNDS = 30
SCRAPED = "sum(itel_worker_messages_consumed_total)"
EVERY_QUERY = [(f"{panel.dashboard}: {panel.title}", expr) for panel in panels() for expr in panel.exprs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """A Prometheus, and the counting process that it scrapes."""

    prometheus: PrometheusApi
    process: subprocess.Popen[str]

    def count(self, rounds: int) -> int:
        """Have the process count, and return its rounds in all."""
        told = 0
        for _ in range(rounds):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            told = int(self.process.stdout.readline())
        return told


@pytest.fixture(scope="module")
def scraped(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """A process that stood at zero when it was first scraped, then counted thirty rounds, some of them each second."""
    program("prometheus")
    port, folder = free_port(), tmp_path_factory.mktemp("prometheus")
    with (
        subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.metered_process", str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
        Prometheus(folder=folder, targets=[f"127.0.0.1:{port}"], scrape_seconds=1) as prometheus,
    ):
        assert process.stdout.readline() == "ready\n"
        both = Scraped(prometheus=PrometheusApi(url=prometheus.url), process=process)
        both.prometheus.wait_for(SCRAPED, 0)
        for _ in range(3):
            both.prometheus.wait_for(SCRAPED, both.count(ROUNDS // 3))
        yield both
        process.stdin.close()
        process.wait(timeout=60)


def test_prometheus_takes_the_rules(scraped):
    """Every alert is loaded and evaluated without an error."""
    loaded = {rule["name"]: rule for rule in scraped.prometheus.rules()}
    assert set(loaded) == {alert.name for alert in alerts()}
    wait_until(
        lambda: all(rule["health"] == "ok" for rule in scraped.prometheus.rules()),
        what="every rule was evaluated",
        timeout_seconds=120,
    )


@pytest.mark.parametrize(("panel", "expr"), EVERY_QUERY, ids=[f"{name} {n}" for n, (name, _) in enumerate(EVERY_QUERY)])
def test_every_panel_shows_something(scraped, panel, expr):
    """A panel's query is answered, with numbers."""
    values = list(scraped.prometheus.query(expr).values())
    assert values, panel
    assert not [value for value in values if math.isnan(value)], panel


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_every_alert_can_see_what_it_watches(scraped, alert):
    """An alert's query is answered, and each series that it names is there."""
    scraped.prometheus.query(alert.expr)
    ours = [selector for selector in selectors_in(alert.expr) if metric_of(selector.partition("{")[0])]
    missing = [selector for selector in ours if not scraped.prometheus.query(selector)]
    assert missing == []
    assert ours or {selector.partition("{")[0] for selector in selectors_in(alert.expr)} <= NOT_OURS


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("sum(itel_plugin_events_published_total)", ROUNDS),
        ('sum(itel_worker_events_by_status_total{status="assigned"})', 3 * ROUNDS),
        ("sum(itel_worker_processing_latency_seconds_count)", ROUNDS),
        ('sum(itel_worker_processing_latency_seconds_bucket{le="0.1"})', 0),
        ('sum(itel_worker_processing_latency_seconds_bucket{le="0.25"})', ROUNDS),
        ('sum(claimx_stream_batch_duration_seconds_count{job="mapping_sync"})', ROUNDS),
        ('sum(claimx_dead_letters_opened_total{reason="project_not_found"})', ROUNDS),
        ('max(claimx_stream_lag_records{job="task_tracking"})', 40),
        ("count(claimx_stream_lag_records)", 4),
        ('max(claimx_dead_letters{state="open", reason="task_unknown"})', 1),
        ('max by (state) (claimx_task_ledger{state="created"})', 9),
    ],
)
def test_figures_are_those_that_were_counted(scraped, expr, value):
    """What the process counted is what Prometheus says, under our own job label."""
    assert scraped.prometheus.number(expr) == value


def test_shares_are_those_that_were_counted(scraped):
    """Rates and shares in panels are the known ones: 5 of 6 look-ups, 3 of 6 events assigned."""
    by_title = {panel.title: panel.exprs[0] for panel in panels()}
    assert scraped.prometheus.number(by_title["Enrichment success rate"]) == pytest.approx(5 / 6)
    assert scraped.prometheus.number(by_title["Mapping hit rate"]) == pytest.approx(1 / 2)
    statuses = scraped.prometheus.query(by_title["Status distribution"])
    shares = {dict(labels)["status"]: value / sum(statuses.values()) for labels, value in statuses.items()}
    assert shares == pytest.approx({"assigned": 1 / 2, "in_progress": 1 / 3, "completed": 1 / 6})
    buckets = {dict(labels)["le"]: v for labels, v in scraped.prometheus.query(by_title["Processing latency"]).items()}
    assert buckets["0.1"] == 0
    assert buckets["0.25"] == buckets["+Inf"] > 0


def test_the_alerts_that_should_fire_do(scraped):
    """Errors above the thresholds fire at once; what is right or below them stays silent."""
    expected = {
        "ItelPluginPublishFailures",
        "ItelClaimxApiErrors",
        "ItelDeltaWriteFailures",
        "ItelSchemaEvolved",
        "ClaimxDeadLetterRateHigh",
        "ClaimxDeadLettersOpened",
        "ClaimxMappingConflicts",
        "ClaimxTasksUnknown",
        "ClaimxTokenRefused",
    }
    wait_until(
        lambda: scraped.prometheus.firing() >= expected,
        what=f"{sorted(expected)} fire",
        timeout_seconds=120,
        cure=str(sorted(scraped.prometheus.firing())),
    )
    assert scraped.prometheus.firing() == expected
