from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from claimx_lib.devstack.scenario import TRACKED_TEMPLATE, Record, TrackingScenario, tracking_scenario

UNTIL = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def scenario() -> TrackingScenario:
    """One scenario of the size of the demo's."""
    return tracking_scenario(events=4000, seed=7, until=UNTIL)


def sound(records: list[Record]) -> list[dict[str, Any]]:
    """The events that are whole, first deliveries only, in order."""
    events: dict[str, dict[str, Any]] = {}
    for record in records:
        try:
            event = json.loads(record.value)
        except ValueError:
            continue
        if isinstance(event, dict) and "broken" not in event["event_id"]:
            events.setdefault(event["event_id"], event)
    return list(events.values())


def test_same_seed_same_scenario(scenario: TrackingScenario) -> None:
    """A seed gives the same records, tasks and outcome each time, another seed others."""
    assert tracking_scenario(events=4000, seed=7, until=UNTIL) == scenario
    assert tracking_scenario(events=4000, seed=8, until=UNTIL).records != scenario.records


@pytest.mark.parametrize("events", [100, 101, 999, 4000])
def test_each_record_is_accounted_for(events: int) -> None:
    """The outcome counts as many records as were asked for, each once."""
    made = tracking_scenario(events=events, seed=3, until=UNTIL)
    expected = made.expected
    assert len(made.records) == expected.produced == events
    refused = sum(expected.refused.values())
    assert expected.tracked + expected.repeated + expected.not_ours + refused == expected.produced
    assert set(expected.refused) == {"undecodable", "missing-task_status", "missing-project_id", "bad-timestamp"}


def test_outcome_follows_from_the_records(scenario: TrackingScenario) -> None:
    """What is to be tracked, repeated and not found can be counted in the records themselves."""
    events = sound(list(scenario.records))
    ours = {event["event_id"]: event for event in events if event["task"]["task_id"] == TRACKED_TEMPLATE}
    deliveries = Counter(record.value for record in scenario.records)
    values = {json.dumps(event, separators=(",", ":")).encode() for event in ours.values()}
    known = {task["id"] for task in scenario.tasks}
    expected = scenario.expected
    assert expected.tracked == len(ours)
    assert expected.repeated == sum(deliveries[value] - 1 for value in values) > 0
    assert expected.tasks == len({event["task"]["assignment_id"] for event in ours.values()})
    assert expected.not_found == sum(event["task"]["assignment_id"] not in known for event in ours.values()) > 0


def test_lives_are_whole_and_in_order(scenario: TrackingScenario) -> None:
    """Each task begins with its creation, follows on its previous status, and lies in the three days before the end."""
    last: dict[int, str] = {}
    for event in sound(list(scenario.records)):
        task = event["task"]
        assert task["previous_status"] == last.get(task["assignment_id"])
        assert event["event_type"] == f"CUSTOM_TASK_{task['status'].upper()}"
        at = datetime.fromisoformat(event["timestamp"])
        assert UNTIL - timedelta(days=3) <= at < UNTIL
        last[task["assignment_id"]] = task["status"]


def test_a_reassigned_task_has_another_user(scenario: TrackingScenario) -> None:
    """Only a reassignment changes whose a task is, and each one does."""
    user: dict[int, int] = {}
    for event in sound(list(scenario.records)):
        task = event["task"]
        before = user.get(task["assignment_id"], task["assigned_to_user_id"])
        assert (task["assigned_to_user_id"] != before) == (task["status"] == "reassigned")
        user[task["assignment_id"]] = task["assigned_to_user_id"]


def test_too_few_events_are_refused() -> None:
    """A scenario too small to hold each kind of record is not made."""
    with pytest.raises(ValueError, match="at least 100 events, not 99"):
        tracking_scenario(events=99, seed=1, until=UNTIL)
