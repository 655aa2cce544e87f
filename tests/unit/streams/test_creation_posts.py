"""Tasks looked up before they are sent: after a disaster the ledger has forgotten some that ClaimX has."""

from __future__ import annotations

import json
from io import StringIO

import pytest

from claimx_lib.config.load import load
from claimx_lib.observability.logs import carrying, configure_logs, logger
from claimx_lib.streams.creation_doubts import each
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


def test_a_404_to_the_look_up_of_a_task_is_no_proof_that_it_is_absent():
    """A route that is missing tells nothing: what is in doubt stays so while the project is there, and is not sent again."""
    world = World()
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.api.control.fault("drop_after_commit", method="POST", count=1)
    world.api.control.fault("status", status=404, method="GET", path="*/tasks")
    world.run(world.event("e1", "C1"))
    for _ in range(10):
        world.pass_(130)
        world.run()
    assert len(world.tasks()) == 1
    assert world.store.pending["e1"].reason == "in-doubt"
    world.api.control.clear_faults()
    world.pass_(130)
    world.run()
    assert (len(world.tasks()), world.states()[-1]) == (1, "ADOPTED")


def test_what_a_thread_logs_carries_its_batch():
    """Job and batch_id are in the lines of calls that go out several at a time."""
    told = StringIO()
    configure_logs(load(sets=["logging.format=json"]).logging, stream=told)
    with carrying(job="task_creation", batch_id=7):
        each(range(4), lambda number: logger().info("called", number=number), threads=2)
    lines = [json.loads(line) for line in told.getvalue().splitlines()]
    assert sorted(line["number"] for line in lines) == [0, 1, 2, 3]
    assert {(line["job"], line["batch_id"]) for line in lines} == {("task_creation", 7)}
