"""The thread from a metric's name to the alert, the panel and the runbook is unbroken."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.readers.monitoring import (
    BY_NAME,
    CASES,
    DASHBOARDS,
    MONITORING,
    NOT_OURS,
    ROOT,
    alerts,
    dashboards,
    labels_in,
    metric_of,
    panels,
    selectors_in,
    series_in,
)

RUNBOOK = ROOT / "docs" / "operations.md"
FROM_PROMETHEUS = {"instance", "job", "le"}
SEEN_NOWHERE: dict[str, str] = {}
"""Metrics that no alert and no panel shows, each with the reason."""

SPECIFIED_METRICS = [
    "itel_plugin_events_triggered_total",
    "itel_plugin_events_published_total",
    "itel_plugin_publish_errors_total",
    "itel_worker_messages_consumed_total",
    "itel_worker_messages_processed_total",
    "itel_worker_messages_failed_total",
    "itel_worker_claimx_api_calls_total",
    "itel_worker_claimx_api_errors_total",
    "itel_worker_claimx_api_latency_seconds",
    "itel_worker_delta_writes_total",
    "itel_worker_delta_write_errors_total",
    "itel_worker_processing_latency_seconds",
    "itel_worker_schema_evolution_total",
    "itel_worker_events_by_status_total",
    "itel_worker_enrichment_total",
    "itel_worker_tasks_tracked",
    "claimx_task_creation_attempts_total",
    "claimx_task_creation_failures_total",
    "claimx_project_resolution_cache_hits_total",
    "claimx_project_resolution_cache_misses_total",
    "claimx_project_resolution_duration_seconds",
    "claimx_task_skipped_not_synced_total",
    "claimx_stream_lag_records",
    "claimx_stream_seconds_since_progress",
    "claimx_stream_batch_duration_seconds",
    "claimx_pending_claims",
    "claimx_pending_oldest_seconds",
    "claimx_dead_letters",
    "claimx_mapping_changes_total",
    "claimx_circuit_open",
    "claimx_dead_letters_opened_total",
    "claimx_task_ledger",
]
SPECIFIED_ALERTS = {
    "ItelPluginPublishFailures": ("warning", "itel_plugin_publish_errors_total[5m]", "> 10"),
    "ItelWorkerConsumerLag": ("warning", 'claimx_stream_lag_records{job="task_tracking"}', "> 1000"),
    "ItelClaimxApiErrors": ("critical", "itel_worker_claimx_api_errors_total[5m]", "> 20"),
    "ItelDeltaWriteFailures": ("critical", "itel_worker_delta_write_errors_total[5m]", "> 5"),
    "ItelWorkerStopped": ("critical", "itel_worker_messages_consumed_total", "[10m]) == 0"),
    "ClaimxDeadLetterRateHigh": ("warning", "claimx_dead_letters_opened_total[15m]", "> 20"),
    "ClaimxMappingHitRateLow": ("warning", "claimx_project_resolution_cache_misses_total[30m]", "< 0.8"),
    "ClaimxPendingGrowing": ("warning", "claimx_pending_claims offset 30m", "> 1.2 *"),
}
SPECIFIED_PANELS = {
    "iTel Cabinet Tracking Overview": {
        "Events tracked over time": "timeseries",
        "Status distribution": "piechart",
        "Processing latency": "histogram",
        "Error rate": "timeseries",
    },
    "Worker Health": {
        "Consumer lag": "gauge",
        "Messages processed/sec": "timeseries",
        "ClaimX API latency": "histogram",
        "Delta write rate": "timeseries",
    },
    "Data Quality": {
        "Events by status": "barchart",
        "Tasks tracked": "stat",
        "Enrichment success rate": "gauge",
        "Schema evolution events": "stat",
    },
}
QUERIES = [(alert.name, alert.expr) for alert in alerts()] + [
    (f"{panel.dashboard}: {panel.title}", expr) for panel in panels() for expr in panel.exprs
]


def test_every_specified_metric_is_declared():
    """The names of the two specifications and of the contract are there, letter by letter."""
    assert [name for name in SPECIFIED_METRICS if name not in BY_NAME] == []


@pytest.mark.parametrize(("where", "expr"), QUERIES, ids=[where for where, _ in QUERIES])
def test_queries_name_declared_series_and_labels(where, expr):
    """No alert and no panel waits for a series or a label that nobody makes."""
    assert {name for name in series_in(expr) if not metric_of(name)} <= NOT_OURS, where
    for selector in selectors_in(expr):
        metric = metric_of(selector.partition("{")[0])
        known = set(metric.labels) if metric else set()
        assert labels_in(selector) <= known | FROM_PROMETHEUS, selector


def test_every_metric_is_seen_somewhere():
    """A declared metric stands in an alert or a panel, or is listed with the reason why not."""
    shown = {metric_of(name) for _, expr in QUERIES for name in series_in(expr)}
    hidden = {name for name, metric in BY_NAME.items() if metric not in shown}
    assert hidden == set(SEEN_NOWHERE)


def test_every_metric_is_made_by_the_code():
    """A declared metric is counted, set or observed somewhere."""
    code = [p.read_text("utf-8") for p in (ROOT / "claimx_lib").rglob("*.py") if p.name != "names.py"]
    assert [name for name in BY_NAME if not any(f'"{name}"' in text for text in code)] == []


def test_the_specified_alerts_have_their_thresholds_and_severities():
    """The five alerts of the specification and the three of the document stand with their figures."""
    there = {alert.name: alert for alert in alerts()}
    for name, (severity, *parts) in SPECIFIED_ALERTS.items():
        assert there[name].severity == severity
        assert [part for part in parts if part not in there[name].expr] == [], name


def test_every_alert_has_a_runbook_section_and_every_section_an_alert():
    """Whoever is called finds what it means, what to look at and what to do."""
    sections = dict(
        re.findall(
            r"^### (Itel\w+|Claimx\w+)\n(.*?)(?=^#{1,3} |\Z)", RUNBOOK.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
    )
    assert set(sections) == {alert.name for alert in alerts()}
    for name, text in sections.items():
        for part in ("**Means.**", "**Look at.**", "**Do.**"):
            assert part in text, f"{name}: {part}"


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_every_alert_says_what_is_wrong_and_where_to_read_on(alert):
    """Each alert has a severity, a summary, a description and the link to its own section."""
    assert alert.severity in {"critical", "warning", "info"}
    assert set(alert.annotations) == {"summary", "description", "runbook_url"}
    assert alert.annotations["runbook_url"] == f"docs/operations.md#{alert.name.lower()}"


def test_every_alert_is_seen_to_fire_and_not_to_fire():
    """Each alert has a case with it and a case without it."""
    tests = [test for file in CASES for test in yaml.safe_load(file.read_text("utf-8"))["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {alert.name for alert in alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


@pytest.mark.parametrize("title", SPECIFIED_PANELS)
def test_the_specified_dashboards_are_there_panel_for_panel(title):
    """The three dashboards of the specification have its panels, of its kinds, and no others."""
    assert {p.title: p.kind for p in panels() if p.dashboard == title} == SPECIFIED_PANELS[title]


def test_the_dashboard_of_task_creation_shows_what_was_asked_for():
    """Resolution by rule, pending, DLQ by reason and ledger by state have a panel each."""
    titles = {panel.title for panel in panels() if panel.dashboard == "Task Creation"}
    assert {"Resolution by rule", "Pending", "DLQ by reason", "Ledger by state"} <= titles


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel.dashboard}: {panel.title}")
def test_every_panel_can_be_read(panel):
    """A panel has a description, a unit, thresholds, and takes its data source from the variable."""
    defaults = panel.json["fieldConfig"]["defaults"]
    assert panel.json["description"].endswith((".", ")"))
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]
    assert {target["datasource"]["uid"] for target in panel.json["targets"]} == {"${datasource}"}
    assert panel.json["datasource"]["uid"] == "${datasource}"


def test_panels_lie_beside_each_other():
    """Panels of a dashboard have ids of their own and do not overlap."""
    for title, dashboard in dashboards().items():
        boxes = [panel["gridPos"] for panel in dashboard["panels"]]
        cells = [(x, y) for b in boxes for x in range(b["x"], b["x"] + b["w"]) for y in range(b["y"], b["y"] + b["h"])]
        assert len(cells) == len(set(cells)), title
        assert max(x for x, _ in cells) < 24, title
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(boxes), title


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_dashboards_are_stable_files(file):
    """A dashboard's JSON is written in one form only, so that a change shows as a change."""
    text = file.read_text("utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    assert json.loads(text)["uid"] == f"claimx-{file.stem}"


def test_the_scrape_configuration_keeps_our_job_label():
    """Prometheus does not rename our `job` label, on which alerts and panels rest."""
    configuration = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))
    assert {job["job_name"]: job["honor_labels"] for job in configuration["scrape_configs"]} == {
        "claimx": True,
        "pushgateway": True,
    }
