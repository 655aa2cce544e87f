"""task_tracking where something changes amid its batch, or comes back: the token, the table, a dead letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.streams.context import JobContext
from claimx_lib.streams.task_tracking import Memory, process_batch
from claimx_lib.streams.tracking_intake import Intake
from claimx_lib.streams.tracking_lookup import Calls
from claimx_lib.streams.tracking_stored import Stored, StoredEvents
from tests.fakes.claimx import TOKEN
from tests.fakes.clock import FakeClock
from tests.fakes.world import World, Worlds, tracking_message

NOW = datetime(2026, 1, 10, 12, 35, tzinfo=UTC)


@pytest.mark.long
def test_a_letter_whose_replay_has_its_row_is_resolved(world: World) -> None:
    """A mended message that comes back with its letter's id closes that letter once its row is there."""
    unread = world.frame([tracking_message(f"e{n}", timestamp="yesterday") for n in (1, 2)], topic="tracking")
    process_batch(unread, world.batch(0), world.context(now=lambda: NOW))
    first, second = world.letters()
    header = F.struct(F.lit("x-dead-letter-id").alias("key"), F.lit(first.dead_letter_id.encode()).alias("value"))
    frame = world.frame([tracking_message("e1")], topic="tracking", first=2).withColumn("headers", F.array(header))
    process_batch(frame, world.batch(1), world.context(now=lambda: NOW))
    assert [row.event_id for row in world.rows()] == ["e1"]
    states = {row.dead_letter_id: (row.state, row.closed_at is not None) for row in world.letters()}
    assert states == {first.dead_letter_id: ("RESOLVED", True), second.dead_letter_id: ("OPEN", False)}
    letters = world.context().warehouse.open(world.spark, "dead_letters")
    letters.update("state = 'RESOLVED'", {"state": "'REPLAYED'"})
    process_batch(frame, world.batch(1), world.context(now=lambda: NOW))
    assert {row.state for row in world.letters()} == {"RESOLVED", "OPEN"}, "as after a kill between row and letter"
    assert [row.event_id for row in world.rows()] == ["e1"]
    header = F.struct(F.lit("x-dead-letter-id").alias("key"), F.lit(second.dead_letter_id.encode()).alias("value"))
    again = world.frame([tracking_message("e2", timestamp="tomorrow")], topic="tracking", first=3)
    process_batch(again.withColumn("headers", F.array(header)), world.batch(2), world.context(now=lambda: NOW))
    told = {row.dead_letter_id: row.state for row in world.letters()}
    assert told.pop(second.dead_letter_id) == "RESOLVED", "what was refused again is in a letter of its own"
    assert sorted(told.values()) == ["OPEN", "RESOLVED"]
    letters.update(f"dead_letter_id = '{second.dead_letter_id}'", {"state": "'REPLAYED'"})
    process_batch(again.withColumn("headers", F.array(header)), world.batch(2), world.context(now=lambda: NOW))
    told = {row.dead_letter_id: row.state for row in world.letters()}
    assert (len(told), told[second.dead_letter_id]) == (3, "RESOLVED"), "as after a kill before its end"


class ActingClock(FakeClock):
    """Something happens at the moment at which a batch, its token and the table's columns read, is about to ask."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.act()


def test_a_token_that_changes_amid_a_batch_is_tried_once_more(
    new: Worlds, simulator: Simulator, tmp_path: Path
) -> None:
    """ClaimX refuses the token that a batch began with: the batch is asked again with the new one, and has its details."""
    secret = tmp_path / "token"
    secret.write_text("outdated")
    world = new(f"claimx.token={{file: {secret}}}")
    simulator.control.put_tasks([{"id": 789, "status": "open"}])
    since, memory = (
        len(simulator.control.requests()),
        Memory(calls=Calls(clock=ActingClock(lambda: secret.write_text(TOKEN)))),
    )
    process_batch(world.frame([tracking_message("e1")]), world.batch(0), world.context(now=lambda: NOW), memory)
    assert [line["status"] for line in simulator.control.requests()[since:]] == [401, 200]
    assert [(row.event_id, row.enrichment_status) for row in world.rows()] == [("e1", "enriched")]


def test_a_field_that_the_table_gets_in_another_type_amid_a_batch_is_rescued(world: World) -> None:
    """A repair beside the job makes BIGINT of a field that a batch has as text: the row is written, the text is kept."""
    message = tracking_message("e1", task=None)
    message["task"]["x"] = "seven"
    evolve = (
        f"ALTER TABLE delta.`{world.folder}/warehouse/itel_cabinet_task_tracking` ADD COLUMNS (original_event.x BIGINT)"
    )
    memory = Memory(calls=Calls(clock=ActingClock(lambda: world.spark.sql(evolve))))
    process_batch(world.frame([message]), world.batch(0), world.context(now=lambda: NOW), memory)
    (row,) = world.rows()
    assert (row.event_id, row.original_event.x) == ("e1", None)
    assert json.loads(row.rescued_data) == {"original_event": {"x": "seven"}}


@pytest.mark.parametrize("value", [1, "a text", {"a": [True]}])
def test_a_field_of_sparks_own_name_is_a_field_like_any_other(world: World, value: object) -> None:
    """`_corrupt_record` ends no query and loses no value, whatever its type; nor does it beside what is rescued."""
    message = tracking_message("e1", task=None)
    message["task"] |= {"_corrupt_record": value, "what fits no column": 2}
    process_batch(world.frame([message]), world.batch(0), world.context(now=lambda: NOW), Memory())
    (row,) = world.rows()
    told = row.original_event.asDict(recursive=True)["_corrupt_record"]
    assert told == value
    assert json.loads(row.rescued_data) == {"original_event": {"what fits no column": "2"}}


def test_a_second_instance_says_what_the_table_has(
    world: World, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes at one batch: ClaimX answers one and fails the other, which found no rows before its calls. What it
    says is the row that is there, not its own.
    """
    simulator.control.put_tasks([{"id": 789, "status": "open"}])
    messages = [tracking_message(f"e{n}") for n in range(2)]
    process_batch(world.frame(messages, topic="tracking"), world.batch(), world.context())
    look, looked = StoredEvents.of, []

    def found_nothing_at_first(stored: StoredEvents, intake: Intake, context: JobContext) -> Stored:
        found = look(stored, intake, context)
        looked.append(len(found.rows))
        return replace(found, rows=[]) if len(looked) == 1 else found

    monkeypatch.setattr(StoredEvents, "of", found_nothing_at_first)
    simulator.control.fault("status", status=503)
    process_batch(world.frame(messages, topic="tracking"), world.batch(), world.context())
    assert looked == [2, 2]
    assert [row.enrichment_status for row in world.rows()] == ["enriched"] * 2
    assert {m["value"]["enrichment_status"] for m in world.received("tracking_success")} == {"enriched"}
    assert world.received("tracking_errors") == []
