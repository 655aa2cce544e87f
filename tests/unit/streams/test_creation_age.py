"""How long an event may wait for a ClaimX that fails, and from when on that is counted."""

from __future__ import annotations

import pytest

from tests.fakes.creation import World, with_policy


def test_an_outage_that_outlasts_the_age_is_for_a_person():
    """A claim that waited for a failing API longer than max_age_hours becomes `api-unavailable`, unless the circuit is open."""
    world = World(with_policy(max_age_hours=1.0))
    world.api.control.fault("status", status=503)
    world.run(world.event("e1", "C1"))
    world.pass_(3601)
    world.run()
    assert [one.letter.reason for one in world.store.letters.values()] == ["api-unavailable"]


def test_the_age_begins_when_a_batch_takes_an_event_up():
    """An event that lay on its topic for days, before a standstill or a backfill, has its whole time for a failing API."""
    world = World(with_policy(max_age_hours=1.0))
    old = world.event("e1", "C1")
    world.pass_(7200)
    world.api.control.fault("status", status=503)
    world.run(old)
    assert not world.store.letters
    world.pass_(3601)
    world.run()
    assert [one.letter.reason for one in world.store.letters.values()] == ["api-unavailable"]


def test_a_letter_that_a_mapping_settles_is_as_young_as_a_new_event():
    """A letter older than max_age_hours whose claim is mapped at last waits where the POST is turned away, and makes its task."""
    world = World(with_policy(max_age_hours=1.0, max_retries=0))
    world.run(world.event("e1", "C1"))
    world.pass_(7200)
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("status", status=429, method="POST", count=1)
    world.run()
    assert [one.letter.reason for one in world.store.letters.values()] == ["project-not-found"]
    world.pass_(60)
    world.run()
    assert [task["project_id"] for task in world.tasks()] == [5]
    assert {one.state for one in world.store.letters.values()} == {"RESOLVED"}


def waiting_for_hours(world: World) -> None:
    """A claim that ClaimX honestly does not know, asked for longer than max_age_hours."""
    world.run(world.event("e1", "C1"))
    for _ in range(15):
        world.pass_(301)
        world.run()
    world.api.control.put_project(5, "C1")
    world.pass_(301)


@pytest.mark.parametrize(
    "faults",
    [
        [("reset", {"method": "GET"})],
        [("status", {"status": 429, "retry_after": "1", "method": "POST"})],
        [("drop_after_commit", {"method": "POST"}), ("reset", {"method": "GET", "path": "*/tasks"})],
    ],
    ids=["search", "create", "in doubt"],
)
def test_one_failure_gives_nothing_up(faults: list[tuple[str, dict[str, object]]]) -> None:
    """Only time in which ClaimX failed counts: after hours of honest answers a failure is followed by the next try."""
    world = World(with_policy(max_age_hours=1.0, max_retries=100, retry_delay_seconds=300.0))
    waiting_for_hours(world)
    for kind, told in faults:
        world.api.control.fault(kind, count=1, **told)
    for _ in range(60):
        world.run()
        world.pass_(6)
    assert not world.store.letters
    assert len(world.tasks()) == 1


def test_a_search_that_is_refused_is_asked_ever_more_rarely():
    """A 403 or 422 to the project search is an answer: asked again soon, then as long again as the claim has waited."""
    world = World(with_policy(retry_delay_max_seconds=3600.0))
    world.api.control.fault("status", method="GET", status=422)
    world.run(world.event("e1", "C1"))
    asked = []
    for _ in range(200):
        world.pass_(30)
        world.run()
        asked.append(len(world.api.control.requests()))
    assert asked[1] >= 2, "within a minute"
    assert 6 <= asked[-1] <= 12
    assert {wait.reason for wait in world.store.pending.values()} == {"api-unavailable"}
    assert {wait.subject.attempts for wait in world.store.pending.values()} == {0}
