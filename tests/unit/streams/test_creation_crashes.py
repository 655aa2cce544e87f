"""A crash at every step: the batch runs again from its plan, and nothing is done twice or lost."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest

from claimx_lib.domain.creation.headers import DEAD_LETTER_ID, REPLAY_COUNT
from claimx_lib.domain.creation.ledger import State, key_states
from claimx_lib.streams.context import BatchRef
from tests.fakes.creation import DLQ, RETRY, Crash, World, with_policy, xact_bytes

STEPS = 14


def a_batch(world: World):
    """Creates, waits and refuses, with a pending row that is due."""
    world.api.control.put_projects([{"project_id": 5}, {"project_id": 6, "claim_number": "c2"}])
    world.store.map("C1", 5)
    return [world.event("e1", "C1"), world.event("e2", "C2"), world.event("e3", "C3"), world.record(b"?")]


def settle(world: World) -> None:
    """Time passes until nothing is in doubt and nothing waits that could go on."""
    for _ in range(8):
        world.pass_(130)
        world.run()


def reference_counts(world: World) -> Counter:
    return Counter(task["external_reference"] for task in world.tasks())


def intents_precede_posts(world: World) -> bool:
    intended = {row.idempotency_key for row in world.store.ledger.all if row.state is State.INTENT}
    return set(reference_counts(world)) <= intended


@pytest.mark.parametrize("steps", range(STEPS))
def test_a_crash_at_any_step_makes_one_task_an_event(steps):
    """Killed at its nth step and run again, the batch makes one task for each resolved event, and keeps all others."""
    world = World(with_policy(max_retries=20))
    records = a_batch(world)
    world.crash_after(steps)
    world.run_surviving(*records)
    settle(world)
    assert set(reference_counts(world).values()) == {1}
    assert len(world.tasks()) == 2
    assert set(world.store.pending) == {"e3"}
    assert [one.letter.reason for one in world.store.letters.values()] == ["undecodable"]
    assert intents_precede_posts(world)


def test_every_kind_of_step_was_crashed_at():
    """The parametrised crashes reach plan, ledger, POST, pending, letters and Kafka."""
    world = World()
    world.run(*a_batch(world))
    assert len(world.passed) == STEPS
    assert {"after-plan", "after-ledger", "after-post", "before-letters", "after-kafka"} <= set(world.passed)


def test_a_batch_run_again_changes_nothing():
    """A batch that had done everything but commit its offsets sends its messages again, and that is all."""
    world = World()
    records = a_batch(world)
    world.run(*records)
    ledger, pending, letters = list(world.store.ledger.all), dict(world.store.pending), set(world.store.letters)
    sent = list(world.store.sent)
    world.restart()
    world.flow.run(records, BatchRef(query_id="q", batch_id=0))
    assert world.store.ledger.all == ledger
    assert (world.store.pending, set(world.store.letters)) == (pending, letters)
    assert world.store.sent == sent * 2
    assert len(world.tasks()) == 2


def test_the_plan_is_done_as_it_was_made():
    """A batch that runs again after its mapping has changed does what its plan says, not what it would decide now."""
    world = World()
    world.api.control.put_projects([{"project_id": 5}, {"project_id": 7}])
    world.store.map("C1", 5)
    world.crash_after(2)
    record = world.event("e1", "C1")
    with pytest.raises(BaseException, match="before-ledger"):
        world.run(record)
    world.restart()
    world.store.map("C1", 7)
    world.run(record)
    assert [task["project_id"] for task in world.tasks()] == [5]


def run_with_another_at(moment: str, world: World) -> None:
    """A batch of one event, amid which another instance does the same event from beginning to end."""
    other = world.started()
    record = world.event("e1", "C1")

    def let_the_other_in(name: str) -> None:
        if name == moment and not world.tasks():
            world.store.hook = world.store.ledger.hook = lambda _: None
            other.run([record], BatchRef(query_id="other", batch_id=0))

    world.store.hook = world.store.ledger.hook = let_the_other_in
    world.run(record)


@pytest.mark.parametrize("moment", ["before-plan", "after-plan", "before-ledger"])
def test_a_second_instance_posts_under_no_other_intent(moment):
    """Another instance that comes in once this one has read the ledger owns the key; this one finds it out and sends nothing."""
    world = World()
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    run_with_another_at(moment, world)
    assert len(world.tasks()) == 1
    assert Counter(world.states())["CREATED"] == 1
    assert Counter(world.states())["NOT_SENT"] == 1
    (state,) = key_states(world.store.ledger.all).values()
    assert not state.open_intents
    assert not world.store.pending


@pytest.mark.parametrize("moment", ["before-plan", "after-plan", "before-ledger"])
def test_what_another_instance_left_to_a_person_is_not_sent_again(moment):
    """Without external references a POST in doubt is UNKNOWN: whoever comes in second leaves it to a person too."""
    world = World(with_policy(supports_external_reference=False))
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.api.control.fault("drop_after_commit", method="POST", count=1)
    run_with_another_at(moment, world)
    assert len(world.tasks()) == 1
    assert [one.letter.reason for one in world.store.letters.values()] == ["task-unknown"]


def test_a_new_checkpoint_reads_everything_again_and_creates_nothing():
    """Old records under a new query id are known: no task, no row, no message."""
    world = World(with_policy(max_retries=0))
    records = a_batch(world)[:3]
    world.run(*records)
    sent, rows, calls = len(world.store.sent), len(world.store.ledger.all), len(world.api.control.requests())
    world.restart()
    world.flow.run(records, BatchRef(query_id="another", batch_id=0))
    assert (len(world.store.sent), len(world.store.ledger.all)) == (sent, rows)
    assert len(world.api.control.requests()) == calls
    assert len(world.messages(DLQ)) == 1


@pytest.mark.parametrize("steps", range(STEPS))
def test_what_a_killed_batch_left_open_is_done_under_a_new_checkpoint(steps):
    """Killed at its nth step, and its query never seen again: a new one makes one task for each resolved event."""
    world = World(with_policy(max_retries=20))
    records = a_batch(world)
    world.crash_after(steps)
    with contextlib.suppress(Crash):
        world.flow.run(records, BatchRef(query_id="lost", batch_id=0))
    world.restart()
    world.run_surviving(*records)
    settle(world)
    assert sorted(reference_counts(world).values()) == [1, 1]
    assert set(world.store.pending) == {"e3"}
    assert [one.letter.reason for one in world.store.letters.values()] == ["undecodable"]
    assert intents_precede_posts(world)


@pytest.mark.parametrize("steps", range(6))
def test_a_replay_that_a_lost_query_had_taken_up_is_taken_up_again(steps):
    """Killed amid a replay, and its query never seen again: the letter comes to its task all the same, once."""
    world = World(with_policy(max_retries=0))
    world.run(world.event("e1", "C1"))
    (letter_id,) = world.store.letters
    world.store.letters[letter_id].state = "REPLAYED"
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    headers = ((DEAD_LETTER_ID, letter_id.encode()), (REPLAY_COUNT, b"1"))
    replay = world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers)
    world.restart()
    world.crash_after(steps)
    with contextlib.suppress(Crash):
        world.flow.run([replay], BatchRef(query_id="lost", batch_id=0))
    world.restart()
    world.run_surviving(replay)
    settle(world)
    assert sorted(reference_counts(world).values()) == [1]
    assert world.store.letters[letter_id].state == "RESOLVED"


def test_a_stop_amid_the_posts_keeps_the_rest():
    """Once a stop is asked for nothing more is sent; what was not sent waits, due at once, without an attempt used."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.put_project(5)

    def stop_after_the_first(name: str) -> None:
        world.is_stopping = world.is_stopping or name == "after-post"

    world.claimx._hook = stop_after_the_first
    world.run(*(world.event(f"e{n}", "C1") for n in range(3)))
    assert len(world.tasks()) == 1
    assert {wait.subject.attempts for wait in world.store.pending.values()} == {0}
    world.is_stopping = False
    world.restart()
    world.claimx._hook = lambda _: None
    world.pass_(1)
    world.run()
    assert sorted(reference_counts(world).values()) == [1, 1, 1]


def test_a_truncated_checkpoint_loses_no_record():
    """A batch id that comes again with more records than its plan has seen: what the plan knows is done, the rest too."""
    world = World()
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    first, second = world.event("e1", "C1"), world.event("e2", "C1")
    world.run(first)
    world.restart()
    for _ in range(2):
        world.flow.run([first, second, world.record(b"?")], BatchRef(query_id="q", batch_id=0))
    assert sorted(reference_counts(world).values()) == [1, 1]


def test_a_checkpoint_that_was_put_back_loses_no_record():
    """Batch numbers that have old plans come again with other records, in one process: each event has its task."""
    world = World()
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.run()
    for event_id in "abc":
        world.run(world.event(event_id, "C1"))
    world.batch_id = 1
    world.restart()
    world.run(*(world.event(event_id, "C1") for event_id in "abc"))
    for event_id in "xyz":
        world.run(world.event(event_id, "C1"))
    settle(world)
    assert sorted({row.event_id for row in world.store.ledger.all}) == [*"abcxyz"]
    assert sorted(reference_counts(world).values()) == [1] * 6


def test_an_event_that_is_given_up_is_never_nowhere():
    """Killed between its letter and its pending row, by a query that never runs again, it is in both: one stays open."""
    world = World(with_policy(max_retries=1))
    world.run(world.event("e1", "C1"))
    world.pass_(60)

    def before_pending(step: str) -> None:
        if step == "before-pending":
            raise Crash

    world.store.hook = before_pending
    with contextlib.suppress(Crash):
        world.run()
    world.store.hook = lambda _: None
    assert ("e1" in world.store.pending, len(world.store.letters)) == (True, 1)
    world.restart()
    world.flow.run([], BatchRef(query_id="another", batch_id=0))
    assert not world.store.pending
    assert [one.state for one in world.store.letters.values()] == ["OPEN"]
