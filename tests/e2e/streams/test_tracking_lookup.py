"""The calls of a batch on a real engine: how fast they come, and what of the answers the table takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.streams import tracking_lookup
from claimx_lib.streams.task_tracking import Memory, process_batch
from claimx_lib.transforms.enrichment import partitions_for
from tests.fakes.world import World, Worlds, tracking_message


def track(world: World, events: range, memory: Memory, *, number: int) -> None:
    """One batch of events, of no more than ten tasks."""
    messages = [tracking_message(f"e{n}", task=events.start + n % 10) for n in events]
    process_batch(world.frame(messages, first=events.start), world.batch(number), world.context(), memory)


def test_the_pace_holds_over_partitions_and_batches(new: Worlds, simulator: Simulator) -> None:
    """I11: at four calls a second no second has five, however soon a batch follows another."""
    world = new("claimx.requests_per_second=4")
    memory = Memory()
    since = len(simulator.control.requests())
    for number, events in enumerate((range(700, 1_000), range(3), range(3, 5))):
        track(world, events, memory, number=number)
    times = [line["at"] for line in simulator.control.requests()[since:]]
    assert len(times) == 10 + 3 + 2
    assert max(sum(first <= at < first + 1 for at in times) for first in times) <= 4


def test_two_workers_share_the_pace(new: Worlds, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """I11 where a batch is large and the pace high enough for two: together they take the time that one would."""
    given: list[int] = []

    def counted(*asked: Any) -> int:
        given.append(partitions_for(*asked))
        return given[-1]

    monkeypatch.setattr(tracking_lookup, "partitions_for", counted)
    world = new("claimx.requests_per_second=60")
    since = len(simulator.control.requests())
    messages = [tracking_message(f"e{n}", task=n) for n in range(2_000, 2_300)]
    process_batch(world.frame(messages), world.batch(), world.context(), Memory())
    times = [line["at"] for line in simulator.control.requests()[since:]]
    assert (given, len(times)) == ([2], 300)
    assert times[-1] - times[0] >= 4.0, "299 calls at 60 a second take 5 s, at twice that 2.5"


def test_people_are_masked_in_the_columns_that_are_named(new: Worlds, simulator: Simulator) -> None:
    """`pii.mask_columns`: neither these structs nor what is rescued from them names a person; other columns do."""
    simulator.control.put_tasks(
        [{"id": 789, "status": "open", "contact": {"email": "ann@example.com", "a b": "x@y.org"}}]
    )
    world = new("pii.mask_columns=[claimx_task_full, original_event]")
    message = tracking_message("e1")
    message["task"] |= {"phone": "555 111 2222", "note": "call 555-123-4567"}
    message["project"] |= {"name": "Ann Smith"}
    message |= {"owner": {"email": "z@w.org"}, "region": "EU"}
    process_batch(world.frame([message]), world.batch(), world.context())
    row = world.rows()[0]
    assert row.claimx_task_full.contact.email == "***"
    assert (row.original_event.phone, row.original_event.note) == ("***", "call ***")
    assert row.project_data.name == "Ann Smith"
    assert "x@y.org" not in row.rescued_data
    assert "z@w.org" not in row.rescued_data
    assert json.loads(row.rescued_data)["message"]["region"] == "EU"
