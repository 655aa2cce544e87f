"""task_trigger on a real broker: batches of its own, and what they leave behind."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest

from claimx_lib.observability.logs import configure_logs
from claimx_lib.streams.task_trigger import process_batch
from tests.fakes.bad_input import spoilt
from tests.fakes.world import World, Worlds, event


def test_plugin_triggers_on_task_32513(world: World) -> None:
    """Only events of template 32513 go on, as number, text or 32513.0, whatever their status; all are counted."""
    ours = [event("e1"), event("e2", template="32513"), event("e3", template=32513.0, status="completed")]
    others = [
        event("x1", template=32514),
        event("x2", template=132513),
        event("x3", event_type="PROJECT_CREATED"),
        event("x4", event_type="custom_task_assigned"),
        event("x5", template=1, note="mentions 32513"),
    ]
    process_batch(world.frame([*ours, *others]), world.batch(), world.context())
    assert [m["value"]["event_id"] for m in world.received("tracking")] == ["e1", "e2", "e3"]
    outcomes = {o: world.metrics.value("claimx_stream_records_total", job="task_trigger", outcome=o)
                for o in ("published", "not_ours", "dead_letter")}  # fmt: skip
    assert outcomes == {"published": 3, "not_ours": 5, "dead_letter": 0}
    assert world.letters() == []


def test_plugin_publishes_to_correct_topic(new: Worlds) -> None:
    """Each status goes to its own topics, each topic once, keyed by project, with the record's coordinates along."""
    first = new()
    topic, other = first.topic("tracking"), first.topic("tracking_errors")
    world = first.with_settings(
        "jobs.task_trigger.triggers.32513.on_status="
        f'{{completed: {{publish_to_topic: "{other}"}}, assigned: {{publish_to_topic: "{topic}"}}}}'
    )
    frame = world.frame([event("e1"), event("e2", status="completed")], topic="events", partition=2, first=40)
    process_batch(frame, world.batch(), world.context())
    tracked = world.received("tracking")
    assert sorted((m["key"], m["value"]["event_id"], m["headers"]) for m in tracked) == [
        ("12345", "e1", {"x-source": b"events/2/40"}),
        ("12345", "e2", {"x-source": b"events/2/41"}),
    ]
    assert [m["value"]["event_id"] for m in world.received("tracking_errors")] == ["e2"]


def test_plugin_includes_full_task_data(new: Worlds) -> None:
    """The message is the specification's, in its order, task and project whole, times and ids as they were given."""
    world = new()
    given = event("e1", task="A-1", timestamp=1768048496789)
    given["task"]["unknown"] = {"deep": [1, {"x": None}], "text": 'a "quoted" \\ {brace}', "é": "ü"}
    process_batch(world.frame([given]), world.batch(), world.context())
    message = world.received("tracking")[0]["value"]
    assert list(message) == [
        "trigger_name", "event_id", "event_type", "project_id", "task_id", "assignment_id", "task_name", "task_status",
        "timestamp", "task", "project",
    ]  # fmt: skip
    assert message == {
        "trigger_name": "iTel Cabinet Task Tracking",
        "event_id": "e1",
        "event_type": "CUSTOM_TASK_ASSIGNED",
        "project_id": "12345",
        "task_id": 32513,
        "assignment_id": "A-1",
        "task_name": "iTel Cabinet Documentation",
        "task_status": "assigned",
        "timestamp": 1768048496789,
        "task": given["task"],
        "project": given["project"],
    }


def test_task_and_project_can_be_left_out(new: Worlds) -> None:
    """`include_task_data` and `include_project_data` leave the objects out of the message, and nothing else."""
    world = new("jobs.task_trigger.include_task_data=false", "jobs.task_trigger.include_project_data=false")
    process_batch(world.frame([event("e1")]), world.batch(), world.context())
    assert list(world.received("tracking")[0]["value"])[-2:] == ["task_status", "timestamp"]


def test_several_templates_keep_their_names(new: Worlds) -> None:
    """Two templates at once: each event carries the trigger's name of its own template."""
    world = new(
        "jobs.task_trigger.triggers.40000={name: Floors, on_status: {done: {}}}",
        "jobs.task_tracking.field_rules.task_id={one_of: [32513, 40000]}",
    )
    events = [event("e1"), event("e2", template=40000, status="done"), event("e3", template=40000, status="draft")]
    process_batch(world.frame(events), world.batch(), world.context())
    told = [
        (m["value"]["event_id"], m["value"]["trigger_name"], m["value"]["task_id"]) for m in world.received("tracking")
    ]
    assert sorted(told) == [("e1", "iTel Cabinet Task Tracking", 32513), ("e2", "Floors", 40000)]


def test_an_event_too_deep_for_a_log_line_is_published_without_one(world: World) -> None:
    """Spark reads a thousand levels and Python's parser does not: the event goes on, and the batch with it."""
    deep = json.dumps(event("deep", timestamp="<deep>")).replace('"<deep>"', "[" * 990 + "]" * 990)
    stream = StringIO()
    configure_logs(world.settings.logging, stream=stream)
    process_batch(world.frame([deep, event("e2")]), world.batch(), world.context())
    assert len(world._messages(world.topic("tracking"))) == 2
    assert world.metrics.value("claimx_stream_records_total", job="task_trigger", outcome="published") == 2
    (batch,) = (line for line in stream.getvalue().splitlines() if "events tracked" in line)
    assert re.search(r"not_logged\W+1\b", batch)


def test_what_cannot_be_read_or_forwarded_becomes_a_dead_letter_once(new: Worlds) -> None:
    """Bytes that mention the template and are no JSON object, and events too large to forward: whole, in the table,
    once for their coordinates, on a new checkpoint too; what does not mention it is counted alone.
    """
    world = new("kafka.max_message_bytes=20000")
    broken, large = b'{"task": {"task_id": 32513', event("e1", note="x" * 40_000)
    large["task"]["blob"] = "y" * 40_000
    frame = world.frame([broken, large, b"\xff\xfe nothing of ours", None, event("e2")], topic="events")
    for query in ("q1", "q2"):
        process_batch(frame, world.batch(query=query), world.context())
    told = [(r.source_offset, r.reason, r.event_id, r.pipeline, r.state) for r in world.letters()]
    assert told == [
        (0, "undecodable", None, "task_trigger", "OPEN"),
        (1, "record-too-large", "e1", "task_trigger", "OPEN"),
    ]
    assert bytes(world.letters()[0].raw_value) == broken
    assert [m["value"]["event_id"] for m in world.received("tracking")] == ["e2", "e2"]
    opened = {r: world.metrics.value("claimx_dead_letters_opened_total", pipeline="task_trigger", reason=r)
              for r in ("undecodable", "record_too_large")}  # fmt: skip
    assert opened == {"undecodable": 1, "record_too_large": 1}


def test_events_are_logged_up_to_a_bound(new: Worlds) -> None:
    """A line for each tracked event in the settings' words, no more than the bound, then one with the rest."""
    world = new("jobs.task_trigger.log_events_per_batch=2")
    lines = StringIO()
    configure_logs(world.settings.logging, stream=lines)
    process_batch(world.frame([event(f"e{n}") for n in range(5)]), world.batch(), world.context())
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["message"] for line in told] == [
        "iTel Cabinet task event tracked | event_id=e0 | task_id=32513 | status=assigned",
        "iTel Cabinet task event tracked | event_id=e1 | task_id=32513 | status=assigned",
        "events tracked",
    ]
    assert (told[-1]["events"], told[-1]["not_logged"]) == (5, 3)


def test_a_log_line_shows_ids_and_no_person(new: Worlds) -> None:
    """With masking an id that looks like a phone number stays in its line; whoever is in a status or an id by mail is hidden."""
    world = new("pii.mask_messages=true")
    lines = StringIO()
    configure_logs(world.settings.logging, stream=lines)
    events = [event("2026-0001", status="call 555-123-4567"), event("ann@example.com")]
    process_batch(world.frame(events), world.batch(), world.context())
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(line["message"].split(" | ")[1:], line["event_id"]) for line in told[:2]] == [
        (["event_id=2026-0001", "task_id=32513", "status=call ***"], "2026-0001"),
        (["event_id=***", "task_id=32513", "status=assigned"], "***"),
    ]


def test_a_publish_that_fails_is_counted_and_not_swallowed(new: Worlds) -> None:
    """Kafka does not take the messages: the batch fails, to be run again, and the metric says so."""
    world = new().with_settings("kafka.bootstrap_servers=127.0.0.1:1", "kafka.options={delivery.timeout.ms: '1500', "
                                "request.timeout.ms: '1000', linger.ms: '0', max.block.ms: '1500'}")  # fmt: skip
    with pytest.raises(Exception, match=r"Timeout|metadata"):
        process_batch(world.frame([event("e1")]), world.batch(), world.context())
    assert world.metrics.value("itel_plugin_publish_errors_total") == 1
    assert world.metrics.value("itel_plugin_events_published_total") == 0


@pytest.mark.long
def test_every_bad_input_is_published_counted_or_a_dead_letter(world: World) -> None:
    """The whole list through one batch: the three outcomes add up, and what is published can be read."""
    given = spoilt(event)
    process_batch(world.frame(list(given.values()), topic="events"), world.batch(), world.context())
    outcomes = {o: world.metrics.value("claimx_stream_records_total", job="task_trigger", outcome=o)
                for o in ("published", "not_ours", "dead_letter")}  # fmt: skip
    assert sum(outcomes.values()) == len(given)
    assert outcomes["published"] == len(world.received("tracking"))
    letters = {r.source_offset: bytes(r.raw_value) for r in world.letters()}
    wanted = {n: raw for n, raw in enumerate(given.values()) if raw is not None and n in letters}
    assert letters == wanted
    assert outcomes["dead_letter"] == len(letters) > 10
