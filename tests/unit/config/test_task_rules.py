"""The rules of `jobs.task_creation.tasks`."""

from __future__ import annotations

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import SettingsError

TWO = "[{name: review, task_type: A, task_data: {}}, {name: review, task_type: B, task_data: {}}]"


def test_two_rules_of_one_name_are_refused() -> None:
    """They would make two tasks under one idempotency key: told with path, name and cure."""
    with pytest.raises(SettingsError) as caught:
        load(sets=[f"jobs.task_creation.tasks.ESTIMATE_CREATED={TWO}"], environ={})
    (problem,) = caught.value.problems
    assert problem == (
        "--set: jobs.task_creation.tasks.ESTIMATE_CREATED = a list of 2: "
        "review names two rules of this event type; give each a name of its own"
    )


def test_one_name_under_two_event_types_is_no_problem() -> None:
    """With `once_per` estimate or claim it says that both ask for one task."""
    rule = "[{name: review_estimate, task_type: A, task_data: {}, once_per: claim}]"
    assert load(sets=[f"jobs.task_creation.tasks.OTHER={rule}"], environ={})
