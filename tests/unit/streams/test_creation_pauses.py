"""What holds an event up, whom it does not hold up, and how letters come back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.fakes.creation import RETRY, SYNC, World, with_policy, xact_bytes


def test_a_refused_token_uses_no_attempt():
    """A 401 leaves every event waiting with its attempts, creates nothing, and a good token goes on."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("status", status=401)
    world.run(world.event("e1", "C1"), world.event("e2", "C2"))
    assert {wait.subject.attempts for wait in world.store.pending.values()} == {0}
    assert world.flow.calls.is_refused
    world.api.control.clear_faults()
    world.pass_(60)
    world.run()
    assert len(world.tasks()) == 1


def test_a_refused_token_pauses_creation():
    """While the token rests a batch writes nothing, wherever its claims are found; then one call asks for all."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("status", status=401)
    world.run(*(world.event(f"e{n}", "C1") for n in range(5)))
    rows = len(world.store.ledger.all)
    for _ in range(10):
        world.pass_(2)
        world.run()
    assert len(world.store.ledger.all) == rows
    world.pass_(30)
    calls = len(world.api.control.requests())
    world.run()
    assert len(world.api.control.requests()) - calls <= 2  # the same token is read once more
    assert len(world.store.ledger.all) - rows == 2
    world.api.control.clear_faults()
    world.pass_(60)
    world.run()
    assert len(world.tasks()) == 5


def test_a_project_that_the_api_finds_and_denies_is_told_to_nobody():
    """Its search knows the project, its POST says 404: no identity event, which would wake the claim for ever."""
    world = World(with_policy(max_retries=1, retry_backoff_factor=1))
    world.api.control.put_project(5, "C1")
    world.api.control.fault("status", status=404, method="POST")
    world.run(world.event("e1", "C1"))
    for _ in range(5):
        world.pass_(60)
        world.run()
    assert not world.messages(SYNC)
    assert [one.letter.reason for one in world.store.letters.values()] == ["project-not-found"]
    assert not world.store.pending


def test_a_mapping_that_arrives_wakes_nobody_before_a_429s_time():
    """`Retry-After: 120` holds for the event, whatever becomes known of its claim meanwhile, also in a new process."""
    world = World()
    world.api.control.put_project(5, "C1")
    world.api.control.fault("status", status=429, retry_after="120", method="POST", count=1)
    world.run(world.event("e1", "C1"))
    world.restart()
    for _ in range(5):
        world.store.map("C1", 5)
        world.pass_(20)
        world.run()
    assert not world.tasks()
    world.pass_(21)
    world.run()
    assert len(world.tasks()) == 1


def test_without_auto_recovery_a_mapping_settles_what_a_person_has_seen_to():
    """A letter that a person has given a project to goes on when the mapping arrives; the others stay where they are."""
    world = World(with_policy(max_retries=0), auto_recover=False)
    world.api.control.put_project(5)
    world.run(world.event("e1", "C1"), world.event("e2", "C1"))
    first = next(iter(world.store.letters.values()))
    first.by = "ada"
    world.store.map("C1", 5)
    world.run()
    assert len(world.tasks()) == 1
    assert [one.state for one in world.store.letters.values()] == ["RESOLVED", "OPEN"]


@pytest.mark.parametrize("changes", [{"mode": "shadow"}, {"on_unresolved": "skip"}])
def test_a_replay_that_makes_no_task_leaves_its_letter_open(changes):
    """Back under settings that skip it: the letter waits for a person again, none in particular; its task comes once they do not."""
    world = World(with_policy(max_retries=0))
    world.run(world.event("e1", "C1"))
    (letter_id,) = world.store.letters
    letter = world.store.letters[letter_id]
    letter.state, letter.by, letter.why = "REPLAYED", "ada", "mended"
    if changes.get("mode"):
        world.api.control.put_project(5, "C1")
    world.policy = with_policy(**changes)
    world.restart()
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    assert (letter.state, letter.by, letter.why) == ("OPEN", None, None)
    world.api.control.put_project(5, "C1")
    world.policy = with_policy()
    world.restart()
    world.store.map("C1", 5)
    world.run()
    assert (len(world.tasks()), letter.state, letter.by) == (1, "RESOLVED", "auto_recover")


RULES = with_policy().rules["ESTIMATE_CREATED"]


def go_on_without_created(world: World) -> None:
    """The rule of ESTIMATE_CREATED is gone with a restart; then the project is there, and every row is due."""
    world.policy = with_policy(rules={"ESTIMATE_UPDATED": RULES})
    world.restart()
    world.api.control.put_project(5, "C1")
    world.pass_(3600)
    world.run()


def test_due_rows_of_a_type_without_a_rule_hold_up_nobody():
    """However many there are, the longest due of all: rows that can go on are taken all the same."""
    world = World(with_policy(rules={"ESTIMATE_CREATED": RULES, "ESTIMATE_UPDATED": RULES}), due_limit=2)
    for n in range(7):
        world.run(world.event(f"old{n}", "C9"))
    world.pass_(10)
    world.run(world.event("e1", "C1", event_type="ESTIMATE_UPDATED"))
    go_on_without_created(world)
    assert len(world.tasks()) == 1
    assert len(world.store.pending) == 7


def test_an_event_whose_type_has_lost_its_rule_waits_for_it():
    """It says so in its row, uses no attempt and no call, is looked at once an hour, and goes on when the rule is back."""
    world = World(with_policy(rules={"ESTIMATE_CREATED": RULES}))
    world.run(world.event("e1", "C1"))
    world.api.control.put_project(5, "C1")
    world.policy = with_policy(rules={"ESTIMATE_UPDATED": RULES})
    world.restart()
    calls, plans = len(world.api.control.requests()), len(world.store.plans)
    for _ in range(30):
        world.pass_(60)
        world.run()
    (wait,) = world.store.pending.values()
    assert (wait.reason, wait.subject.attempts, len(world.api.control.requests())) == ("no-rule", 1, calls)
    assert len(world.store.plans) == plans + 1
    world.store.map("C1", 5)
    world.run()
    assert len(world.store.pending) == 1, "woken by its mapping, it still has no rule"
    world.policy = with_policy(rules={"ESTIMATE_CREATED": RULES})
    world.restart()
    world.pass_(3600)
    world.run()
    assert (len(world.tasks()), world.store.pending) == (1, {})


def test_a_batch_takes_no_more_due_rows_than_its_limit():
    """Where dead rows have more than that read, those that can go on are still cut to it."""
    world = World(with_policy(rules={"ESTIMATE_CREATED": RULES, "ESTIMATE_UPDATED": RULES}), due_limit=2)
    for n in range(8):
        world.run(world.event(f"e{n}", "C1", event_type="ESTIMATE_CREATED" if n < 2 else "ESTIMATE_UPDATED"))
    go_on_without_created(world)
    assert len(world.tasks()) == 2


def test_one_claim_that_always_fails_holds_no_other_up():
    """ClaimX fails for one claim alone until the circuit opens: a claim of the mapping has its task soon all the same."""
    world = World()
    world.api.control.fault("status", status=500, method="GET", path="/api/v1/projects")
    world.run(world.event("e1", "C-BAD"))
    for _ in range(20):
        world.pass_(31)
        world.run()
        if world.flow.calls.open_until is not None:
            break
    assert world.flow.calls.open_until is not None
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.run(world.event("e2", "C1"))
    for _ in range(3):
        world.pass_(31)
        world.run()
    assert [task["project_id"] for task in world.tasks()] == [5]
    assert "e1" in world.store.pending


def test_an_api_that_knows_nobody_holds_no_mapped_claim_up_and_no_other_for_ever():
    """Nearly all claims have no project: one of the mapping has its task, the others are for people after max_age_hours
    of that, however long they had waited for something else.
    """
    world = World(with_policy(max_retries=1, max_age_hours=1.0))
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.run(*(world.event(f"n{n}", f"N{n}") for n in range(250)), world.event("e1", "C1"))
    assert len(world.tasks()) == 1
    assert {wait.reason for wait in world.store.pending.values()} == {"paused"}
    world.restart()
    world.pass_(7200)
    for _ in range(4):
        world.run()
        world.pass_(31)
    assert not world.store.letters
    for _ in range(4):
        world.pass_(1900)
        world.run()
    assert not world.store.pending
    assert {one.letter.reason for one in world.store.letters.values()} == {"project-not-found"}


def test_a_doubt_of_days_ago_gives_nothing_up_at_once():
    """It ended with mappings that arrived, not with a claim that the API found: the next one has its whole time."""
    world = World(with_policy(max_retries=1, max_age_hours=1.0, retry_delay_max_seconds=30.0))
    world.run(*(world.event(f"n{n}", f"N{n}") for n in range(250)))
    for n in range(250):
        world.store.map(f"N{n}", n + 1)
        world.api.control.put_project(n + 1)
    world.run()
    assert len(world.tasks()) == 250
    world.pass_(86_400)
    world.run(*(world.event(f"m{n}", f"M{n}") for n in range(250)))
    for _ in range(10):
        world.pass_(31)
        world.run()
    assert not world.store.letters
    assert {wait.reason for wait in world.store.pending.values()} == {"paused"}


def test_a_pause_that_is_over_holds_up_nobody_that_the_api_finds():
    """Hours of "none" to nearly all, and each batch still says so: what the API does find has its task."""
    world = World(with_policy(max_retries=100, max_age_hours=1.0, retry_delay_max_seconds=30.0))
    world.api.control.put_project(5, "C1")
    world.run(*(world.event(f"n{n}", f"N{n}") for n in range(250)), world.event("e1", "C1"))
    assert not world.tasks()
    for _ in range(4):
        world.pass_(1900)
        world.run()
    assert [task["project_id"] for task in world.tasks()] == [5]


@pytest.mark.parametrize(
    ("faults", "seconds"),
    [
        ([("status", {"status": 503, "retry_after": "600", "method": "POST"})], 600),
        (
            [
                ("reset", {"method": "POST"}),
                ("status", {"status": 429, "retry_after": "3600", "method": "GET", "path": "*/tasks"}),
            ],
            3600,
        ),
    ],
    ids=["create", "look-up"],
)
def test_what_is_in_doubt_waits_as_long_as_claimx_asks(faults, seconds):
    """`Retry-After` of a POST's 503, or of a look-up's 429, holds for the key: no look-up and no POST before it."""
    world = World()
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    for kind, told in faults:
        world.api.control.fault(kind, count=1, **told)
    world.run(world.event("e1", "C1"))
    for _ in range(400):
        world.pass_(10)
        world.run()
    between = [later["at"] - earlier["at"] for earlier, later in pairwise(world.api.control.requests())]
    assert between[len(faults) - 1] >= seconds
    assert len(world.tasks()) == 1
