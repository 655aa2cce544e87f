"""What comes by the retry topic and is no replay: our own echoes, and records of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.fakes.clock import BEGINNING
from tests.fakes.creation import RETRY, World, mapped, states, with_letter, with_policy, xact_bytes


def test_our_own_echo_of_a_replay_is_no_letter() -> None:
    """A replay that waits has told the retry topic; read back where its rule is gone, that is none of our business."""
    world = with_letter()
    (letter,) = world.store.letters
    headers = [("x-dead-letter-id", letter.encode()), ("x-replay-count", b"1"), ("x-attempt-id", b"a")]
    world.run(world.record(xact_bytes("e1", "C1", event_type="unknown"), topic=RETRY, headers=headers))
    assert states(world) == [("project-not-found", "OPEN")]


def test_our_own_echo_makes_no_event() -> None:
    """Its event waits in pending, or has ended; where neither is there (tables made anew) the echo is history, and ignored."""
    world = World(with_policy(events_since=BEGINNING + timedelta(days=1)))
    mapped(world)
    headers = [("x-retry-count", b"1"), ("x-attempt-id", b"a")]
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers))
    assert not any((world.tasks(), world.store.pending, world.store.letters, world.states()))
    world.run(world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers[:1]))
    assert len(world.tasks()) == 1, "somebody else's is taken"


def test_a_retry_record_from_the_future_waits_no_longer_than_it_says() -> None:
    """Its producer's clock is years ahead: `x-retry-after` counts from now."""
    world = World()
    mapped(world)
    headers = [("x-retry-count", b"1"), ("x-retry-after", b"30")]
    record = world.record(xact_bytes("e1", "C1"), topic=RETRY, headers=headers)
    world.run(replace(record, at=record.at + timedelta(days=4000)))
    assert not world.tasks()
    world.pass_(31)
    world.run()
    assert len(world.tasks()) == 1
