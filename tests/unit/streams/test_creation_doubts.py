"""Sends whose answer was lost: looked for where they went, sent again where the claim is now, and not for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from claimx_lib.domain.api import ApiAnswer, ApiOutcome, TaskSearch
from claimx_lib.domain.creation.decisions import Create, Subject
from claimx_lib.domain.creation.entries import Work, work_row
from claimx_lib.domain.creation.events import decoded
from claimx_lib.domain.creation.ledger import KeyState, State
from claimx_lib.streams.context import BatchRef
from claimx_lib.streams.creation_doubts import Doubts
from tests.fakes.clock import BEGINNING
from tests.fakes.creation import POLICY, REVIEW, Crash, World, with_policy


class Claimx:
    """Has the task in one project, and honestly none in others."""

    def find_tasks(self, project_id: str, _reference: str) -> TaskSearch:
        return TaskSearch(answer=ApiAnswer(kind=ApiOutcome.OK), task_ids=("900",) if project_id == "6" else ())


def test_a_task_is_adopted_in_the_project_that_has_it() -> None:
    """Two sends ended in doubt, each in another project: the ledger names the one in which ClaimX has the task."""
    event = decoded(World().event("e1", "C1"), POLICY.rules)
    (task,) = POLICY.tasks_of(event)
    subject = Subject(event=event, attempt="c", first_seen_at=BEGINNING)
    works = [
        Work(create=Create(subject=subject, project_id=p, resolved_by="r", tasks=(task,)), task=task) for p in (5, 6)
    ]
    unknown = tuple(work_row(w, State.UNKNOWN, f"{n}.1", BEGINNING) for n, w in enumerate(works))
    doubts = Doubts(
        api=Claimx(),
        policy=POLICY,
        states={task.key: KeyState(rows=unknown)},
        now=lambda: BEGINNING + timedelta(hours=1),
        pause=lambda _: None,
        threads=1,
        hold=lambda *_: None,
    )
    (row,) = doubts.adopted(works[:1])
    assert (row.state, row.project_id, row.claimx_task_id, row.attempt_id) == (State.ADOPTED, 6, "900", "1.1")


def in_doubt(world: World, *, status: int = 500, **fault: object) -> None:
    """A claim that is mapped to project 5, and whose POST ended in doubt without being carried out."""
    for project in (5, 6):
        world.api.control.put_project(project)
    world.store.map("C1", 5)
    world.api.control.fault("status", method="POST", status=status, count=1, **fault)
    world.run(world.event("e1", "C1"))


def test_what_was_not_there_is_sent_to_the_project_of_now() -> None:
    """The claim moves to another project while its POST is in doubt: the task is made there, not where it was meant first."""
    world = World()
    in_doubt(world)
    world.store.map("C1", 6)
    for _ in range(3):
        world.pass_(130)
        world.run()
    assert [task["project_id"] for task in world.tasks()] == [6]
    looks = [r["path"] for r in world.api.control.requests() if r["method"] == "GET" and r["path"].endswith("/tasks")]
    assert {path.split("/")[4] for path in looks} == {"5"}, "looked for where it may be"


def test_a_mapping_shortens_no_wait_that_claimx_asked_for() -> None:
    """A 503 with Retry-After, and then the claim's mapping changes: neither look nor POST before the time."""
    world = World()
    in_doubt(world, status=503, retry_after="3600")
    calls = len(world.api.control.requests())
    for _ in range(20):
        world.store.map("C1", 5)
        world.pass_(170)
        world.run()
    assert len(world.api.control.requests()) == calls
    world.pass_(300)
    world.run()
    world.run()
    assert len(world.tasks()) == 1


def test_a_send_that_always_ends_in_doubt_goes_to_a_person() -> None:
    """ClaimX answers each POST of an event with 500 and has no task: after max_age_hours it is `api-unavailable`."""
    world = World(with_policy(max_age_hours=1.0))
    world.api.control.fault("status", method="POST", status=500)
    in_doubt(world)
    for _ in range(100):
        world.pass_(61)
        world.run()
    assert [one.letter.reason for one in world.store.letters.values()] == ["api-unavailable"]
    assert not world.store.pending
    assert world.states().count("INTENT") > 1


def test_a_long_standstill_gives_nothing_up_untried() -> None:
    """An INTENT left open for days: the first look that finds nothing is followed by a send."""
    world = World(with_policy(max_age_hours=1.0))
    in_doubt(world)
    world.pass_(7200)
    world.run()
    world.run()
    assert not world.store.letters
    assert len(world.tasks()) == 1


def test_a_rule_that_claimx_asked_to_wait_waits_beside_one_in_doubt() -> None:
    """Of two tasks of an event one is in doubt, the other was turned away by a 429: it is sent after its time alone."""
    both = {"ESTIMATE_CREATED": (REVIEW, replace(REVIEW, name="second"))}
    world = World(with_policy(rules=both))
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.api.control.fault("status", method="POST", status=500, count=1)
    world.api.control.fault("status", method="POST", status=429, retry_after="600", count=1)
    world.run(world.event("e1", "C1"))
    for _ in range(55):
        world.pass_(10)
        world.run()
    posts = [r for r in world.api.control.requests() if r["method"] == "POST"]
    assert len(posts) == 2
    for _ in range(15):
        world.pass_(10)
        world.run()
    assert len(world.tasks()) == 2


def test_a_woken_event_whose_row_knows_of_no_doubt_is_looked_for_at_once() -> None:
    """Killed amid the POST of a woken event, by a query that never runs again: its row says when it waits for something else."""
    world = World(with_policy(retry_delay_seconds=3600.0))
    world.run(world.event("e1", "C1"))
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.claimx._hook = lambda name: (_ for _ in ()).throw(Crash(name)) if name == "after-post" else None
    with pytest.raises(Crash):
        world.run()
    world.claimx._hook = lambda _: None
    world.restart()
    world.flow.run([], BatchRef(query_id="another", batch_id=0))
    assert world.states() == ["INTENT", "ADOPTED"]
    assert len(world.tasks()) == 1


def test_a_rule_that_was_sent_once_is_not_given_up_for_another() -> None:
    """Of two rules one was sent again and made its task; the other's first send is in doubt for days: it is sent again."""
    both = {"ESTIMATE_CREATED": (REVIEW, replace(REVIEW, name="second"))}
    world = World(with_policy(rules=both, max_age_hours=1.0))
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.api.control.fault("status", method="POST", status=500, count=1)
    world.api.control.fault("status", method="POST", status=429, retry_after="300", count=1)
    world.run(world.event("e1", "C1"))
    world.pass_(130)
    world.run()
    world.pass_(200)
    world.api.control.fault("status", method="POST", status=500, path="*", skip=1, count=1)
    world.run()
    world.pass_(7200)
    for _ in range(3):
        world.run()
        world.pass_(130)
    assert not world.store.letters
    assert len(world.tasks()) == 2
