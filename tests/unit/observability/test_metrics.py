"""The metrics of one process."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from prometheus_client import generate_latest

import claimx_lib
from claimx_lib.domain.reasons import Reason, missing
from claimx_lib.observability.metrics import Metrics, label_value
from claimx_lib.observability.names import DEAD_LETTERS, METRICS

LIBRARY = Path(claimx_lib.__file__).parent


@pytest.fixture
def metrics() -> Metrics:
    """Metrics on a registry of their own."""
    return Metrics()


def _page(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_counters_stand_at_zero_before_anything_happened(metrics):
    """Each counter, with the label values known beforehand, is there as 0 from the start."""
    lines = set(_page(metrics).splitlines())
    plain = [f"{m.name} 0.0" for m in METRICS if m.kind == "counter" and not m.labels]
    assert set(plain) <= lines
    assert 'claimx_task_creation_attempts_total{domain="xact"} 0.0' in lines
    assert 'claimx_dead_letters_opened_total{pipeline="task_creation",reason="project_not_found"} 0.0' in lines


def test_the_first_dead_letter_of_any_reason_is_seen() -> None:
    """Each reason that a job's own code names stands at 0 from the start: a rate sees no series that is born at 500."""
    code = {
        "mapping_sync": ("transforms/identity.py",),
        "task_creation": ("domain/creation/events.py",),
        "task_trigger": ("transforms/trigger.py",),
        "task_tracking": ("transforms/tracking.py",),
    }
    for job, files in code.items():
        text = "".join((LIBRARY / file).read_text("utf-8") for file in files)
        named = {Reason[name] for name in re.findall(r"Reason\.([A-Z_]+)", text)}
        named |= {missing(field) for field in re.findall(r'missing\("(\w+)"\)', text)}
        told = {label_value(str(reason)) for reason in (*named, Reason.OFFSETS_AGED_OUT)}
        assert len(told) > 1
        assert told <= {reason for pipeline, reason in DEAD_LETTERS if pipeline == job}, job


def test_a_gauge_is_absent_until_it_is_set(metrics):
    """A table that nobody has read yet shows no 0."""
    assert "\nclaimx_pending_claims " not in _page(metrics)
    metrics.set("claimx_pending_claims", 0)
    assert "\nclaimx_pending_claims 0.0" in _page(metrics)


def test_two_threads_that_set_one_gauge_first_do_not_collide(metrics):
    """A gauge is shown once, whoever sets it first."""
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def set_it() -> None:
        start.wait(timeout=60)
        try:
            metrics.set("claimx_pending_claims", 1)
        except ValueError as error:
            failures.append(error)

    threads = [threading.Thread(target=set_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []


def test_replace_leaves_exactly_the_series_given(metrics):
    """What a table no longer holds is no longer shown; what it holds is."""
    metrics.replace("claimx_task_ledger", {("CREATED",): 3, ("INTENT",): 1})
    metrics.replace("claimx_task_ledger", {("CREATED",): 4})
    assert metrics.value("claimx_task_ledger", state="created") == 4
    assert metrics.registry.get_sample_value("claimx_task_ledger", {"state": "intent"}) is None


def test_a_forgotten_series_is_shown_no_more(metrics):
    """One series goes, the others stay, and what is not there may be forgotten."""
    metrics.set("claimx_stream_running", 1, job="task_trigger")
    metrics.set("claimx_stream_running", 1, job="task_tracking")
    metrics.forget("claimx_stream_running", job="task_trigger")
    metrics.forget("claimx_stream_running", job="mapping_sync")
    assert 'claimx_stream_running{job="task_trigger"}' not in _page(metrics)
    assert 'claimx_stream_running{job="task_tracking"} 1.0' in _page(metrics)


def test_replace_adds_nothing_up(metrics):
    """However many series a table gives, none is hidden behind `other`."""
    metrics.replace("claimx_task_ledger", {(f"STATE_{n}",): n for n in range(120)})
    assert metrics.value("claimx_task_ledger", state="state_119") == 119
    with pytest.raises(TypeError):
        metrics.replace("claimx_mapping_changes_total", {})


@pytest.mark.parametrize(
    ("text", "label"),
    [("project-not-found", "project_not_found"), ("OPEN", "open"), ("In Progress", "in_progress"), ("--", "other")],
)
def test_label_values_are_snake_case(text, label):
    """A code of the tables becomes the same code in snake_case, never an empty one."""
    assert label_value(text) == label


def test_labels_from_outside_are_bounded(metrics):
    """A status that every event spells anew makes 50 series, then `other`."""
    for number in range(200):
        metrics.count("itel_worker_events_by_status_total", status=f"status {number}")
    series = [line for line in _page(metrics).splitlines() if line.startswith("itel_worker_events_by_status_total{")]
    assert len(series) == 51
    assert metrics.value("itel_worker_events_by_status_total", status="other") == 150


def test_a_known_label_value_is_never_other(metrics):
    """Values declared as known keep their series however many others came before."""
    for number in range(200):
        metrics.count("claimx_dead_letters_opened_total", pipeline="task_tracking", reason=f"missing-{number}")
    metrics.count("claimx_dead_letters_opened_total", pipeline="task_creation", reason="task-unknown")
    assert metrics.value("claimx_dead_letters_opened_total", pipeline="task_creation", reason="task-unknown") == 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda m: m.count("claimx_typo_total"), KeyError),
        (lambda m: m.set("itel_worker_delta_writes_total", 1), TypeError),
        (lambda m: m.count("claimx_pending_claims"), TypeError),
        (lambda m: m.observe("claimx_pending_claims", 1), TypeError),
        (lambda m: m.count("itel_worker_enrichment_total", state="failed"), ValueError),
    ],
)
def test_a_name_kind_or_label_that_is_not_declared_is_refused(metrics, call, error):
    """A typo in a metric fails where it is made, and makes no series."""
    before = _page(metrics)
    with pytest.raises(error):
        call(metrics)
    assert _page(metrics) == before


def test_kinds_and_names_agree():
    """Counters end in _total, histograms and durations carry their unit, every metric has a sentence."""
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert (metric.kind == "histogram") == bool(metric.buckets), metric.name
        assert metric.kind != "histogram" or metric.name.endswith("_seconds"), metric.name
        assert metric.meaning, metric.name
        assert all(len(values) == len(metric.labels) for values in metric.known), metric.name
