"""Settings become the recipe's policy, pace and topics."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import ConfigError, StopRequested
from claimx_lib.observability.metrics import Metrics
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.creation_wiring import OpenedApi, calls_per_second, policy_of, resolve_policy, topics_of
from claimx_lib.streams.task_creation import stage

TOKEN = {"CLAIMX_API_TOKEN": "first"}


def context_of(*sets: str, jobs: tuple[str, ...] = ()) -> JobContext:
    settings = load(sets=list(sets), environ=TOKEN)
    return JobContext(session=None, settings=settings, metrics=Metrics(), jobs_in_application=jobs)  # type: ignore[arg-type]


def test_the_documents_task_is_the_default():
    """ESTIMATE_CREATED makes "Review Estimate" as the document has it, once per event, with three retries 30 s apart."""
    policy = policy_of(load(environ=TOKEN))
    (rule,) = policy.rules["ESTIMATE_CREATED"]
    assert json.loads(rule.task_data) == {
        "customTaskName": "Review Estimate",
        "customTaskId": 789,
        "notificationType": "COPY_EXTERNAL_LINK_URL",
    }
    assert (rule.task_type, rule.once_per) == ("CUSTOM_TASK_ASSIGN_EXTERNAL_LINK", "event")
    assert (policy.max_retries, policy.retry_delay_seconds, policy.mode) == (3, 30.0, "live")


def test_the_solutions_are_settings():
    """Mapping alone, formats off and what becomes of the unresolved reach the ladder and the plan."""
    job = "jobs.task_creation."
    settings = load(
        sets=[f"{job}resolve_with=[mapping]", f"{job}on_unresolved=skip", f"{job}enable_format_normalization=false"],
        environ=TOKEN,
    )
    assert resolve_policy(settings).resolve_with == ("mapping",)
    assert not resolve_policy(settings).enable_format_normalization
    assert policy_of(settings).on_unresolved == "skip"


def test_callers_share_the_pace():
    """Alone, or after it, the job has all calls a second, beside task_tracking half of them; its own setting wins."""
    both = context_of(jobs=("task_tracking", "task_creation", "mapping_sync"))
    assert calls_per_second(context_of()) == 100
    assert calls_per_second(both) == 50
    assert calls_per_second(replace(both, available_now=True)) == 100
    assert calls_per_second(context_of("jobs.task_creation.requests_per_second=7")) == 7


def test_topics_have_the_contracts_names():
    """Retry, DLQ and project.sync by their settings, with room for headers below the broker's limit."""
    topics = topics_of(load(environ=TOKEN))
    assert (topics.retry, topics.dlq, topics.project_sync) == (
        "xact.task-creation.retry",
        "xact.task-creation.dlq",
        "project.sync",
    )
    assert topics.max_bytes < 1_000_000


def test_mode_off_reads_nothing():
    """With mode off the job does not start, so that no offset passes by unseen; it is a stop, no failure."""
    with pytest.raises(StopRequested, match="mode is off"):
        stage(context_of("jobs.task_creation.mode=off"))


def test_a_rotated_token_opens_a_new_client(monkeypatch):
    """The client stays for as long as its token is the same, and while its place is empty for a moment; who has had none
    is told where to put one.
    """
    opened = OpenedApi(settings=load(environ=TOKEN), permit=lambda: True)
    monkeypatch.setenv("CLAIMX_API_TOKEN", "first")
    first = opened()
    assert opened() is first
    monkeypatch.setenv("CLAIMX_API_TOKEN", "second")
    second = opened()
    assert second is not first
    monkeypatch.delenv("CLAIMX_API_TOKEN")
    assert opened() is second
    with pytest.raises(ConfigError, match=r"claimx\.token"):
        OpenedApi(settings=load(environ=TOKEN), permit=lambda: True)()
