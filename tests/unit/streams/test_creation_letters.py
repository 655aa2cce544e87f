"""Letters that go back and end again: no event gets a second task by them, and none is asked about behind its back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from claimx_lib.streams.context import BatchRef
from tests.fakes.creation import DLQ, RETRY, REVIEW, Crash, World, mapped, states, with_letter, with_policy, xact_bytes

NO_REFERENCE = {"supports_external_reference": False}


def touched(world: World, times: int = 3) -> None:
    """The mapping's row of the claim changes again and again; its project stays."""
    for _ in range(times):
        world.pass_(200)
        world.store.map("C1", 5)
        world.run()


def test_a_recovered_event_in_doubt_makes_no_second_task_when_its_mapping_changes() -> None:
    """Its POST's answer is lost, ClaimX can't be asked: `task-unknown` is a person's, the first letter is over."""
    world = with_letter(**NO_REFERENCE)
    mapped(world)
    world.api.control.fault("drop_after_commit", method="POST", count=1)
    world.run()
    assert states(world) == [("project-not-found", "RESOLVED"), ("task-unknown", "OPEN")]
    (why,) = (one.why for one in world.store.letters.values() if one.state == "RESOLVED")
    assert "ended in letter" in why
    touched(world)
    assert world.states() == ["INTENT", "UNKNOWN"]
    assert len(world.tasks()) == 1


def test_a_rejected_recovery_is_not_sent_again_when_its_mapping_changes() -> None:
    """A 403 to its POST is for a person: one POST, one letter, one DLQ message more, whatever the mapping does."""
    world = with_letter()
    mapped(world)
    world.api.control.fault("status", status=403, method="POST")
    world.run()
    touched(world)
    assert states(world) == [("project-not-found", "RESOLVED"), ("task-rejected", "OPEN")]
    assert len([r for r in world.api.control.requests() if r["method"] == "POST"]) == 1
    assert len(world.messages(DLQ)) == 2


def test_a_mapping_recovers_a_letter_of_an_outage() -> None:
    """Given up because ClaimX did not answer: its mapping, when it arrives, makes the task and closes the letter."""
    world = World(with_policy(max_age_hours=1.0))
    world.api.control.fault("status", status=503)
    for _ in range(5):
        world.run(*([world.event("e1", "C1")] if world.batch_id == 0 else []))
        world.pass_(1000)
    assert states(world) == [("api-unavailable", "OPEN")]
    world.api.control.clear_faults()
    world.pass_(60)
    mapped(world)
    world.run()
    assert states(world) == [("api-unavailable", "RESOLVED")]
    assert len(world.tasks()) == 1


def test_a_recovered_letter_that_is_open_again_is_nobodys() -> None:
    """Ada gave it a project that ClaimX does not have: tried again and given up again, it waits for a new decision."""
    world = World(with_policy(max_retries=1))
    world.run(world.event("e1", "C1"))
    world.pass_(200)
    world.run()
    (letter,) = world.store.letters.values()
    letter.by, letter.why = "ada", "phoned"
    world.store.map("C1", 5)
    world.run()
    assert (letter.state, letter.by) == ("REPLAYED", "ada")
    world.store.mapped.clear()
    for _ in range(3):
        world.pass_(200)
        world.run()
    assert (letter.state, letter.by, letter.why) == ("OPEN", None, None)


def test_a_decision_on_its_way_is_kept() -> None:
    """A mapping that settles nothing comes before Ada's: the letter was open all the time and is hers still, so that hers takes it up."""
    world = World(with_policy(on_unresolved="dead_letter"), auto_recover=False)
    world.run(world.event("e1", "C1"))
    (letter,) = world.store.letters.values()
    letter.by = "ada"
    world.store.map("C1", 4)
    world.run()
    assert (letter.state, letter.by) == ("OPEN", "ada")
    mapped(world)
    world.run()
    assert (letter.state, letter.by, len(world.tasks())) == ("RESOLVED", "ada", 1)


def test_a_discarded_letter_brings_nothing_back() -> None:
    """A replay that finds nothing again ends in a letter of its own; that one discarded, no mapping makes a task."""
    world = with_letter(max_retries=0)
    (letter_id,) = world.store.letters
    world.store.letters[letter_id].state = "REPLAYED"
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    replay = world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers)
    world.run(replay)
    assert sorted(one.state for one in world.store.letters.values()) == ["OPEN", "RESOLVED"]
    assert world.store.letters[letter_id].state == "RESOLVED"
    for one in world.store.letters.values():
        one.state = "DISCARDED" if one.state == "OPEN" else one.state
    mapped(world)
    world.run()
    assert not world.tasks()
    sent, letters = len(world.store.sent), len(world.store.letters)
    world.run(replay)  # read again, from a new checkpoint
    assert (len(world.store.sent), len(world.store.letters)) == (sent, letters)


def test_a_mended_replay_that_cannot_be_read_leaves_one_open_letter() -> None:
    """What was sent back is refused: its own letter is a person's, the first one is over, and can be read of."""
    world = World()
    world.run(world.record(b"?"))
    (letter_id,) = world.store.letters
    world.store.letters[letter_id].state = "REPLAYED"
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    world.run(world.record(b"??", topic=RETRY, headers=headers))
    assert states(world) == [("undecodable", "OPEN"), ("undecodable", "RESOLVED")]
    assert world.store.letters[letter_id].state == "RESOLVED"
    assert world.store.letters[letter_id].why.startswith("it went back, and ended in letter ")


@pytest.mark.parametrize("steps", range(7))
def test_a_crash_at_any_step_leaves_one_open_letter_for_each(steps: int) -> None:
    """A replay that finds nothing and one that can't be read, in one batch that is killed at its nth step and run again."""
    world = World(with_policy(on_unresolved="dead_letter", max_retries=0))
    world.run(world.event("e1", "C1"), world.record(b"?"))
    ids = {one.letter.reason: letter_id for letter_id, one in world.store.letters.items()}
    for one in world.store.letters.values():
        one.state = "REPLAYED"
    values = {"project-not-found": xact_bytes("e1", "C1"), "undecodable": b"??"}
    records = [
        world.record(value, topic=RETRY, headers=[("x-dead-letter-id", ids[reason].encode()), ("x-replay-count", b"1")])
        for reason, value in values.items()
    ]
    passed = len(world.passed)
    world.crash_after(steps)
    world.run_surviving(*records)
    assert len(world.passed) - passed > steps, "no crash came"
    assert states(world) == [(reason, state) for reason in sorted(values) for state in ("OPEN", "RESOLVED")]
    assert {world.store.letters[letter_id].state for letter_id in ids.values()} == {"RESOLVED"}


def test_an_event_that_ends_in_an_older_letter_of_its_own_is_open_there() -> None:
    """No project, then two, then none again: the first letter is open once more, and a mapping brings its event back."""
    world = World(with_policy(max_retries=1))

    def until_it_ends() -> None:
        for _ in range(4):
            world.pass_(200)
            world.run()

    world.run(world.event("e1", "C1"))
    until_it_ends()
    assert states(world) == [("project-not-found", "OPEN")]
    world.store.map("C1", 5)  # ClaimX knows no such project: its POST is a 404
    world.run()
    world.store.mapped.clear()
    world.api.control.put_projects([{"project_id": n, "claim_number": "C1"} for n in (6, 7)])
    until_it_ends()
    assert states(world) == [("ambiguous-project", "OPEN"), ("project-not-found", "RESOLVED")]
    world.api.control.reset()
    world.store.map("C1", 8)
    world.run()
    world.store.mapped.clear()
    until_it_ends()
    assert states(world) == [("ambiguous-project", "RESOLVED"), ("project-not-found", "OPEN")]
    world.store.map("C1", 9)
    world.api.control.put_project(9)
    world.run()
    assert [task["project_id"] for task in world.tasks()] == [9]
    assert {state for _, state in states(world)} == {"RESOLVED"}


@pytest.mark.parametrize("is_replay", [True, False], ids=["replayed", "recovered"])
def test_a_kill_amid_the_post_of_what_came_back_ends_as_unknown(*, is_replay: bool) -> None:
    """The INTENT of the killed run is closed as UNKNOWN after its time: that is this event's end, not a reason to send."""
    world = with_letter(max_retries=0, **NO_REFERENCE)
    (letter_id,) = world.store.letters
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    records = [world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers)] if is_replay else []
    mapped(world)
    world.claimx._hook = lambda name: (_ for _ in ()).throw(Crash(name)) if name == "after-post" else None
    with pytest.raises(Crash):
        world.run(*records)
    world.claimx._hook = lambda _: None
    world.restart()
    world.run(*records)
    for _ in range(4):
        world.pass_(200)
        world.run()
    assert world.states() == ["INTENT", "UNKNOWN"]
    assert len(world.tasks()) == 1
    assert ("task-unknown", "OPEN") in states(world)
    assert not world.store.pending


def test_a_stop_amid_the_posts_gives_up_nothing_that_waited_long() -> None:
    """Events that are older than max_age_hours, and that a stop keeps from being sent, wait on: nobody was called."""
    world = World(with_policy(max_age_hours=1.0))
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("status", status=401)
    world.run(*(world.event(f"e{n}", "C1") for n in range(4)))
    world.api.control.clear_faults()
    world.pass_(7200)
    world.restart()

    def stop_after_the_first(name: str) -> None:
        world.is_stopping = world.is_stopping or name == "after-post"

    world.claimx._hook = stop_after_the_first
    world.run()
    assert len(world.tasks()) == 1
    assert not world.store.letters
    assert len(world.store.pending) == 3


@pytest.mark.parametrize("fault", [{"status": 401}, None], ids=["refused token", "a stop"])
def test_a_doubt_is_not_closed_by_a_look_that_told_nothing(fault: dict[str, int] | None) -> None:
    """An INTENT older than max_age_hours stays in doubt where the look was refused or never made; then it is adopted."""
    world = World(with_policy(max_age_hours=1.0))
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("drop_after_commit", method="POST", count=1)
    world.run(world.event("e1", "C1"))
    assert list(world.store.pending) == ["e1"]
    world.pass_(7200)
    if fault is None:
        world.is_stopping = True
    else:
        world.api.control.fault("status", **fault)
    world.run()
    assert "UNKNOWN" not in world.states()
    assert not world.store.letters
    world.is_stopping = False
    world.api.control.clear_faults()
    world.restart()
    world.pass_(120)
    world.run()
    assert world.states() == ["INTENT", "ADOPTED"]
    assert len(world.tasks()) == 1


def test_a_replay_asks_anew_whatever_was_missed_just_before() -> None:
    """Somebody makes the project and sends the letter back at once: ClaimX is asked, though it had none a moment ago."""
    world = World(with_policy(max_retries=0))
    world.run(world.event("e1", "C1"))
    (letter_id,) = world.store.letters
    world.api.control.put_project(5, "C1")
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    assert len(world.tasks()) == 1
    assert world.store.letters[letter_id].state == "RESOLVED"
    assert world.store.plan(BatchRef(query_id="q", batch_id=1)) is not None


def test_a_letter_whose_mapping_arrives_while_claimx_asks_to_wait_is_recovered() -> None:
    """The mapping comes within the time of a 429's `Retry-After`: the event waits for its end, and has its task."""
    world = World(with_policy(max_age_hours=1.0))
    world.api.control.put_projects([{"project_id": 5, "claim_number": "C1"}, {"project_id": 6}])
    world.api.control.fault("status", status=429, retry_after="3600", method="POST", count=2)
    world.run(world.event("e1", "C1"))
    world.pass_(3602)
    world.run()
    assert states(world) == [("api-unavailable", "OPEN")]
    world.pass_(300)
    world.store.map("C1", 6)
    world.run()
    world.pass_(3600)
    world.run()
    assert states(world) == [("api-unavailable", "RESOLVED")]
    assert len(world.tasks()) == 1


def test_a_replay_that_no_rule_takes_is_a_letter_again() -> None:
    """Its type has no rule: the letter that it came from is over, and the new one says why."""
    world = with_letter()
    (letter,) = world.store.letters
    world.store.letters[letter].state = "REPLAYED"
    headers = [("x-dead-letter-id", letter.encode()), ("x-replay-count", b"1")]
    world.run(world.record(xact_bytes("e1", "C1", event_type="unknown"), topic=RETRY, headers=headers))
    assert states(world) == [("invalid-field", "OPEN"), ("project-not-found", "RESOLVED")]


def test_a_task_unknown_of_one_event_is_no_other_events_to_send() -> None:
    """One task a claim, and ClaimX can't be asked: an earlier event whose mapping arrives sends nothing behind it."""
    rules = {"ESTIMATE_CREATED": (replace(REVIEW, once_per="claim"),)}
    world = World(with_policy(rules=rules, max_retries=0, **NO_REFERENCE))
    world.run(world.event("b", "C1"))
    world.api.control.put_project(5, "C1")
    world.pass_(60)
    world.api.control.fault("hang_after_commit", method="POST", count=1)
    world.run(world.event("a", "C1"))
    touched(world)
    assert len(world.tasks()) == 1
    assert [row.state for row in world.store.ledger.all].count("UNKNOWN") == 1
    assert ("task-unknown", "OPEN") in states(world)


def test_a_replay_of_a_letter_that_is_over_brings_nothing() -> None:
    """Sent while the letter's mapping was already making its task, whose answer was lost: UNKNOWN is for a person, by its own letter."""
    world = with_letter(**NO_REFERENCE)
    (letter_id,) = world.store.letters
    mapped(world)
    world.api.control.fault("drop_after_commit", method="POST", count=1)
    world.run()
    assert states(world) == [("project-not-found", "RESOLVED"), ("task-unknown", "OPEN")]
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    world.pass_(5)
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    touched(world)
    assert len(world.tasks()) == 1
    assert ("task-unknown", "OPEN") in states(world)


def test_of_two_letters_of_a_claim_the_unknown_one_may_be_sent_again() -> None:
    """One task a claim, and ClaimX can't be asked: replayed together, the event that ended as UNKNOWN makes the task."""
    rules = {"ESTIMATE_CREATED": (replace(REVIEW, once_per="claim"),)}
    world = World(with_policy(rules=rules, max_retries=0, **NO_REFERENCE), auto_recover=False)
    world.run(world.event("b", "C1"))
    world.api.control.put_project(5, "C1")
    world.pass_(60)
    world.api.control.fault("reset", method="POST", count=1)
    world.run(world.event("a", "C1"))
    world.pass_(600)
    world.run()
    assert states(world) == [("project-not-found", "OPEN"), ("task-unknown", "OPEN")]
    world.pass_(60)
    back = []
    for letter, one in list(world.store.letters.items()):
        one.state = "REPLAYED"
        headers = [("x-dead-letter-id", letter.encode()), ("x-replay-count", b"1")]
        back.append(world.record(xact_bytes(one.letter.event_id, "C1"), topic=RETRY, headers=headers))
    world.run(*back)
    assert {state for _, state in states(world)} == {"RESOLVED"}
    assert len(world.tasks()) == 1


@pytest.mark.parametrize("wait", [0, 100], ids=["before its row is due", "when it is due"])
def test_a_mended_replay_takes_the_place_of_its_events_row(wait: int) -> None:
    """The sender has mended its record, whose event waits; a person sends the letter back too: one task, and no letter is left."""
    world = World()
    broken = world.record(xact_bytes("e1", None))
    world.run(broken)
    (letter_id,) = world.store.letters
    world.run(world.event("e1", "C1"))
    assert "e1" in world.store.pending
    world.store.letters[letter_id].state = "REPLAYED"
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    replay = world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers)
    world.pass_(wait)
    world.run(replay)
    world.run(replay)
    assert [wait.subject.attempts for wait in world.store.pending.values()] == [1]
    mapped(world)
    world.run()
    assert len(world.tasks()) == 1
    assert states(world) == [("missing-claim_number", "RESOLVED")]
    assert not world.store.pending
