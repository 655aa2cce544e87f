"""What people do with dead letters, on tables without a JVM and a broker that only listens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import ClaimxError, NotFound, UsageError
from claimx_lib.operations.dlq import LetterDesk, letters_meant
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import Tables, letter, letter_id

RETRY, TRACKING, SYNC = "xact.task-creation.retry", "itel.cabinet.task.tracking", "project.sync"


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path).create("dead_letters")


def row_of(tables: Tables, name: object):
    (row,) = tables.rows("dead_letters", f"dead_letter_id = '{letter_id(name)}'")
    return row


def test_a_replay_goes_to_the_retry_topic_with_its_count(desk, tables, sent):
    """The record goes back unchanged with x-dead-letter-id and x-replay-count, without its old x-retry-count."""
    old = [{"key": "x-retry-count", "value": b"3"}]
    tables.append("dead_letters", [letter(1, headers=old)])
    desk.replay((letter_id(1),), by="ada", why="projects are there")
    (message,) = sent
    row = row_of(tables, 1)
    assert (message.topic, message.key, message.value) == (RETRY, "ABC-123456", row["raw_value"])
    assert dict(message.headers) == {
        "x-event-id": b"evt-1",
        "x-claim-number": b"ABC-123456",
        "x-dead-letter-id": letter_id(1).encode(),
        "x-replay-count": b"1",
    }
    assert (row["state"], row["replay_count"], row["by"], row["why"]) == ("REPLAYED", 1, "ada", "projects are there")


def test_a_replay_never_loops(desk, tables, sent):
    """Beyond max_replays, counted over all letters of the event, nothing is sent and the letter stays open."""
    told = [{"key": "x-dead-letter-id", "value": letter_id(0).encode()}, {"key": "x-replay-count", "value": b"5"}]
    tables.append("dead_letters", [letter(1, headers=told), letter(2, replay_count=5), letter(3)])
    found = desk.replayable([letter_id(1), letter_id(2), letter_id(3)])
    assert [one.message is None for one in found] == [True, True, False]
    with pytest.raises(ClaimxError, match="max_replays"):
        desk.replay((letter_id(1), letter_id(3)), by="ada", why="again")
    assert not sent
    assert row_of(tables, 3)["state"] == "OPEN"


def test_each_pipeline_has_its_own_way_back(desk, tables):
    """Tracking letters go to the tracking topic with their x-source, a mended event with where it stood, mapping letters to
    project.sync; inputs of others never.
    """
    foreign = [{"key": "x-source", "value": b"elsewhere/9/9"}]
    source = [{"key": "x-source", "value": b"claimx.events/0/7"}]
    tables.append(
        "dead_letters",
        [
            letter(1, pipeline="task_tracking", reason="bad-timestamp", source_topic=TRACKING, headers=source),
            letter(2, pipeline="mapping_sync", reason="bad-timestamp", source_topic=SYNC),
            letter(3, pipeline="mapping_sync", reason="bad-timestamp", source_topic="claimx.events"),
            letter(4, pipeline="task_trigger", reason="undecodable", source_topic="claimx.events", headers=foreign),
        ],
    )
    found = desk.replayable([letter_id(n) for n in (1, 2, 3, 4)])
    assert [one.message.topic if one.message else None for one in found] == [TRACKING, SYNC, None, None]
    assert dict(found[0].message.headers)["x-source"] == b"claimx.events/0/7"
    (mended,) = desk.replayable([letter_id(4)], {letter_id(4): b"{}"})
    assert (mended.message.topic, mended.message.value) == (TRACKING, b"{}")
    row = row_of(tables, 4)
    told = [content.decode() for name, content in mended.message.headers if name == "x-source"]
    assert told == [f"claimx.events/{row['source_partition']}/{row['source_offset']}"]


def test_a_project_given_by_a_person_is_published_for_good(desk, tables, sent):
    """To resolve publishes a manual identity event; the letter stays open, with who and why, until its task is there."""
    tables.append("dead_letters", [letter(1), letter(2, reason="task-rejected")])
    desk.resolve(letter_id(1), 12345, by="ada", why="asked")
    (message,) = sent
    told = json.loads(message.value)
    assert message.topic == SYNC
    assert (told["domain"], told["claim_number"], told["project_id"], told["by"]) == (
        "manual",
        "ABC-123456",
        12345,
        "ada",
    )
    assert (row_of(tables, 1)["state"], row_of(tables, 1)["by"]) == ("OPEN", "ada")
    with pytest.raises(UsageError, match="does not wait for a project"):
        desk.resolve(letter_id(2), 1, by="ada", why="asked")


@pytest.mark.parametrize("auto_recover", ["true", "false"])
def test_a_decision_is_all_that_is_sent_for_a_letter(tables, sent, desk, auto_recover):
    """Its arrival replays the letter, whoever recovers letters: a replay of its own might come before it."""
    sets = [f"storage.warehouse={tables.root}", f"jobs.task_creation.auto_recover={auto_recover}"]
    settings = load(sets=sets, environ={"CLAIMX_API_TOKEN": "t"})
    tables.append("dead_letters", [letter(1), letter(2, state="DISCARDED")])
    own = LetterDesk(settings=settings, tables=tables.sql, send=desk.send, clock=FakeClock())
    own.resolve(letter_id(1), 5, by="ada", why="asked")
    with pytest.raises(UsageError, match="is DISCARDED"):
        own.resolve(letter_id(2), 5, by="ada", why="asked")
    assert [message.topic for message in sent] == [SYNC]


def test_a_letter_is_discarded_once(desk, tables):
    """Closed with who, why and when; a second person changes nothing, and nobody a letter that was sent back."""
    tables.append("dead_letters", [letter(1), letter(2, state="REPLAYED")])
    assert desk.discard((letter_id(1), letter_id(2)), by="ada", why="test data") == 1
    assert desk.discard((letter_id(1),), by="bob", why="mine") == 0
    assert row_of(tables, 2)["state"] == "REPLAYED"
    row = row_of(tables, 1)
    assert (row["state"], row["by"], row["why"]) == ("DISCARDED", "ada", "test data")
    assert row["closed_at"] is not None


def test_a_rate_is_kept(desk, tables):
    """--rate sends no more than so many a second."""
    tables.append("dead_letters", [letter(n) for n in range(6)])
    assert desk.send_back(desk.replayable([letter_id(n) for n in range(6)]), by="a", why="b", per_second=2.0) == 6
    assert desk.clock.monotonic() >= 2.5


def test_letters_are_named_by_id_its_beginning_or_reason(tables):
    """An id may be cut as long as it is the only one; a reason means its open letters, the oldest first, up to the limit."""
    tables.append("dead_letters", [letter(n) for n in range(3)] + [letter(9, state="RESOLVED")])
    (one,) = letters_meant(tables.sql, [letter_id(1)[:10]], reason=None, since=None, limit=1)
    assert one.dead_letter_id == letter_id(1)
    assert len(letters_meant(tables.sql, [], reason="project-not-found", since=None, limit=2)) == 2
    with pytest.raises(NotFound):
        letters_meant(tables.sql, ["abc"], reason=None, since=None, limit=1)
    with pytest.raises(UsageError):
        letters_meant(tables.sql, [], reason=None, since=None, limit=1)
