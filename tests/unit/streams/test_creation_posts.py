"""Tasks looked up before they are sent: after a disaster the ledger has forgotten some that ClaimX has."""

from __future__ import annotations

import pytest

from tests.fakes.creation import World, with_policy


def test_with_a_ledger_that_has_forgotten_a_task_is_looked_up_before_it_is_sent():
    """An older ledger and look_before_creating: what ClaimX has is adopted, what it has not is created, once."""
    before = World()
    before.api.control.put_project(5)
    before.store.map("C1", 5)
    before.run(before.event("e1", "C1"))
    after = World(with_policy(look_before_creating=True))
    after.claimx = before.claimx
    after.store.map("C1", 5)
    after.run(after.event("e1", "C1"), after.event("e2", "C1"))
    told = [(row.event_id, str(row.state), row.claimx_task_id) for row in after.store.ledger.all]
    first, second = (str(task["id"]) for task in before.tasks())
    assert told[2:] == [("e1", "ADOPTED", first), ("e2", "CREATED", second)]
    assert not after.store.pending


@pytest.mark.parametrize(("status", "reason"), [(500, "api-unavailable"), (401, "unauthorized")])
def test_nothing_is_sent_while_claimx_cannot_tell(status, reason):
    """A look before the send that fails sends nothing and uses no attempt; the next one that answers does."""
    world = World(with_policy(look_before_creating=True))
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("status", status=status, method="GET")
    world.run(world.event("e1", "C1"))
    assert world.states() == ["INTENT", "NOT_SENT"]
    assert not world.tasks()
    assert world.store.pending["e1"].reason == reason
    world.api.control.clear_faults()
    world.pass_(60)
    world.run()
    assert world.states()[2:] == ["INTENT", "CREATED"]
