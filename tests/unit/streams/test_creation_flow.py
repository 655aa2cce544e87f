"""The recipe of a batch: each scenario, each solution, each way back, on tables in memory."""

from __future__ import annotations

import json

import pytest

from tests.fakes.creation import DLQ, RETRY, SYNC, World, with_policy, xact_bytes


def headers_of(message):
    return {name: value.decode() for name, value in message.headers}


def test_project_not_found_retries():
    """A claim without a project is published to the retry topic, unchanged, with x-retry-count "1"."""
    world = World()
    record = world.event("e1", "ABC123456")
    world.run(record)
    assert [message.topic for message in world.store.sent] == [RETRY]
    message = world.store.sent[0]
    assert message.value == record.value
    told = headers_of(message)
    assert told.pop("x-attempt-id")
    assert told == {"x-retry-count": "1", "x-claim-number": "ABC123456", "x-retry-after": "30", "x-event-id": "e1"}
    assert world.store.pending["e1"].subject.attempts == 1


def test_three_retries_then_the_dead_letter_queue():
    """After the first try and three retries the event is a dead letter, with both forms of the document on the topic."""
    world = World()
    record = world.event("e1", "ABC123456")
    world.run(record)
    for _ in range(3):
        world.pass_(30)
        world.run()
    assert [headers_of(m)["x-retry-count"] for m in world.messages(RETRY)] == ["1", "2", "3"]
    (message,) = world.messages(DLQ)
    assert headers_of(message) == {
        "x-dlq-reason": "project-not-found",
        "x-claim-number": "ABC123456",
        "x-event-id": "e1",
    }
    payload = json.loads(message.value)
    event = json.loads(record.value)
    assert payload == {
        "claim_number": "ABC123456",
        "event_type": "ESTIMATE_CREATED",
        "event_id": "e1",
        "timestamp": "2026-01-10T11:00:00.000Z",
        "reason": "ClaimX project not found after 3 retries",
        "reason_code": "project-not-found",
        "original_message": event,
        "event": event,
    }
    assert not world.store.pending
    (letter,) = world.store.letters.values()
    assert (letter.letter.reason, letter.letter.attempts, letter.state) == ("project-not-found", 4, "OPEN")


def test_not_before_its_time():
    """A row that is not due is not tried, and an idle batch commits nothing and calls nobody."""
    world = World()
    world.run(world.event("e1", "C1"))
    before, calls = world.store.commits, len(world.api.control.requests())
    world.pass_(29)
    world.run()
    assert (world.store.commits, len(world.api.control.requests())) == (before, calls)
    world.pass_(1)
    world.run()
    assert world.store.commits > before


def test_a_mapping_wakes_its_own_claims_at_once_without_a_call():
    """The mapping of a waiting claim creates its task in the next batch; other claims go on waiting; nobody is asked."""
    world = World()
    world.run(world.event("e1", "C1"), world.event("e2", "C2"))
    world.api.control.put_project(77)
    searches = len([r for r in world.api.control.requests() if r["method"] == "GET"])
    world.store.map("C1", 77)
    world.run()
    assert [task["project_id"] for task in world.tasks()] == [77]
    assert set(world.store.pending) == {"e2"}
    assert world.store.pending["e2"].subject.attempts == 1
    assert len([r for r in world.api.control.requests() if r["method"] == "GET"]) == searches


def test_a_feed_that_is_gone_looks_at_every_row_once():
    """Where the mapping's changes can't be told any more, every pending claim is looked up in the mapping."""
    world = World()
    world.run(world.event("e1", "C1"))
    world.api.control.put_project(77)
    world.store.map("C1", 77)
    world.store.is_feed_gone = True
    world.run()
    assert len(world.tasks()) == 1


def test_an_api_hit_is_told_to_project_sync():
    """A claim that the API knows in another format makes its task, and an identity event with the number as given."""
    world = World()
    world.api.control.put_project(12, "abc123456")
    world.run(world.event("e1", "ABC-123456"))
    assert [task["project_id"] for task in world.tasks()] == [12]
    told = json.loads(world.messages(SYNC)[0].value)
    assert (told["claim_number"], told["project_id"], told["domain"]) == ("ABC-123456", 12, "claimx")
    assert "abc123456" in told["why"]


def test_ambiguous_claims_go_to_a_person_at_once():
    """Several projects for one claim: no guess, no retry, a letter and a DLQ message with the candidates."""
    world = World()
    world.api.control.put_project(1, "C1")
    world.api.control.put_project(2, "C1")
    world.run(world.event("e1", "C1"))
    assert not world.tasks()
    assert not world.messages(RETRY)
    payload = json.loads(world.messages(DLQ)[0].value)
    assert [c["project_id"] for c in payload["candidates"]] == [1, 2]
    assert payload["reason_code"] == "ambiguous-project"


def test_a_mapping_that_arrives_later_recovers_its_dead_letter():
    """Auto-recovery creates the task, resolves the letter, and notes what brought it back."""
    world = World(with_policy(on_unresolved="dead_letter"))
    world.run(world.event("e1", "C1"))
    assert json.loads(world.messages(DLQ)[0].value)["reason"] == "ClaimX project not found"
    world.api.control.put_project(5)
    world.store.map("c-1", 5)
    world.run()
    (letter,) = world.store.letters.values()
    assert (letter.state, letter.by) == ("RESOLVED", "auto_recover")
    assert "project 5" in letter.why
    assert len(world.tasks()) == 1


def test_conditional_creation_skips_and_stays_skipped():
    """With the mapping alone and `skip`, an unmapped claim is a SKIPPED row, and a later mapping changes nothing."""
    world = World(with_policy(on_unresolved="skip"), resolve_with=("mapping",))
    world.run(world.event("e1", "C1"))
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.run(world.event("e1", "C1"))
    assert world.states() == ["SKIPPED"]
    assert not world.api.control.requests()


def test_a_duplicate_makes_no_second_task():
    """An event delivered twice, in one batch or in two, or echoed by the retry topic, makes one task."""
    world = World()
    world.run(world.event("e1", "C1"), world.event("e1", "C1"))
    echo = world.messages(RETRY)[0]
    world.api.control.put_project(5)
    world.store.map("C1", 5)
    world.run(world.record(bytes(echo.value), topic=RETRY, headers=echo.headers))
    world.run(world.event("e1", "C1"))
    assert len(world.tasks()) == 1
    assert not world.store.pending


def test_an_unknown_event_on_the_retry_topic_starts_at_its_count():
    """A message of another producer goes on at its x-retry-count, and not before its x-retry-after."""
    world = World()
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=[("x-retry-count", b"3")]))
    assert len(world.messages(DLQ)) == 1
    world.run(
        world.record(xact_bytes("e2", "C2"), topic=RETRY, headers=[("x-retry-count", b"1"), ("x-retry-after", b"60")])
    )
    assert world.store.pending["e2"].subject.attempts == 1
    world.pass_(60)
    world.run()
    assert world.store.pending["e2"].subject.attempts == 2


@pytest.mark.parametrize("garbled", [b"\xff", b"-1", b"many", b"", b"9" * 400, None])
def test_a_garbled_header_counts_as_absent(garbled):
    """Headers that can't be read start the event at its first try; the batch goes on."""
    world = World()
    headers = [("x-retry-count", garbled), ("x-retry-after", garbled), ("x-dead-letter-id", garbled)]
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    assert world.store.pending["e1"].subject.attempts == 1


def test_a_replay_counts_once():
    """A letter that comes back is tried again; the same replay read again is not."""
    world = World(with_policy(max_retries=0))
    world.run(world.event("e1", "C1"))
    (letter_id,) = world.store.letters
    headers = [("x-dead-letter-id", letter_id.encode()), ("x-replay-count", b"1")]
    world.api.control.put_project(5, "C1")
    world.pass_(60)
    for _ in range(2):
        world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    assert len(world.tasks()) == 1
    assert world.store.letters[letter_id].state == "RESOLVED"


def test_what_cannot_be_read_is_a_dead_letter_and_other_types_are_not_ours():
    """Each record ends once: refused with its reason, or counted as not ours; the batch goes on."""
    world = World()
    values = [
        None,
        b"\xff",
        b"[1]",
        b'{"event_type":"ESTIMATE_CREATED"}',
        xact_bytes("e1", "---"),
        xact_bytes("e1", 10**60),
    ]
    values += [
        xact_bytes("e1", None),
        xact_bytes("e1", "C", event_type="OTHER"),
        b'{"a":' * 10_000,
        xact_bytes("e2", 123),
    ]
    world.run(*(world.record(value) for value in values))
    reasons = [one.letter.reason for one in world.store.letters.values()]
    assert sorted(reasons) == sorted(
        ["undecodable"] * 4
        + ["missing-event_id", "invalid-claim-number", "invalid-claim-number", "missing-claim_number"]
    )
    assert world.flow.counts == {"not_ours": 1, "dead_letter": 8, "taken_in": 1, "known": 0}
    assert world.store.pending["e2"].subject.event.claim_number == "123"


def test_an_outage_uses_no_attempt_and_gives_nothing_up():
    """While the API fails events wait without an attempt used and nothing is published; when it is back they go on."""
    world = World()
    world.api.control.fault("status", status=503)
    world.run(world.event("e1", "C1"))
    for _ in range(20):
        world.pass_(31)
        world.run()
    assert world.store.pending["e1"].subject.attempts == 0
    assert not world.store.sent
    world.api.control.clear_faults()
    world.api.control.put_project(5, "C1")
    world.pass_(31)
    world.run()
    assert len(world.tasks()) == 1


@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_a_rejected_task_is_for_a_person(status):
    """Another 4xx to the POST is a REJECTED row and the letter `task-rejected`; it is not sent again."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.fault("status", status=status, method="POST")
    world.run(world.event("e1", "C1"))
    world.pass_(3600)
    world.run()
    assert world.states() == ["INTENT", "REJECTED"]
    assert [one.letter.reason for one in world.store.letters.values()] == ["task-rejected"]


def test_a_rate_limit_waits_as_long_as_it_asks():
    """A 429 to the POST is NOT_SENT, and the event waits for its Retry-After without an attempt used."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("status", status=429, retry_after="120", method="POST", count=1)
    world.run(world.event("e1", "C1"))
    assert world.states() == ["INTENT", "NOT_SENT"]
    world.pass_(119)
    world.run()
    assert not world.tasks()
    world.pass_(1)
    world.run()
    assert len(world.tasks()) == 1


def test_a_project_that_is_gone_is_looked_for_anew():
    """A 404 to the POST uses an attempt, and the next try does not trust the mapping's project any more."""
    world = World()
    world.store.map("C1", 5)
    world.run(world.event("e1", "C1"))
    assert world.store.pending["e1"].subject.attempts == 1
    world.api.control.put_project(6, "C1")
    world.pass_(30)
    world.run()
    assert [task["project_id"] for task in world.tasks()] == [6]


@pytest.mark.parametrize("kind", ["drop_after_commit", "hang_after_commit", "garbage", "truncated_json"])
def test_a_create_that_lost_its_answer_is_adopted(kind):
    """ClaimX commits and drops the answer: the task is found by its reference and adopted, never sent again."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault(kind, method="POST", count=1)
    world.run(world.event("e1", "C1"))
    assert world.states() == ["INTENT"]
    world.pass_(10)
    world.run()
    assert world.states() == ["INTENT", "ADOPTED"]
    assert len(world.tasks()) == 1
    assert not world.store.pending


def test_a_create_that_did_not_happen_is_sent_again_only_after_its_time():
    """A POST in doubt that two looks after expiry and settling do not find is sent again, under a new INTENT."""
    world = World()
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.api.control.fault("reset", method="POST", count=1)
    world.run(world.event("e1", "C1"))
    world.pass_(10)
    world.run()
    assert not world.tasks()
    world.pass_(60 + 30 + 30)
    world.run()
    assert world.states() == ["INTENT", "NOT_SENT"]
    world.run()
    assert world.states() == ["INTENT", "NOT_SENT", "INTENT", "CREATED"]
    assert len(world.tasks()) == 1


def test_without_a_reference_a_doubt_is_for_a_person():
    """Where ClaimX knows no external_reference, a create in doubt is UNKNOWN and the letter `task-unknown`."""
    world = World(with_policy(supports_external_reference=False))
    world.store.map("C1", 5)
    world.api.control.fault("reset", method="POST", count=1)
    world.run(world.event("e1", "C1"))
    assert world.states() == ["INTENT", "UNKNOWN"]
    assert [one.letter.reason for one in world.store.letters.values()] == ["task-unknown"]


def test_a_hit_that_is_told_again_later_is_another_event():
    """Turned away by a 429 and found once more: two statements at two times, each with an id of its own."""
    world = World()
    world.api.control.put_project(12, "C1")
    world.api.control.fault("status", method="POST", status=429, count=1)
    world.run(world.event("e1", "C1"))
    world.pass_(60)
    world.run()
    told = [json.loads(message.value) for message in world.messages(SYNC)]
    assert len(told) == len({one["event_id"] for one in told}) == len({one["timestamp"] for one in told}) == 2
    assert len(world.tasks()) == 1


def test_an_api_that_knows_nobody_pauses_creation():
    """When 95 % of 200 claims come back "none", nothing is published and no attempt is used."""
    world = World()
    world.run(*(world.event(f"e{i}", f"C{i}") for i in range(1, 251)))
    assert not world.store.sent
    assert {wait.subject.attempts for wait in world.store.pending.values()} == {0}
    assert {wait.reason for wait in world.store.pending.values()} == {"paused"}


@pytest.mark.parametrize("once_per", ["claim", "estimate"])
def test_once_per_claim_or_estimate(once_per):
    """Two events of one claim or estimate make one task where the rule says so; the second is SKIPPED."""
    (rule,) = with_policy().rules["ESTIMATE_CREATED"]
    fields = {name: getattr(rule, name) for name in ("name", "task_type", "task_data")}
    world = World(with_policy(rules={"ESTIMATE_CREATED": (type(rule)(**fields, once_per=once_per),)}))
    world.store.map("C1", 5)
    world.api.control.put_project(5)
    world.run(world.event("e1", "C1", estimate={"id": "est"}), world.event("e2", "c-1", estimate={"id": "est"}))
    world.run(world.event("e3", "C1", estimate={"id": "est"}))
    assert len(world.tasks()) == 1
    assert sorted(row.event_id for row in world.store.ledger.all if row.state == "SKIPPED") == ["e2", "e3"]


def test_history_makes_no_tasks():
    """Events older than events_since are SKIPPED with their reason, and nobody is asked for them."""
    world = World(with_policy(events_since=World().clock.now()))
    world.run(world.event("e1", "C1"))
    assert world.states() == ["SKIPPED"]
    assert not world.api.control.requests()
