"""task_tracking on a real broker with ClaimX over HTTP: batches of its own, and what they leave behind."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from claimx_lib.connectors.kafka_client import admin
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.streams.task_tracking import Memory, process_batch
from claimx_lib.streams.tracking_lookup import Calls
from tests.fakes.bad_input import spoilt
from tests.fakes.clock import FakeClock
from tests.fakes.world import World, Worlds, tracking_message

NOW = datetime(2026, 1, 10, 12, 35, tzinfo=UTC)


def track(world: World, values: list[object], *, number: int = 0, query: str = "q1", first: int = 0) -> None:
    """One batch of tracking messages."""
    frame = world.frame(values, topic="tracking", first=first)
    process_batch(frame, world.batch(number, query), world.context(now=lambda: NOW))


def calls(simulator: Simulator, since: int = 0) -> list[str]:
    return [line["path"] for line in simulator.control.requests()[since:]]


def test_worker_enriches_with_claimx_api(world: World, simulator: Simulator) -> None:
    """Each task is asked for once a batch; its details are in the row; an unknown one is `not_found`, none is `skipped`."""
    simulator.control.put_tasks([{"id": 789, "status": "open", "rooms": {"kitchen": 2}}])
    since = len(simulator.control.requests())
    messages = [tracking_message(f"e{n}") for n in range(3)]
    track(world, [*messages, tracking_message("e3", task=790), tracking_message("e4", task=None)])
    assert sorted(calls(simulator, since)) == ["/api/v1/tasks/789", "/api/v1/tasks/790"]
    details = {row.event_id: row.claimx_task_full for row in world.rows()}
    assert details["e0"].asDict(recursive=True) == {"id": 789, "status": "open", "rooms": {"kitchen": 2}}
    statuses = {row.event_id: (row.enrichment_status, row.enrichment_error) for row in world.rows()}
    assert statuses == {
        "e0": ("enriched", None),
        "e1": ("enriched", None),
        "e2": ("enriched", None),
        "e3": ("not_found", None),
        "e4": ("skipped", None),
    }
    assert world.received("tracking_errors") == []
    assert world.metrics.value("itel_worker_claimx_api_calls_total") == 2
    assert world.metrics.value("itel_worker_claimx_api_latency_seconds", "_count") == 2


def test_worker_writes_to_delta_table(world: World, simulator: Simulator) -> None:
    """The row is the specification's, column by column, defaults, source and UTC partition included."""
    simulator.control.put_tasks([{"id": 789, "status": "open"}])
    track(world, [tracking_message("e1", timestamp="2026-01-11T00:30:00+01:00")])
    row = (
        world.table("itel_cabinet_task_tracking").selectExpr("*", "cast(event_timestamp AS STRING) AS at").collect()[0]
    )
    told = row.asDict(recursive=True)
    times = {name: told.pop(name) for name in ("event_timestamp", "enriched_at", "task_created_at")}
    assert all(times.values())
    assert told == {
        "event_id": "e1",
        "event_type": "CUSTOM_TASK_ASSIGNED",
        "at": "2026-01-10 23:30:00",
        "processed_timestamp": told["processed_timestamp"],
        "task_id": 32513,
        "assignment_id": 789,
        "project_id": "12345",
        "task_status": "assigned",
        "task_name": "iTel Cabinet Documentation",
        "assigned_to_user_id": 11,
        "assigned_by_user_id": 12,
        "task_completed_at": None,
        "claimx_task_full": {"id": 789, "status": "open"},
        "original_event": {name: value for name, value in tracking_message()["task"].items() if name != "completed_at"},
        "project_data": tracking_message()["project"],
        "tracking_version": "1.0",
        "source": "claimx_itel_plugin",
        "year": 2026,
        "month": 1,
        "day": 10,
        "previous_status": "created",
        "enrichment_status": "enriched",
        "enrichment_error": None,
        "claimx_project_full": None,
        "rescued_data": None,
        "source_topic": "tracking",
        "source_partition": 0,
        "source_offset": 0,
    }


def test_worker_publishes_success_events(world: World, simulator: Simulator) -> None:
    """One success message an event, keyed by it, that says what the row says."""
    simulator.control.put_tasks([{"id": 789, "status": "open"}])
    track(world, [tracking_message("e1"), tracking_message("e2", task=790)])
    assert [(m["key"], m["value"]) for m in world.received("tracking_success")] == [
        (event_id, {"event_id": event_id, "task_id": 32513, "assignment_id": task, "project_id": "12345",
                    "task_status": "assigned", "enrichment_status": status, "processed_at": "2026-01-10T12:35:00.000Z"})
        for event_id, task, status in (("e1", 789, "enriched"), ("e2", 790, "not_found"))
    ]  # fmt: skip


def test_delta_writer_writes_record(world: World) -> None:
    """One row an event, the one with the lowest coordinates, whatever comes twice: in a batch, in the next, in the same
    batch run again and on a new checkpoint; its success message is said again from the row, and nobody is called.
    """
    first, again = tracking_message("e1", status="first"), tracking_message("e1", status="second")
    track(world, [first, again, tracking_message("e2")])
    calls_made = world.metrics.value("itel_worker_claimx_api_calls_total")
    track(world, [first, again, tracking_message("e2")])
    track(world, [again], number=1, first=3)
    track(world, [first, again, tracking_message("e2")], query="a-new-checkpoint")
    assert [(row.event_id, row.task_status, row.source_offset) for row in world.rows()] == [
        ("e1", "first", 0),
        ("e2", "assigned", 2),
    ]
    told = world.received("tracking_success")
    assert [m["key"] for m in told].count("e1") == 4
    assert {(m["key"], m["value"]["task_status"]) for m in told} == {("e1", "first"), ("e2", "assigned")}
    assert world.metrics.value("itel_worker_claimx_api_calls_total") == calls_made


@pytest.mark.long
def test_an_event_is_known_again_within_the_window_of_days_only(new: Worlds) -> None:
    """The look for rows that are there goes `dedupe_window_days` to both sides of the batch's days."""
    world = new("jobs.task_tracking.dedupe_window_days=2", "jobs.task_tracking.lookup_enabled=false")
    track(world, [tracking_message("e1", timestamp="2026-01-10T12:00:00Z")])
    track(world, [tracking_message("e1", timestamp="2026-01-12T12:00:00Z")], number=1)
    assert len(world.rows()) == 1
    track(world, [tracking_message("e1", timestamp="2026-01-20T12:00:00Z")], number=2)
    assert len(world.rows()) == 2


def test_delta_writer_handles_schema_evolution(world: World, simulator: Simulator) -> None:
    """New fields of task, project and API answer become fields of their structs; no row is refused, none rewritten."""
    simulator.control.put_tasks([{"id": 789, "status": "open"}, {"id": 790, "rooms": {"kitchen": {"doors": 4}}}])
    track(world, [tracking_message("e1")])
    grown = tracking_message("e2", task=790)
    grown["task"] |= {"priority": 3, "tags": ["a", "b"], "mixed": 1, "later": None}
    mixed = tracking_message("e3", task=790)
    mixed["task"]["mixed"] = {"a": 1}
    mixed["project"]["address"] = {"city": "Oslo"}
    track(world, [grown, mixed], number=1)
    rows = {row.event_id: row.asDict(recursive=True) for row in world.rows()}
    assert rows["e1"]["original_event"]["priority"] is None
    assert rows["e2"]["original_event"]["priority"] == 3
    assert rows["e2"]["original_event"]["tags"] == ["a", "b"]
    assert [rows[e]["original_event"]["mixed"] for e in ("e2", "e3")] == ["1", '{"a":1}']
    assert "later" not in rows["e2"]["original_event"]
    assert rows["e3"]["project_data"]["address"] == {"city": "Oslo"}
    assert rows["e2"]["claimx_task_full"]["rooms"] == {"kitchen": {"doors": 4}}
    assert {row["rescued_data"] for row in rows.values()} == {None}
    assert world.metrics.value("itel_worker_schema_evolution_total") >= 8


def test_what_fits_no_column_is_rescued_and_no_row_is_refused(world: World) -> None:
    """Names that Delta refuses or that collide, types that changed, empty objects, numbers out of range, texts that
    are no objects: each row is there, and what its columns do not hold is in `rescued_data`.
    """
    odd = tracking_message("e1", task=2**31)
    odd["task"] |= {
        "a b": 1,
        "Status": "x",
        "empty": {},
        "task_name": 5,
        "created_at": "yesterday",
        "nest": {"x=y": 2, "ok": 1},
    }
    odd["project"] = ["no", "object"]
    retyped = tracking_message("e2")
    retyped["task"]["task_id"] = "many"
    retyped["task"]["deep"] = nested(40)
    later = tracking_message("e3", task="12 3/4")
    later["task"]["nest"] = "a text now"
    track(world, [odd, retyped])
    track(world, [later], number=1)
    rows = {row.event_id: row for row in world.rows()}
    rescued = {event_id: json.loads(row.rescued_data) for event_id, row in rows.items()}
    assert {name: rescued["e1"][name] for name in ("assignment_id", "task_created_at", "project_data")} == {
        "assignment_id": "2147483648",
        "task_created_at": "yesterday",
        "project_data": '["no","object"]',
    }
    assert rescued["e1"]["original_event"] == {"a b": "1", "Status": "x", "empty": "{}", "nest": {"x=y": "2"}}
    assert rows["e1"].assignment_id is None
    assert rows["e1"].original_event.nest.ok == 1
    assert json.loads(rescued["e2"]["original_event"])["task_id"] == "many"
    assert rows["e2"].original_event.task_name == "iTel Cabinet Documentation"
    assert rescued["e3"] == {
        "assignment_id": "12 3/4",
        "original_event": {"assignment_id": "12 3/4", "nest": "a text now"},
    }
    assert len(rows) == 3


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_new_fields_beyond_the_limit_are_rescued(new: Worlds) -> None:
    """More new fields than `max_new_fields` in a batch: the rest goes to `rescued_data`, the row is whole."""
    world = new("jobs.task_tracking.max_new_fields=2", "jobs.task_tracking.lookup_enabled=false")
    message = tracking_message("e1")
    message["task"] = {"task_id": 32513, "f1": 1, "f2": 2, "f3": 3, "f4": "four"}
    track(world, [message])
    row = world.rows()[0]
    assert (row.original_event.f1, row.original_event.f2) == (1, 2)
    assert json.loads(row.rescued_data) == {"original_event": {"f3": "3", "f4": "four"}}


def test_delta_writer_handles_write_errors(world: World) -> None:
    """An append that fails fails the batch: counted, no success said; the same batch run again writes the row."""
    table = Path(world.settings.storage.warehouse) / "itel_cabinet_task_tracking"
    log, aside = table / "_delta_log", table / "aside"
    world.spark.read.format("delta").load(str(table)).count()
    log.rename(aside)
    log.write_text("in the way")
    with pytest.raises(Exception, match=r"_delta_log|delta"):
        track(world, [tracking_message("e1")])
    log.unlink()
    aside.rename(log)
    assert world.received("tracking_success") == []
    track(world, [tracking_message("e1")])
    assert [row.event_id for row in world.rows()] == ["e1"]
    assert [m["key"] for m in world.received("tracking_success")] == ["e1"]


def test_what_is_invalid_becomes_a_dead_letter_and_an_errors_message(new: Worlds) -> None:
    """Each refused record stands in `dead_letters` with its bytes and in the errors topic with its reason; the rest of
    the batch goes on, and a new checkpoint adds no second letter.
    """
    world = new("jobs.task_tracking.lookup_enabled=false")
    refused = [
        (b"\xff", "undecodable"),
        ([1], "undecodable"),
        (tracking_message("e1", task_status=" "), "missing-task_status"),
        (tracking_message(None), "missing-event_id"),
        (tracking_message("e3", task_id=40000), "wrong-task-id"),
        (tracking_message("e4", timestamp="2026-01-10T12:00:00"), "bad-timestamp"),
        (tracking_message("e5", timestamp=1768048496), "bad-timestamp"),
        (tracking_message("e6" * 600), "invalid-field"),
    ]
    values = [*(value for value, _ in refused), tracking_message("good")]
    for query in ("q1", "q2"):
        track(world, values, query=query)
    letters = world.letters()
    assert [(r.source_offset, r.reason) for r in letters] == [(n, reason) for n, (_, reason) in enumerate(refused)]
    assert bytes(letters[0].raw_value) == b"\xff"
    assert [row.event_id for row in world.rows()] == ["good"]
    errors = world.received("tracking_errors")[: len(refused)]
    assert sorted(e["value"]["reason"] for e in errors) == sorted(reason for _, reason in refused)
    assert {e["key"] for e in errors if e["value"]["event_id"] is None} == {f"tracking/0/{n}" for n in (0, 1, 3)}


def test_an_errors_message_tells_what_was_refused_and_why(new: Worlds) -> None:
    """The errors message of a dead letter has its id, reason, sentence, coordinates and bytes, under the event's id."""
    world = new("jobs.task_tracking.lookup_enabled=false")
    refused = tracking_message("e3", task_id=40000)
    track(world, [refused])
    (letter,), (one,) = world.letters(), world.received("tracking_errors")
    assert one["key"] == "e3"
    assert one["value"] == {
        "dead_letter_id": letter.dead_letter_id,
        "reason": "wrong-task-id",
        "message": "The task template is not one of the configured ones",
        "error": "task_id breaks jobs.task_tracking.field_rules.task_id",
        "event_id": "e3",
        "source": {"topic": "tracking", "partition": 0, "offset": 0},
        "raw_value_base64": base64.b64encode(json.dumps(refused).encode()).decode(),
        "at": "2026-01-10T12:35:00.000Z",
    }


def test_a_failed_enrichment_writes_the_row_and_says_so_twice(world: World, simulator: Simulator) -> None:
    """ClaimX fails: the row is there as `failed`, a success message says `failed`, an errors message carries the
    original, no dead letter; the same batch again contradicts none of it, though ClaimX is well by then.
    """
    simulator.control.fault("status", status=500, count=None)
    track(world, [tracking_message("e1"), tracking_message("e2", task=None)])
    simulator.control.clear_faults()
    track(world, [tracking_message("e1"), tracking_message("e2", task=None)])
    assert [(row.event_id, row.enrichment_status) for row in world.rows()] == [("e1", "failed"), ("e2", "skipped")]
    assert world.rows()[0].enrichment_error == "unavailable 500 GET /api/v1/tasks/{task_id}"
    assert {(m["key"], m["value"]["enrichment_status"]) for m in world.received("tracking_success")} == {
        ("e1", "failed"),
        ("e2", "skipped"),
    }
    errors = world.received("tracking_errors")
    assert len(errors) == 2
    for message in errors:
        assert message["value"]["dead_letter_id"] is None
        assert message["value"]["reason"] == "api-unavailable"
        assert json.loads(base64.b64decode(message["value"]["raw_value_base64"]))["event_id"] == "e1"
    assert world.letters() == []


@pytest.mark.long
def test_the_circuit_opens_between_batches_and_closes_by_itself(new: Worlds, simulator: Simulator) -> None:
    """After enough failures nobody is called until the time is up; then one probe decides."""
    world = new("claimx.circuit.failures=2", "claimx.circuit.open_seconds=60")
    clock = FakeClock()
    memory = Memory(calls=Calls(clock=clock))
    simulator.control.fault("status", status=503, count=None)
    since = len(simulator.control.requests())
    for number in range(3):
        frame = world.frame([tracking_message(f"e{number}-{n}", task=n) for n in range(3)])
        process_batch(frame, world.batch(number), world.context(now=lambda: NOW), memory)
    after_opening = len(calls(simulator, since))
    assert after_opening <= 4
    assert world.metrics.value("claimx_circuit_open", job="task_tracking") == 1
    assert {row.enrichment_status for row in world.rows()} == {"failed"}
    simulator.control.clear_faults()
    clock.sleep(61)
    assert world.metrics.value("claimx_circuit_open", job="task_tracking") == 0, "by time alone, while nothing comes"
    process_batch(world.frame([tracking_message("e9", task=1)]), world.batch(9), world.context(now=lambda: NOW), memory)
    assert len(calls(simulator, since)) == after_opening + 1
    assert world.metrics.value("claimx_circuit_open", job="task_tracking") == 0


def test_messages_show_no_person_where_masking_is_on(new: Worlds) -> None:
    """With `pii.mask_messages` neither topic holds names, e-mail addresses or phone numbers; table and letters do."""
    world = new("pii.mask_messages=true", "jobs.task_tracking.lookup_enabled=false")
    message = tracking_message("e1", task_id=1, note="call 555-123-4567 or ann@example.com")
    message["project"] |= {"contact": {"firstName": "Sentinel", "phone": ["555 111 2222"]}, "name": "Sentinel Smith"}
    track(world, [message, b"ann@example.com {"])
    for told in world.received("tracking_errors"):
        raw = base64.b64decode(told["value"]["raw_value_base64"] or "").decode()
        assert not [secret for secret in ("Sentinel", "555", "ann@") if secret in raw + json.dumps(told["value"])]
    assert len(world.received("tracking_errors")) == 2
    assert b"Sentinel Smith" in bytes(world.letters()[0].raw_value)


def test_offsets_are_told_to_the_group_where_asked_for(new: Worlds) -> None:
    """`commit_group_offsets` sets the group's offset behind the batch, for lag tools."""
    world = new("jobs.task_tracking.commit_group_offsets=true", "jobs.task_tracking.lookup_enabled=false")
    topic = world.topic("tracking")
    process_batch(
        world.frame([tracking_message("e1")], topic=topic, partition=1, first=6), world.batch(), world.context()
    )
    group = world.settings.jobs.task_tracking.consumer_group
    request = [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 1)])]
    client = admin(world.settings.kafka)
    offsets = client.list_consumer_group_offsets(request)[group].result(timeout=60)
    assert [p.offset for p in offsets.topic_partitions] == [7]


def test_every_bad_input_is_a_row_or_a_dead_letter(new: Worlds) -> None:
    """The whole list through one batch: nothing lost, nothing crashes, each accounted for by its coordinates."""
    world = new("jobs.task_tracking.lookup_enabled=false")
    given = spoilt(tracking_message)
    track(world, list(given.values()))
    rows, letters = world.rows(), world.letters()
    assert sorted([row.source_offset for row in rows] + [r.source_offset for r in letters]) == list(range(len(given)))
    assert len(world.received("tracking_success")) == len(rows)
    errors = world.received("tracking_errors")
    assert sorted(m["value"]["source"]["offset"] for m in errors) == [r.source_offset for r in letters]
    deep = next(row for row in rows if row.event_id == "deep-task")
    assert "original_event" in json.loads(deep.rescued_data)


@pytest.mark.long
def test_another_session_time_zone_changes_no_row(world: World, simulator: Simulator) -> None:
    """With a session in Tokyo the day is still UTC's, instants are the same, and a repeated event is found again."""
    simulator.control.put_tasks([{"id": 789, "status": "open"}])
    world.spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        track(world, [tracking_message("e1", timestamp="2026-01-10T20:00:00Z")])
        track(world, [tracking_message("e1", timestamp="2026-01-10T20:00:00Z")], number=1)
    finally:
        world.spark.conf.set("spark.sql.session.timeZone", "UTC")
    table = world.table("itel_cabinet_task_tracking")
    told = table.selectExpr(
        "year", "month", "day", "cast(event_timestamp AS STRING) AS at", "enrichment_status"
    ).collect()
    assert [tuple(row) for row in told] == [(2026, 1, 10, "2026-01-10 20:00:00", "enriched")]
