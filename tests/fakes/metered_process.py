"""A process that counts as a run would: `python -m tests.fakes.metered_process PORT`, then a line of input a round.

It answers each line with the number of rounds counted, and ends with its input.
"""

from __future__ import annotations

import sys

from claimx_lib.config.load import load
from claimx_lib.observability.endpoint import served
from claimx_lib.observability.metrics import Metrics
from claimx_lib.observability.names import METRICS

JOBS = ("task_trigger", "task_tracking", "mapping_sync", "task_creation")
STATUSES = {"assigned": 3, "in_progress": 2, "completed": 1}
RULES = {"mapping_exact": 17, "api_as_given": 3}
ENRICHMENT = {"enriched": 5, "failed": 1, "not_found": 0, "skipped": 4}
GAUGES = {
    "claimx_stream_lag_records": 40,
    "claimx_stream_seconds_since_progress": 2,
    "claimx_stream_running": 1,
    "claimx_run_start_time_seconds": 1_768_000_000,
    "claimx_circuit_open": 0,
    "claimx_pending_claims": 12,
    "claimx_pending_oldest_seconds": 90,
    "itel_worker_tasks_tracked": 6,
}


def begin(metrics: Metrics) -> None:
    """What stands from the start."""
    for metric in METRICS:
        if metric.name in GAUGES:
            for labels in [{"job": job} for job in JOBS] if metric.labels else [{}]:
                metrics.set(metric.name, GAUGES[metric.name], **labels)
    metrics.replace("claimx_task_ledger", {("CREATED",): 9, ("INTENT",): 1})
    letters = {("task_creation", "project-not-found", "OPEN"): 2, ("task_creation", "task-unknown", "OPEN"): 1}
    metrics.replace("claimx_dead_letters", letters)
    for status in STATUSES:
        metrics.count("itel_worker_events_by_status_total", 0, status=status)
    for rule in RULES:
        metrics.count("claimx_project_resolution_total", 0, rule=rule)
    for job in JOBS:
        metrics.count("claimx_stream_records_total", 0, job=job, outcome="done")


def count_a_round(metrics: Metrics) -> None:
    """One of each counter without labels, 0.2 seconds in each histogram, and those with labels as said above."""
    for metric in METRICS:
        if metric.kind == "counter" and not metric.labels:
            metrics.count(metric.name)
        elif metric.kind == "histogram":
            for labels in [{"job": job} for job in JOBS] if metric.labels else [{}]:
                metrics.observe(metric.name, 0.2, **labels)
    count_labelled(metrics)


def count_labelled(metrics: Metrics) -> None:
    """The counters with labels."""
    for status, number in STATUSES.items():
        metrics.count("itel_worker_events_by_status_total", number, status=status)
    for status, number in ENRICHMENT.items():
        metrics.count("itel_worker_enrichment_total", number, status=status)
    for rule, number in RULES.items():
        metrics.count("claimx_project_resolution_total", number, rule=rule)
    for job in JOBS:
        metrics.count("claimx_stream_records_total", 10, job=job, outcome="done")
    metrics.count("claimx_task_creation_attempts_total", 4, domain="xact")
    metrics.count("claimx_task_creation_failures_total", reason="project-not-found")
    metrics.count("claimx_dead_letters_opened_total", pipeline="task_creation", reason="project-not-found")
    metrics.count("claimx_task_creation_put_off_total", reason="unauthorized")
    metrics.count("claimx_mapping_changes_total", source="claimx", outcome="conflict")


def main() -> None:
    """Serve and count until the input ends."""
    metrics = Metrics()
    begin(metrics)
    with served(metrics.registry, load().metrics, port=int(sys.argv[1])):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for rounds, _ in enumerate(sys.stdin, start=1):
            count_a_round(metrics)
            sys.stdout.write(f"{rounds}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
