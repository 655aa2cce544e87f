"""Verdicts on records of both topics: one frame, no tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claimx_lib.transforms.identity import Sources, error_of, judged
from tests.fakes.mapping_run import EVENTS, SYNC, numbered, said
from tests.fakes.records import Topic, frame_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SOURCES = Sources(claimx_events=EVENTS, project_sync=SYNC, manual_decisions=SYNC)


def verdicts(session: SparkSession, values: list[Any], *, topic: str = SYNC, sources: Sources = SOURCES) -> DataFrame:
    made = Topic(topic)
    frame = frame_of(session, [made.record(value) for value in values])
    return judged(frame, sources, max_future_seconds=300)


def outcomes(rows: DataFrame) -> list[str]:
    return [row.outcome for row in rows.orderBy("offset").collect()]


BAD = [
    (b"\xff\xfe", "undecodable"),
    (b'["a"]', "undecodable"),
    (b'{"event_id": "e"', "undecodable"),
    (None, "undecodable"),
    (said("A", 1, 1, event_id=None), "missing-event_id"),
    (said("A", 1, 1, domain=None), "missing-domain"),
    (said("A", 1, 1, domain="other"), "invalid-field"),
    (said("A", 1, 1, action="drop"), "invalid-field"),
    (said("A", 1, 1, event_id="x" * 513), "invalid-field"),
    (said(None, 1, 1), "missing-claim_number"),
    (said(" ", 1, 1), "missing-claim_number"),
    (said("---", 1, 1), "invalid-claim-number"),
    (said("000", 1, 1), "invalid-claim-number"),
    (said("x" * 51, 1, 1), "invalid-claim-number"),
    (said("A\u0000B", 1, 1), "invalid-claim-number"),
    (said(1.5, 1, 1), "invalid-claim-number"),
    (said(-5, 1, 1), "invalid-claim-number"),
    (said([], 1, 1), "invalid-claim-number"),
    (said({"a": 1}, 1, 1), "invalid-claim-number"),
    (b'{"event_id":"e","domain":"xact","claim_number":1e5,"timestamp":"2026-01-10T11:00:00Z"}', "invalid-claim-number"),
    (said("A", None, 1, "manual"), "missing-project_id"),
    (said("A", "../admin", 1), "invalid-project-id"),
    (said("A", 2**63, 1), "invalid-project-id"),
    (said("A", 1.5, 1), "invalid-project-id"),
    (said("A", "", 1), "invalid-project-id"),
    (said("A", 1, 1, timestamp=None), "missing-timestamp"),
    (said("A", 1, 1, timestamp="2026-02-30T00:00:00Z"), "bad-timestamp"),
    (said("A", 1, 1, timestamp="2026-01-10T11:00:00"), "bad-timestamp"),
    (said("A", 1, 1, timestamp=1768046400), "bad-timestamp"),
    (said("A", 1, 1, timestamp="2026-01-10T12:05:00.001Z"), "future-timestamp"),
    (said("A", 1, 1, timestamp="9999-01-01T00:00:00Z"), "bad-timestamp"),
]


def test_each_bad_record_is_refused_with_its_reason(spark: SparkSession) -> None:
    """Whatever is wrong with a record of `project.sync`, it alone is refused, with one reason that can be told."""
    good = said("B-1", 7, 1, timestamp="2026-01-10T12:05:00Z")
    rows = verdicts(spark, [*(value for value, _ in BAD), good])
    assert outcomes(rows) == [*(reason for _, reason in BAD), "identity"]
    assert all(error_of(reason, SOURCES) for _, reason in BAD)


PROJECTS_VERDICTS = [
    (numbered(1, "A-1", 1), "identity"),
    (numbered("1", 123456, 1), "identity"),
    (numbered(1, None, 1, project={"claim_number": "A-1"}), "identity"),
    (numbered(1, None, 1), "project"),
    (numbered(1, "  ", 1), "project"),
    (numbered(None, "A-1", 1, project={"project_id": 9}), "identity"),
    (numbered(1, "A-1", 1, action="archived", domain="x"), "identity"),
    (numbered(1, "---", 1), "invalid-claim-number"),
    (numbered("abc", "A-1", 1), "invalid-project-id"),
    (numbered(None, "A-1", 1), "missing-project_id"),
    (numbered(1, "A-1", 1, event_id=""), "missing-event_id"),
    (numbered(1, "A-1", 1, timestamp="soon"), "bad-timestamp"),
    (numbered(1, "A-1", 1, timestamp="2026-01-10T13:00:00Z"), "future-timestamp"),
    ({"event_id": "t", "event_type": "CUSTOM_TASK_ASSIGNED", "project_id": 1}, "not_ours"),
    ({"event_id": "t", "event_type": "CUSTOM_TASK_X", "note": "PROJECT_UPDATED"}, "not_ours"),
    ({"event_id": "t", "event_type": "project_updated"}, "not_ours"),
    (b"PROJECT_ \xff", "not_ours"),
    (b'["PROJECT_UPDATED"]', "not_ours"),
    (b'{"event_type": "PROJECT_UPDATED"', "not_ours"),
    (None, "not_ours"),
]


def test_of_claimx_events_only_project_objects_are_ours(spark: SparkSession) -> None:
    """A PROJECT_* object is used or refused, never dropped in silence; everything else there belongs to task_trigger."""
    rows = verdicts(spark, [value for value, _ in PROJECTS_VERDICTS], topic=EVENTS)
    assert outcomes(rows) == [outcome for _, outcome in PROJECTS_VERDICTS]


def test_the_claim_number_of_a_project_is_found_in_metadata_first(spark: SparkSession) -> None:
    """`metadata.claim_number` comes before `project.claim_number`; name and address are the project's."""
    project = {"claim_number": "B-2", "project_name": " Elm ", "address": {"city": "X"}}
    rows = verdicts(spark, [numbered(1, "A-1", 1, project=project)], topic=EVENTS)
    found = rows.select("claim_number", "claim_key", "source", "why", "project_name", "address").collect()
    assert [tuple(row) for row in found] == [("A-1", "A1", "claimx", "PROJECT_UPDATED", "Elm", '{"city":"X"}')]


def test_people_decide_by_their_own_topic_alone(spark: SparkSession) -> None:
    """With a topic for manual decisions a manual event on `project.sync` is refused, one on that topic is taken."""
    own = Sources(claimx_events=EVENTS, project_sync=SYNC, manual_decisions="decisions")
    event = said("A-1", 9, 4, "manual")
    assert outcomes(verdicts(spark, [event], sources=own)) == ["invalid-field"]
    assert outcomes(verdicts(spark, [event], topic="decisions", sources=own)) == ["identity"]
