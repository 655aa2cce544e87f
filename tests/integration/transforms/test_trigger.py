"""Which events are ours, for every kind of input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from claimx_lib.config.load import load
from claimx_lib.transforms.trigger import MESSAGE, candidates, judged, tracking_messages
from tests.fakes.bad_input import ID, NO_OBJECT, spoilt
from tests.fakes.session import ENVIRONMENT
from tests.fakes.world import event, records

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = load(environ=ENVIRONMENT).jobs.task_trigger


def test_every_bad_input_has_one_outcome(spark: SparkSession) -> None:
    """Nothing crashes: what mentions the template is published, not ours, or a dead letter; what does not is left."""
    given = spoilt(event)
    frame = candidates(records(spark, list(given.values())), JOB.triggers)
    rows = judged(frame, JOB, max_message_bytes=1_000_000).select("offset", "outcome").collect()
    names = list(given)
    found = {names[row.offset]: row.outcome for row in rows}
    assert {name for name, raw in given.items() if raw is not None and ID in raw} == set(found)
    assert {found[name] for name in names[:NO_OBJECT] if name in found} == {"undecodable"}
    for name in names[NO_OBJECT:]:
        raw = given[name]
        assert raw is not None
        is_of_no_task = name in {"task null", "task text", "task array", "task empty", "wrong case"}
        if is_of_no_task or name.startswith("event type "):
            assert found.get(name, "not_ours") == "not_ours", name
        else:
            wanted = "record-too-large" if len(raw) > 1_000_000 else "published"
            assert found[name] == wanted, name


def messages(spark: SparkSession, *events: object) -> list[str]:
    rows = judged(records(spark, list(events)), JOB, max_message_bytes=1_000_000)
    return [row.value for row in tracking_messages(rows).select(F.col("value").cast("string")).collect()]


def test_fields_that_nobody_knows_go_along(spark: SparkSession) -> None:
    """They follow the message's own, each as the JSON that it was; without them the message is what it always was."""
    usual = event("e1")
    others = {"region": "EU", "priority": 7, "tags": ["a", {"b": None}], "none": None, 'é "q"': True}
    [plain, more] = messages(spark, usual, usual | others)
    assert tuple(json.loads(plain)) == MESSAGE
    assert more.startswith(plain.removesuffix("}"))
    assert json.loads(more) == json.loads(plain) | others


def test_no_field_of_an_event_takes_the_place_of_the_messages_own(spark: SparkSession) -> None:
    """Of repeated names the last counts: a `task_id` beside `task` would be read as the template. It is kept beside them."""
    own = {"task_id": 1, "trigger_name": "x"}
    [plain, more] = messages(spark, event("e1"), event("e1") | own | {"region": "EU"})
    assert json.loads(more) == json.loads(plain) | {"region": "EU", "event_fields": own}
    assert more.index('"trigger_name"') < more.index('"event_fields"')


def test_a_project_that_only_looks_like_json_goes_along_as_a_text(spark: SparkSession) -> None:
    """The message is JSON whatever the text holds: brackets that close nothing of ours too."""
    for text in ("{}]", '{"a":1}]{', "{}},{", "{"):
        [message] = messages(spark, event("e1", project=text))
        assert json.loads(message)["project"] == text


def test_a_field_that_repeats_a_name_within_itself_goes_along_as_a_text(spark: SparkSession) -> None:
    """JSON that is no proper object is no reason to drop what stands beside it."""
    odd = json.dumps(event("e1")).encode()[:-1] + b', "odd": {"a": 1, "a": 2}, "region": "EU"}'
    [plain, more] = messages(spark, event("e1"), odd)
    assert json.loads(more) == json.loads(plain) | {"odd": '{"a":1,"a":2}', "region": "EU"}
