"""Delays, keys and bodies, exactly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.domain.creation.keys import dead_letter_id, idempotency_key
from claimx_lib.domain.creation.policy import Policy, Rule, header_seconds
from tests.fakes.xact import made


def test_factor_one_is_the_documents_fixed_delay():
    """With factor 1 each retry waits retry_delay_seconds, jitter or none."""
    policy = Policy(retry_backoff_factor=1.0)
    assert [policy.delay_seconds(n, lambda: 0.1) for n in (1, 2, 3)] == [30.0, 30.0, 30.0]


def test_the_delay_grows_to_its_maximum():
    """Delay times factor to the power of the retry before, at most retry_delay_max_seconds, however many there were."""
    policy = Policy(has_jitter=False, retry_delay_max_seconds=100.0)
    assert [policy.delay_seconds(n, lambda: 0.0) for n in (1, 2, 3, 10_000)] == [30.0, 60.0, 100.0, 100.0]


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_full_jitter_stays_within(retry, chance):
    """Jitter takes anything away and adds nothing."""
    whole = Policy(has_jitter=False).delay_seconds(retry, lambda: chance)
    assert 0 <= Policy().delay_seconds(retry, lambda: chance) <= whole


@pytest.mark.parametrize(("seconds", "text"), [(30.0, "30"), (29.2, "30"), (0.0, "0")])
def test_the_header_is_whole_seconds(seconds, text):
    """x-retry-after never tells less than the delay."""
    assert header_seconds(seconds) == text


def test_the_key_is_of_pipeline_event_and_rule():
    """idempotency_key is the hex SHA-256 of pipeline, event_id and rule name."""
    wanted = hashlib.sha256(b"task_creation|e1|review_estimate").hexdigest()
    assert idempotency_key(made("e1"), "review_estimate", "event") == wanted


def test_once_per_changes_what_stands_for_the_event():
    """Events of one claim, in any spelling, or of one estimate share a key; events of a rule without estimate do not."""
    one, other = made("e1", claim="C-1", estimate="x"), made("e2", claim="c1", estimate="x")
    for once_per in ("claim", "estimate"):
        assert idempotency_key(one, "r", once_per) == idempotency_key(other, "r", once_per)
    assert idempotency_key(one, "r", "event") != idempotency_key(other, "r", "event")
    assert idempotency_key(made("e1"), "r", "estimate") != idempotency_key(made("e2"), "r", "estimate")


def test_the_body_is_the_documents():
    """task_type and task_data as configured, the key as external_reference where ClaimX knows one."""
    data = {"customTaskName": "Review Estimate", "customTaskId": 789, "notificationType": "COPY_EXTERNAL_LINK_URL"}
    rule = Rule(name="review_estimate", task_type="CUSTOM_TASK_ASSIGN_EXTERNAL_LINK", task_data=json.dumps(data))
    policy = Policy(rules={"ESTIMATE_CREATED": (rule,)})
    (task,) = policy.tasks_of(made("e1"))
    assert json.loads(task.body) == {"task_type": rule.task_type, "task_data": data, "external_reference": task.key}
    (without,) = replace(policy, supports_external_reference=False).tasks_of(made("e1"))
    assert json.loads(without.body) == {"task_type": rule.task_type, "task_data": data}


def test_a_letters_id_names_record_and_reason():
    """Hex SHA-256 of pipeline, topic, partition, offset, reason and the value's own SHA-256."""
    record = replace(made("e1").record, partition=1, offset=2, value=b"v")
    value = hashlib.sha256(b"v").hexdigest()
    assert dead_letter_id(record, "r") == hashlib.sha256(f"task_creation|t|1|2|r|{value}".encode()).hexdigest()
