"""task_creation before a ClaimX that puts anything into a 200."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.bad_answers import BODIES
from tests.fakes.creation import World

CALLS: dict[str, Callable[[str, str], bool]] = {
    "project search": lambda method, path: method == "GET" and path.endswith("/projects"),
    "create": lambda method, _: method == "POST",
    "task search": lambda method, path: method == "GET" and path.endswith("/tasks"),
}
SPELL_SECONDS = 45.0


def ends(world: World) -> list[str]:
    """Where the one event stands: a task that the ledger has, pending, or an open letter."""
    done = [state for state in world.states() if state in {"CREATED", "ADOPTED"}]
    letters = [one.letter.reason for one in world.store.letters.values() if one.state == "OPEN"]
    return [*done, *(["pending"] if world.store.pending else []), *letters]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_no_answer_stops_a_batch_or_makes_a_second_task(call: str, body: bytes) -> None:
    """Whatever one of the calls is answered with: the event has one end at any time, ClaimX has one task at most, and
    once ClaimX is well again the event has its one task, or a letter with a reason.
    """
    world = World()
    world.api.control.put_project(7, "C-1")
    if call == "task search":
        world.api.control.fault("drop_after_commit", method="POST", count=1)
    world.api.transport.spoilt = lambda method, path: body if CALLS[call](method, path) else None
    world.run(world.event("e1", "C-1"))
    for _ in range(6):
        assert len(ends(world)) == 1
        assert len(world.tasks()) <= 1
        world.pass_(SPELL_SECONDS)
        world.run()
    world.api.transport.spoilt = lambda *_: None
    for _ in range(6):
        world.pass_(SPELL_SECONDS)
        world.run()
    (end,) = ends(world)
    assert end != "pending"
    assert (len(world.tasks()) == 1) or end in {"project-not-found", "task-unknown"}
    assert not (world.tasks() and end == "project-not-found")
