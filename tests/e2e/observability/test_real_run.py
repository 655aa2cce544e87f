"""A real run of all jobs: every metric is there and right, every panel answers, the alert that should fire does."""

from __future__ import annotations

import psutil
import pytest

from claimx_lib.devstack.waiting import wait_until
from tests.e2e.observability.conftest import (
    BY_API,
    NORMALIZED,
    NOT_FOUND,
    NOT_OURS,
    PERSON,
    SYNCED,
    TOKEN,
    TRACKED,
    RealRun,
    event,
)
from tests.readers.monitoring import BY_NAME, panels

EVENTS = sum(TRACKED.values())
TASKS = SYNCED + BY_API + NORMALIZED
KNOWN = {
    "sum(itel_plugin_events_triggered_total)": EVENTS,
    "sum(itel_plugin_events_published_total)": EVENTS,
    "sum(itel_plugin_publish_errors_total)": 0,
    "sum(itel_worker_messages_consumed_total)": EVENTS,
    "sum(itel_worker_messages_processed_total)": EVENTS,
    "sum(itel_worker_messages_failed_total)": 0,
    "sum(itel_worker_claimx_api_errors_total)": 0,
    "sum(itel_worker_delta_writes_total)": EVENTS,
    "sum(itel_worker_delta_write_errors_total)": 0,
    "sum(itel_worker_processing_latency_seconds_count)": EVENTS,
    'sum(itel_worker_events_by_status_total{status="assigned"})': TRACKED["assigned"],
    'sum(itel_worker_events_by_status_total{status="completed"})': TRACKED["completed"],
    'sum(itel_worker_enrichment_total{status="enriched"})': EVENTS,
    "max(itel_worker_tasks_tracked)": 10,
    'sum(claimx_stream_records_total{job="task_trigger", outcome="not_ours"})': NOT_OURS,
    'sum(claimx_stream_records_total{job="task_trigger", outcome="dead_letter"})': 1,
    'sum(claimx_task_creation_attempts_total{domain="xact"})': TASKS + NOT_FOUND,
    'sum(claimx_task_creation_failures_total{reason="project_not_found"})': NOT_FOUND,
    "sum(claimx_project_resolution_cache_hits_total)": SYNCED,
    "sum(claimx_project_resolution_cache_misses_total)": BY_API + NORMALIZED + NOT_FOUND,
    "sum(claimx_project_resolution_duration_seconds_count)": TASKS + NOT_FOUND,
    'max(claimx_task_ledger{state="created"})': TASKS,
    "max(claimx_pending_claims)": 0,
    "max(claimx_pending_oldest_seconds)": 0,
    'max(claimx_dead_letters{pipeline="task_creation", reason="project_not_found", state="open"})': NOT_FOUND,
    'max(claimx_dead_letters{pipeline="task_trigger", reason="undecodable", state="open"})': 1,
    'sum(claimx_dead_letters_opened_total{pipeline="task_creation"})': NOT_FOUND,
    'sum(claimx_dead_letters_opened_total{pipeline="task_trigger", reason="undecodable"})': 1,
    'sum(claimx_mapping_changes_total{source="claimx", outcome="accepted"})': TASKS,
    "sum(claimx_task_skipped_not_synced_total)": 0,
    "sum(claimx_stream_running)": 4,
    "max(claimx_circuit_open)": 0,
}

pytestmark = pytest.mark.long  # a run of all jobs for Prometheus to scrape


@pytest.mark.parametrize("name", BY_NAME)
def test_every_metric_is_there(real_run: RealRun, name: str):
    """Each declared metric has a series after a run that did a little of everything."""
    suffix = "_count" if BY_NAME[name].kind == "histogram" else ""
    assert real_run.prometheus.query(name + suffix)


@pytest.mark.parametrize(("expr", "value"), KNOWN.items(), ids=list(KNOWN))
def test_figures_are_those_of_the_run(real_run: RealRun, expr: str, value: float):
    """What was sent, tracked, created and given up is what Prometheus says."""
    assert real_run.prometheus.number(expr) == value


def test_calls_are_counted_by_the_driver_though_executors_make_them(real_run: RealRun):
    """Each task is asked for at least once and at most once a batch, and each call has its latency."""
    calls = real_run.prometheus.number("sum(itel_worker_claimx_api_calls_total)")
    asked = [r for r in real_run.simulator.control.requests() if r["path"].startswith("/api/v1/tasks/")]
    assert calls == len(asked) >= 10
    assert real_run.prometheus.number("sum(itel_worker_claimx_api_latency_seconds_count)") == calls


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel.dashboard}: {panel.title}")
def test_every_panel_answers(real_run: RealRun, panel):
    """Every query of every panel brings series of the run."""
    for expr in panel.exprs:
        assert real_run.prometheus.query(expr.replace("$__range", "1h")), expr


def test_progress_is_told_while_nothing_happens(real_run: RealRun):
    """An idle query is not stuck: the time since its progress stays small."""
    assert real_run.prometheus.number("max(claimx_stream_seconds_since_progress)") < 30


def test_a_jvm_that_answers_nobody_is_told_to_be_stuck(real_run: RealRun):
    """While Spark's JVM stands still the time since progress grows; when it goes on it falls again."""
    children = psutil.Process(real_run.process.pid).children()
    jvm = next(child for child in children if child.name() == "java")
    since = "max(claimx_stream_seconds_since_progress)"
    jvm.suspend()
    try:
        wait_until(lambda: real_run.prometheus.number(since) > 30, what="it is told to be stuck", timeout_seconds=60)
    finally:
        jvm.resume()
    wait_until(lambda: real_run.prometheus.number(since) < 15, what="it is told to go on", timeout_seconds=60)


def test_the_log_is_json_with_job_and_batch(real_run: RealRun):
    """Each line is one JSON object with level, time and message; those of a batch name job and batch."""
    lines = real_run.lines()
    assert all({"level", "timestamp", "message"} <= set(line) for line in lines)
    of_batches = [line for line in lines if "event_id" in line or line["message"] == "events tracked"]
    assert of_batches
    assert all({"job", "batch_id"} <= set(line) for line in of_batches)


def test_the_documents_messages_are_logged(real_run: RealRun):
    """The specification's line for each tracked event, and the document's for a normalised format, with their fields."""
    lines = real_run.lines()
    tracked = [line for line in lines if line["message"].startswith("iTel Cabinet task event tracked")]
    assert tracked[0]["message"] == "iTel Cabinet task event tracked | event_id=e0 | task_id=32513 | status=assigned"
    assert {line["event_id"] for line in tracked} <= {f"e{n}" for n in range(EVENTS)}
    found = next(line for line in lines if line["message"] == "Found ClaimX project with normalized format")
    assert found["original_claim"] == "norm-0001"
    assert found["normalized_claim"] == "NORM0001"
    assert found["project_id"] == 300
    assert {"job", "batch_id"} <= set(found)


def test_neither_token_nor_payload_is_logged_or_measured(real_run: RealRun):
    """Token and person stand in no log line, no line of Spark's log, and no metric."""
    spark_log = real_run.world.folder / "spark.log"
    texts = {
        "log": real_run.log.read_text("utf-8"),
        "spark": spark_log.read_text("utf-8") if spark_log.exists() else "",
        "metrics": str(real_run.prometheus.query('{job!=""}')),
    }
    for name, text in texts.items():
        assert TOKEN not in text, name
        assert PERSON not in text, name
        assert "Bearer" not in text, name


def test_a_broken_api_and_a_flood_of_dead_letters_fire_their_alerts(real_run: RealRun):
    """ClaimX answers 500 to 25 look-ups and 25 records cannot be read: their alerts fire, and no critical other."""
    assert not {"ItelClaimxApiErrors", "ClaimxDeadLetterRateHigh"} & real_run.prometheus.firing()
    real_run.simulator.control.fault("status", status=500)
    topics = real_run.world.settings.kafka.topics
    broken = [b"\xff 32513 %d" % n for n in range(25)]
    real_run.say(topics.claimx_events, *(event(f"f{n}", task=9000 + n) for n in range(25)), *broken)
    wanted = {"ItelClaimxApiErrors", "ClaimxDeadLetterRateHigh", "ClaimxDeadLettersOpened"}
    wait_until(
        lambda: real_run.prometheus.firing() >= wanted,
        what="the alerts fire",
        timeout_seconds=90,
        cure=f"see {real_run.log}",
    )
    assert not {"ClaimxStreamEnded", "ClaimxTargetDown", "ItelWorkerStopped"} & real_run.prometheus.firing()
