"""Shadow mode: all but the POST."""

from __future__ import annotations

import pytest

from tests.fakes.creation import RETRY, SYNC, Crash, World, with_policy


def test_shadow_does_all_but_the_post():
    """In shadow mode the project is resolved and told to project.sync, the ledger says SKIPPED, nothing is created."""
    world = World(with_policy(mode="shadow"))
    world.api.control.put_project(12, "C1")
    world.run(world.event("e1", "C1"), world.event("e2", "C2"))
    assert world.states() == ["SKIPPED"]
    assert not world.tasks()
    assert len(world.messages(SYNC)) == 1
    assert len(world.messages(RETRY)) == 1


def test_shadow_sends_nothing_that_was_planned_or_begun_before():
    """A POST in doubt is looked for and not sent again; a plan that was made live and not carried out sends nothing."""
    doubted = World()
    doubted.store.map("C1", 5)
    doubted.api.control.put_project(5)
    doubted.api.control.fault("reset", method="POST", count=1)
    doubted.run(doubted.event("e1", "C1"))
    planned = World()
    planned.store.map("C1", 5)
    planned.api.control.put_project(5)
    record = planned.event("e1", "C1")
    planned.crash_after(1)
    with pytest.raises(Crash):
        planned.run(record)
    assert planned.passed[-1] == "after-plan"
    for world, again in ((doubted, []), (planned, [record])):
        world.policy = with_policy(mode="shadow")
        world.restart()
        world.run(*again)
        for _ in range(4):
            world.pass_(200)
            world.run()
        assert not world.tasks()
        assert not world.store.pending
    assert doubted.states() == ["INTENT", "NOT_SENT", "SKIPPED"]
    assert planned.states() == ["SKIPPED"]
