"""Every metric's name, type, labels and meaning: the one list that dashboards and alerts are held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SLOW = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as it stands in the Prometheus format (a counter's name ends in `_total`).

    `known` are label values that stand at 0 from the start, so that a rate sees their first increment.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()


def _counter(name: str, meaning: str, *labels: str, known: tuple[tuple[str, ...], ...] = ()) -> Metric:
    return Metric(name=name, kind="counter", meaning=meaning, labels=labels, known=known)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=name, kind="gauge", meaning=meaning, labels=labels)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name=name, kind="histogram", meaning=meaning, labels=labels, buckets=buckets)


def _each(*values: str) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


ENRICHMENTS = _each("enriched", "failed", "not_found", "skipped")
MAPPING_CHANGES = tuple(
    (source, outcome)
    for source in ("xact", "claimx", "manual")
    for outcome in ("accepted", "refused", "conflict", "waiting", "withdrawn")
)
GIVEN_UP = (
    "project_not_found", "ambiguous_project", "invalid_claim_number", "task_rejected", "task_unknown", "api_unavailable"
)  # fmt: skip
CREATION_FAILURES = _each(*GIVEN_UP, "unauthorized")
PUT_OFF = _each("paused", "unauthorized", "api_unavailable", "rate_limited", "in_doubt", "no_rule")
REFUSED = {
    "task_trigger": ("undecodable", "record_too_large"),
    "task_tracking": ("undecodable", "wrong_task_id", "bad_timestamp", "invalid_field"),
    "mapping_sync": (
        "undecodable", "invalid_field", "invalid_claim_number", "invalid_project_id", "bad_timestamp", "future_timestamp",
        "missing_event_id", "missing_domain", "missing_claim_number", "missing_project_id", "missing_timestamp",
    ),
    "task_creation": (
        "undecodable", "invalid_field", *GIVEN_UP, "missing_event_type", "missing_event_id", "missing_claim_number",
    ),
}  # fmt: skip
"""Reasons of each job's dead letters; those of fields that settings name, task_tracking adds when it starts."""
DEAD_LETTERS = tuple((job, reason) for job, reasons in REFUSED.items() for reason in (*reasons, "offsets_aged_out"))

METRICS = (
    # task_trigger (specification of the tracking)
    _counter("itel_plugin_events_triggered_total", "Events of a configured template found"),
    _counter("itel_plugin_events_published_total", "Tracking messages published"),
    _counter("itel_plugin_publish_errors_total", "Tracking messages that Kafka did not take"),
    # task_tracking
    _counter("itel_worker_messages_consumed_total", "Tracking messages read"),
    _counter("itel_worker_messages_processed_total", "Tracking messages with a row in the table"),
    _counter("itel_worker_messages_failed_total", "Tracking messages that became dead letters"),
    _counter("itel_worker_claimx_api_calls_total", "ClaimX calls made, retries included"),
    _counter("itel_worker_claimx_api_errors_total", "ClaimX calls that failed (a 404 is an answer)"),
    _counter("itel_worker_token_refused_total", "Batches whose look-ups ClaimX refused because of the token (401)"),
    _histogram("itel_worker_claimx_api_latency_seconds", "Duration of a ClaimX call", FAST),
    _counter("itel_worker_delta_writes_total", "Rows appended to the tracking table"),
    _counter("itel_worker_delta_write_errors_total", "Rows that could not be appended to the tracking table"),
    _histogram("itel_worker_processing_latency_seconds", "From a message's Kafka timestamp to its row", SLOW),
    _counter("itel_worker_schema_evolution_total", "Fields added to the tracking table's structs"),
    _counter("itel_worker_events_by_status_total", "Tracked events by task status", "status"),
    _counter("itel_worker_enrichment_total", "Rows by the outcome of their enrichment", "status", known=ENRICHMENTS),
    _gauge("itel_worker_tasks_tracked", "Distinct tasks in the tracking table"),
    # task_creation (document on identifiers)
    _counter("claimx_task_creation_attempts_total", "Tries to create a task", "domain", known=_each("xact")),
    _counter(
        "claimx_task_creation_failures_total", "Tries that did not create a task", "reason", known=CREATION_FAILURES
    ),
    _counter(
        "claimx_task_creation_put_off_total",
        "Events put off without a try, by what stands in the way",
        "reason",
        known=PUT_OFF,
    ),
    _counter("claimx_project_resolution_cache_hits_total", "Claims resolved from the mapping without an API call"),
    _counter("claimx_project_resolution_cache_misses_total", "Claims that needed the API"),
    _counter("claimx_project_resolution_negative_hits_total", "Look-ups spared by a remembered miss"),
    _counter("claimx_project_resolution_total", "Claims by the rule that resolved them, or none", "rule"),
    _histogram("claimx_project_resolution_duration_seconds", "Resolving a claim, API calls included", FAST),
    _counter("claimx_task_skipped_not_synced_total", "XACT events without a task because nothing is mapped"),
    _gauge("claimx_pending_claims", "XACT events that wait for their project"),
    _gauge("claimx_pending_oldest_seconds", "Age of the oldest of them"),
    _gauge("claimx_task_ledger", "Idempotency keys by their newest state", "state"),
    # mapping_sync
    _counter(
        "claimx_mapping_changes_total",
        "Identity events by source and outcome",
        "source",
        "outcome",
        known=MAPPING_CHANGES,
    ),
    # every job
    _gauge("claimx_run_start_time_seconds", "When this run began, in seconds since 1970"),
    _gauge("claimx_stream_lag_records", "Records on the source topics not yet processed", "job"),
    _gauge("claimx_stream_seconds_since_progress", "Time since the query last made progress", "job"),
    _histogram("claimx_stream_batch_duration_seconds", "Duration of a micro-batch", SLOW, "job"),
    _counter("claimx_stream_records_total", "Records read, by what became of them", "job", "outcome"),
    _gauge("claimx_circuit_open", "1 while nobody calls ClaimX", "job"),
    _gauge("claimx_dead_letters", "Dead letters in the table", "pipeline", "reason", "state"),
    _counter("claimx_dead_letters_opened_total", "Dead letters written", "pipeline", "reason", known=DEAD_LETTERS),
    _gauge(
        "claimx_stream_running",
        "1 while the query runs, 0 once it has ended by an error, absent once it was stopped",
        "job",
    ),
)
