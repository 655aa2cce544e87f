"""Records that age out while a job that may lose them goes on: each range is on record once, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition

from claimx_lib.connectors.kafka_client import admin
from claimx_lib.errors import ConfigError, KafkaError
from claimx_lib.operations.preflight import checked
from claimx_lib.streams.context import BatchRef
from claimx_lib.streams.gaps import record_gaps_of
from claimx_lib.streams.query import start
from claimx_lib.streams.task_trigger import stage
from tests.fakes.world import World, Worlds, event

JOB = "task_trigger"
ACCEPTED = "kafka.accept_data_loss=true"


def checkpoint(world: World, *ends: int) -> None:
    """As if the job had planned batches up to these offsets of partition 0, all but the last committed."""
    folder = Path(world.settings.storage.checkpoints) / JOB
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata").write_text('{"id":"q"}')
    for number, end in enumerate(ends):
        (folder / "offsets" / str(number)).write_text(
            f"v1\n{{}}\n{json.dumps({world.topic('claimx_events'): {'0': end}})}"
        )
    for number in range(len(ends) - 1):
        (folder / "commits" / str(number)).write_text("v1\n{}")


def produce(world: World, numbers: range) -> None:
    producer = Producer({"bootstrap.servers": world.settings.kafka.bootstrap_servers})
    for number in numbers:
        producer.produce(world.topic("claimx_events"), value=json.dumps(event(f"e{number}")), partition=0)
    producer.flush(60)


def age_out(world: World, before: int) -> None:
    place = TopicPartition(world.topic("claimx_events"), 0, before)
    client = admin(world.settings.kafka)  # its futures end with it
    for future in client.delete_records([place]).values():
        future.result(timeout=120)


def told(world: World) -> list[tuple[int, int]]:
    """The ranges of the letters, from and to (inclusive)."""
    values = [json.loads(bytes(row.raw_value)) for row in world.letters()]
    return sorted((value["first_offset"], value["last_offset"]) for value in values)


def test_what_ages_out_amid_a_run_is_on_record_once(new: Worlds) -> None:
    """Of a batch's own offsets those that are gone become a letter; where more are gone when it runs again, one more."""
    world = new(ACCEPTED)
    produce(world, range(15))
    checkpoint(world, 2, 8, 12)
    context = world.context()
    record_gaps_of(context, BatchRef(query_id="q", batch_id=1), job=JOB)
    assert told(world) == []
    age_out(world, 4)
    for _ in range(2):
        record_gaps_of(context, BatchRef(query_id="q", batch_id=1), job=JOB)
    assert told(world) == [(2, 3)]
    age_out(world, 10)
    record_gaps_of(context, BatchRef(query_id="q", batch_id=1), job=JOB)
    record_gaps_of(context, BatchRef(query_id="q", batch_id=2), job=JOB)
    assert told(world) == [(2, 3), (4, 7), (8, 9)]


def test_a_query_puts_on_record_what_is_gone_of_its_batch(new: Worlds) -> None:
    """The query itself looks, before it reads: its letter has the range, and what is left is published."""
    world = new(ACCEPTED)
    context = world.context(available_now=True)
    for numbers in (range(3), range(3, 9)):
        produce(world, numbers)
        if numbers.start:
            age_out(world, 6)
        query = start(stage(context), context)
        assert query.awaitTermination(300)
        assert query.exception() is None
    assert told(world) == [(3, 5)]
    assert len(world.received("tracking")) == 3 + 3


def test_what_aged_out_before_a_start_is_told(new: Worlds) -> None:
    """Offsets that the checkpoint goes on from and the broker has lost stop the start with one line that names them."""
    world = new()
    produce(world, range(6))
    checkpoint(world, 1, 1)
    age_out(world, 4)
    with pytest.raises(KafkaError, match=f"{world.topic('claimx_events')}/0, offsets 1 to 3 are gone from the broker"):
        checked(world.settings, [JOB])
    checked(world.with_settings(ACCEPTED).settings, [JOB])


def test_a_topic_that_was_made_anew_wants_a_new_checkpoint(new: Worlds) -> None:
    """No gap tells what is new on it: the start ends with one line, whether loss is accepted or not."""
    world = new()
    checkpoint(world, 500, 500)
    for settings in (world.settings, world.with_settings(ACCEPTED).settings):
        with pytest.raises(
            KafkaError, match=r"ends before offset 500, where the checkpoint goes on: .* a new checkpoint"
        ):
            checked(settings, [JOB])


def test_no_loss_is_accepted_that_could_not_be_put_on_record(new: Worlds) -> None:
    """A checkpoint that can't be read from here tells no gap: accepting one is refused, with the way that loses nothing."""
    world = new(ACCEPTED, "storage.checkpoints=s3://bucket/checkpoints")
    with pytest.raises(
        ConfigError, match=r"kafka\.accept_data_loss is true, and task_trigger's checkpoint in s3://bucket"
    ):
        checked(world.settings, [JOB])
