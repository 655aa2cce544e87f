"""The identity notebook, over Spark Connect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.readers.notebooks import Shown

pytestmark = pytest.mark.long  # a kernel and a server of its own: one of the four notebooks is enough for each change


@pytest.fixture(scope="module")
def identity(over_connect: Callable[[str], Shown]) -> Shown:
    """The notebook, run once."""
    return over_connect("identity_resolution")


def test_it_draws_how_projects_were_found(identity: Shown) -> None:
    """Tasks by way and rule, coloured by who had told of the project; and what became of all of them."""
    assert identity.values("Tasks by the rule") == {"claimx": {"api: uppercase": 1}, "xact": {"mapping: exact": 1}}
    assert identity.table("state", "reason", "tasks") == [
        {"state": "CREATED", "reason": "None", "tasks": "2"},
        {"state": "REJECTED", "reason": "task-rejected", "tasks": "1"},
    ]


def test_it_draws_how_long_tasks_took(identity: Shown) -> None:
    """The quantiles of the seconds from estimate to task, for each rule."""
    assert identity.values("Seconds from estimate to task") == {
        "": {"api:uppercase": (10800.0,) * 5, "mapping:exact": (3600.0,) * 5}
    }


def test_it_shows_changes_and_conflicts(identity: Shown) -> None:
    """Identity events by source and outcome, and the claim of two projects."""
    assert identity.values("Identity events") == {"accepted": {"xact": 1}, "conflict": {"claimx": 1}}
    assert identity.table("claim_key", "project_ids", "is_decided") == [
        {"claim_key": "ABC1", "project_ids": "[7, 8]", "is_decided": "False"}
    ]


def test_it_draws_what_waits(identity: Shown) -> None:
    """An empty table of waiting estimates is told as none; letters stand by age and reason."""
    assert identity.values("Estimates that wait for their project: 0") == {}
    assert identity.values("Open dead letters, all pipelines: 2") == {
        "ambiguous-project": {"over 7 days": 1},
        "undecodable": {"over 7 days": 1},
    }
