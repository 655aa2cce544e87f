"""Verdicts on tracking messages, by settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from claimx_lib.config.jobs import FieldRule, SkipIf, TaskTracking
from claimx_lib.config.load import load
from claimx_lib.domain.enrichment import TASK_KEY
from claimx_lib.transforms.tracking import judged, refused
from tests.fakes.bad_input import NO_OBJECT, ODD_CLAIMS, spoilt
from tests.fakes.session import ENVIRONMENT
from tests.fakes.world import records, tracking_message, with_task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = load(environ=ENVIRONMENT).jobs.task_tracking
TRACKED = "tracked"


def job(**changes: Any) -> TaskTracking:
    return JOB.model_copy(update=changes)


def verdicts(spark: SparkSession, values: list[object], of: TaskTracking = JOB) -> list[str]:
    rows = judged(records(spark, values), of).orderBy("offset")
    return [row.v for row in rows.select(F.coalesce("verdict.reason", F.lit(TRACKED)).alias("v")).collect()]


def columns(spark: SparkSession, message: object, *names: str, of: TaskTracking = JOB) -> tuple[Any, ...]:
    return tuple(judged(records(spark, [message]), of).selectExpr(*names).collect()[0])


def test_every_bad_input_gets_one_verdict(spark: SparkSession) -> None:
    """Nothing crashes: each record is tracked or refused with a reason, by its own coordinates."""
    given = spoilt(tracking_message)
    found = dict(zip(given, verdicts(spark, list(given.values())), strict=True))
    tracked = {name for name, reason in found.items() if reason == TRACKED}
    assert {name for name, reason in found.items() if reason == "undecodable"} == set(list(given)[:NO_OBJECT])
    assert {found[name] for name in found if name.startswith("time ")} == {TRACKED, "bad-timestamp"}
    assert [name for name in tracked if name.startswith("time ")] == ["time 1768048496789"]
    assert {found["project ''"], found["project None"]} == {"missing-project_id"}
    assert found["project '../admin'"] == TRACKED, "an id is a text; the client alone puts it into a path"
    assert (found["event id ''"], found["event id ' '"], found["event id 'None'"]) == ("missing-event_id",) * 3
    assert found["event id 'eeeeeeeeeeeeeeeeeeee'"] == "invalid-field"
    assert found["wrong case"] == "missing-event_id"
    assert {found[name] for name in found if name.startswith("claim ")} == {TRACKED}
    types = {name: found[name] for name in found if name.startswith("event type ")}
    assert list(types.values()) == ["missing-event_type", *[TRACKED] * 3, "invalid-field"], types
    assert {"a million elements", "500 deep", "many fields", "a text of 2 MB", "task text", "markup"} <= tracked
    assert refused(judged(records(spark, list(given.values())), JOB)).count() == len(given) - len(tracked)


def test_a_projects_claim_number_is_kept_as_it_came(spark: SparkSession) -> None:
    """It is looked up nowhere: whatever text stands there goes along in the project's JSON, unchanged."""
    texts = [claim for claim in ODD_CLAIMS if isinstance(claim, str) and claim != "\ud800"]
    given = [tracking_message(f"e{n}", project={"claim_number": text}) for n, text in enumerate(texts)]
    rows = judged(records(spark, given), JOB).orderBy("offset").select("project").collect()
    assert [json.loads(row.project) for row in rows] == [{"claim_number": text} for text in texts]


def test_required_fields_and_rules_are_settings(spark: SparkSession) -> None:
    """Each rule refuses what breaks it, lets pass what is absent, and names no value in its error."""
    rules = {
        "task_id": FieldRule(one_of=[32513, 40000]),
        "task_status": FieldRule(matches="[a-z_]+", max_length=8),
        "task.priority": FieldRule(equals="high"),
    }
    of = job(field_rules=rules, required_fields=[*JOB.required_fields, "task_name"])
    given = {
        "assigned": tracking_message(task_id="40000"),
        "wrong id": tracking_message(task_id=5),
        "no name": tracking_message(task_name=None),
        "upper": tracking_message(task_status="Assigned"),
        "long": tracking_message(task_status="in_progress"),
        "line": tracking_message(task_status="done\n"),
        "low": with_task(tracking_message(), {"priority": "low"}),
        "high": with_task(tracking_message(), {"priority": "high"}),
    }
    assert verdicts(spark, list(given.values()), of) == [
        TRACKED, "wrong-task-id", "missing-task_name", *["invalid-field"] * 4, TRACKED,
    ]  # fmt: skip
    assert columns(spark, given["low"], "verdict.error", of=of) == (
        "task.priority breaks jobs.task_tracking.field_rules.task.priority",
    )


def test_what_is_to_be_skipped_is_no_dead_letter(spark: SparkSession) -> None:
    """`skip_if` leaves out messages, whatever else is wrong with them."""
    of = job(skip_if=SkipIf(field="task_status", values=["draft"]))
    given = [tracking_message(status="draft", timestamp=None), tracking_message()]
    assert verdicts(spark, given, of) == ["skipped", TRACKED]
    assert refused(judged(records(spark, given), of)).count() == 0


def test_columns_come_from_any_path_with_defaults(spark: SparkSession) -> None:
    """A mapping reads any depth of the message; a default stands in where there is nothing."""
    of = job(mappings={**JOB.mappings, "task_name": "task.details.names.short"}, defaults={"task_name": "unnamed"})
    message = with_task(tracking_message(), {"details": {"names": {"short": "Cab"}}})
    assert columns(spark, message, "task_name", of=of) == ("Cab",)
    assert columns(spark, tracking_message(), "task_name", of=of) == ("unnamed",)


def test_numbers_and_times_that_do_not_fit_are_kept_as_text(spark: SparkSession) -> None:
    """An INT or TIMESTAMP column is NULL where the text does not fit; the text goes along."""
    message = tracking_message(task=2**40)
    message["task"] |= {
        "assigned_to_user_id": "many",
        "created_at": "2026-02-30T00:00:00Z",
        "completed_at": 1768048496789,
    }
    told = columns(spark, message, "assignment_id", "task_completed_at IS NOT NULL AS has", "misfits")
    assert told[0] is None
    assert (
        told[2]
        == '{"assignment_id":"1099511627776","assigned_to_user_id":"many","task_created_at":"2026-02-30T00:00:00Z"}'
    )


def test_the_source_is_the_headers_where_it_can_be_read(spark: SparkSession) -> None:
    """`x-source` tells the coordinates on claimx.events; missing or forged ones, which name what no topic is called, give way
    to the record's own.
    """
    frame = records(spark, [tracking_message()] * 6, topic="tracking", partition=2)
    headers = {0: "a.b-c_D/7/42", 1: "nonsense", 2: "t/99999999999/1", 3: "a/b/7/42", 4: f"{'t' * 250}/7/42"}
    source = F.create_map(*(F.lit(x) for pair in headers.items() for x in pair))[F.col("offset").cast("int")]
    with_header = frame.withColumn(
        "headers", F.array(F.struct(F.lit("x-source").alias("key"), source.cast("binary").alias("value")))
    )
    rows = (
        judged(with_header, JOB).orderBy("offset").select("source_topic", "source_partition", "source_offset").collect()
    )
    assert [tuple(row) for row in rows] == [("a.b-c_D", 7, 42), *(("tracking", 2, n) for n in range(1, 6))]


def test_what_is_asked_for_follows_the_settings(spark: SparkSession) -> None:
    """The task's id in its shortest form, NULL where there is none; the project's only where it is wanted."""
    keys = ("lookup_task_id", "lookup_project_id")
    assert columns(spark, tracking_message(task=789.0), *keys) == ("789", None)
    assert columns(spark, tracking_message(task=" "), *keys) == (None, None)
    assert columns(spark, tracking_message(), *keys, of=job(project_lookup=True)) == ("789", "12345")
    assert columns(spark, tracking_message(), *keys, of=job(lookup_enabled=False)) == (None, None)
    by_template = job(path_params={"task_id": "task.task_id"})
    assert columns(spark, tracking_message(), *keys, of=by_template) == ("32513", None)


def test_fields_that_nobody_knows_are_kept(spark: SparkSession) -> None:
    """A message's further fields stand in `misfits`, as they came, beside what fits no column; known ones do not."""
    others = {"region": "EU", "claimx_task_full": {"a": [1, None]}, "previous_status": "x"}
    message = tracking_message() | others
    message["task"]["created_at"] = "soon"
    [misfits] = columns(spark, message, "misfits")
    assert json.loads(misfits) == {"task_created_at": "soon", "message": others}
    assert columns(spark, tracking_message(), "misfits") == (None,)
    mapped = job(mappings={**JOB.mappings, "task_name": "region"})
    assert columns(spark, tracking_message() | {"region": "EU"}, "misfits", of=mapped) == (None,)


def test_an_id_is_asked_for_as_it_was_given(spark: SparkSession) -> None:
    """A number in its shortest form; a text with an exponent is no number: another task's."""
    given = ["789", 789, 789.0, 1e7, " 789 ", "0012", "7e3", "a b", "-0", ""]
    frame = records(spark, [tracking_message(f"e{n}", task=value) for n, value in enumerate(given)])
    asked = judged(frame, JOB).orderBy("offset").select(TASK_KEY).collect()
    assert [row[0] for row in asked] == ["789", "789", "789", "10000000", "789", "12", "7e3", "a b", "0", None]
