"""How claims found their projects, from the ledger, the plan and the mapping's history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from claimx_lib.transforms.analysis import identity
from tests.fakes.analysis import assert_rows, history, hour, ledger, letter, letters, pending, plan, step, told

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def decided(key: str, decision: str, happened: float) -> dict[str, object]:
    payload = {"subject": {"event": {"happened_at": hour(happened).isoformat()}}}
    return {"event_id": f"event-{key}", "decision": decision, "payload": json.dumps(payload)}


def test_an_outcome_outlasts_what_is_written_after_it(spark: SparkSession) -> None:
    """A task that is there stays there; else the newest row counts, and one that lost the race for a key never does."""
    steps = ledger(
        spark,
        step("a", "INTENT", 1),
        step("a", "CREATED", 1),
        step("a", "NOT_SENT", 2, reason="not-owner"),
        step("b", "INTENT", 1),
        step("c", "NOT_SENT", 1, reason="refused"),
        step("c", "INTENT", 2),
        step("c", "REJECTED", 3, reason="task-rejected"),
        step("d", "UNKNOWN", 1),
        step("d", "ADOPTED", 5),
    )
    assert_rows(
        identity.task_outcomes(steps),
        "state STRING, reason STRING, tasks LONG",
        ("ADOPTED", None, 1),
        ("CREATED", None, 1),
        ("INTENT", None, 1),
        ("REJECTED", "task-rejected", 1),
        in_order=True,
    )


def test_a_resolution_names_way_rule_and_source(spark: SparkSession) -> None:
    """The source is the newest one that had told of the project before the task was made; the API's word is ClaimX's."""
    steps = ledger(
        spark,
        step("exact", "CREATED", 10),
        step("manual", "CREATED", 20),
        step("key", "CREATED", 10, claim_number="0-99", project_id=9, resolved_by="mapping_key:remove_dashes"),
        step("api", "ADOPTED", 10, claim_number="XYZ", project_id=5, resolved_by="api:exact"),
        step("lost", "CREATED", 10, claim_number="old", project_id=3),
        step("bare", "CREATED", 10, claim_number="old", project_id=3, resolved_by=None),
        step("never", "REJECTED", 10),
    )
    events = history(
        spark,
        told(1, 1),
        told(2, 15, source="manual"),
        told(3, 30, source="xact"),
        told(4, 2, claim="99", project=9, source="xact"),
        told(5, 2, project=8, source="manual"),
        told(6, 3, outcome="refused", source="xact"),
        told(7, 12, claim="XYZ", project=5, source="xact"),
    )
    assert_rows(
        identity.resolutions(steps, events),
        "way STRING, rule STRING, source STRING, tasks LONG",
        ("api", "exact", "claimx", 1),
        ("mapping", "exact", "claimx", 1),
        ("mapping", "exact", "manual", 1),
        ("mapping", "exact", "unknown", 1),
        ("mapping_key", "remove_dashes", "xact", 1),
        ("unknown", "unknown", "unknown", 1),
        in_order=True,
    )


def test_delay_runs_from_the_estimate_to_the_first_word_of_its_task(spark: SparkSession) -> None:
    """A task counts once, from its event's own time; one whose plan has been cleared away is left out."""
    steps = ledger(
        spark,
        step("a", "INTENT", 1),
        step("a", "CREATED", 2),
        step("a", "ADOPTED", 9),
        step("b", "CREATED", 4, resolved_by="api:uppercase"),
        step("c", "CREATED", 5),
        step("d", "UNKNOWN", 5),
    )
    decisions = plan(
        spark,
        decided("a", "Create", 0),
        decided("a", "Drop", 0),
        decided("b", "Create", 1),
        decided("b", "Wait", 1),
        decided("d", "Create", 1),
        {"event_id": "event-c", "decision": "Create", "payload": "{"},
    )
    assert_rows(
        identity.delay_to_task(steps, decisions),
        "idempotency_key STRING, event_id STRING, claim_number STRING, rule STRING, happened_at TIMESTAMP, "
        "created_at TIMESTAMP, seconds DOUBLE, has_waited BOOLEAN",
        ("a", "event-a", "ABC-1", "mapping:exact", hour(0), hour(2), 7200.0, False),
        ("b", "event-b", "ABC-1", "api:uppercase", hour(1), hour(4), 10800.0, True),
    )


def test_changes_are_counted_by_source_and_outcome(spark: SparkSession) -> None:
    """Every identity event counts, whatever became of it; claims count once."""
    events = history(spark, told(1, 1), told(2, 2), told(3, 3, source="manual"), told(4, 4, outcome="waiting"))
    assert_rows(
        identity.mapping_changes(events),
        "source STRING, outcome STRING, events LONG, claims LONG",
        ("claimx", "accepted", 2, 1),
        ("claimx", "waiting", 1, 1),
        ("manual", "accepted", 1, 1),
        in_order=True,
    )


def test_a_claim_of_two_projects_is_a_conflict_in_any_spelling(spark: SparkSession) -> None:
    """Claims told to belong to several projects, with whether a person has decided; refused and waiting events don't count."""
    events = history(
        spark,
        told(1, 1, claim="GHI-4"),
        told(2, 2, claim="ghi4", project=8),
        told(3, 1, claim="X-1"),
        told(4, 5, claim="X-1", project=8, outcome="conflict"),
        told(5, 6, claim="X-1", project=8, source="manual"),
        told(6, 1, claim="Y"),
        told(7, 2, claim="Y", project=8, outcome="refused"),
        told(8, 3, claim="Y", project=None, outcome="waiting"),
    )
    assert_rows(
        identity.conflicts(events),
        "claim_key STRING, claim_numbers ARRAY<STRING>, project_ids ARRAY<LONG>, conflicts LONG, is_decided BOOLEAN, "
        "last_at TIMESTAMP",
        ("X1", ["X-1"], [7, 8], 1, True, hour(6)),
        ("GHI4", ["GHI-4", "ghi4"], [7, 8], 0, False, hour(2)),
        in_order=True,
    )


def test_a_decision_that_was_withdrawn_decides_nothing(spark: SparkSession) -> None:
    """A person's newest word counts, for each spelling on its own, by the events' order: one decision in force is enough."""
    unset = {"project": None, "source": "manual", "action": "unset", "outcome": "withdrawn", "at": hour(9)}
    events = history(
        spark,
        told(1, 1, claim="A-1"),
        told(2, 2, claim="A-1", project=8, source="manual"),
        told(3, 3, claim="A-1", **unset),
        told(4, 1, claim="B-1"),
        told(5, 2, claim="B-1", project=8, source="manual"),
        told(6, 3, claim="B-1", **unset),
        told(7, 4, claim="B-1", project=8, source="manual", at=hour(9)),
        told(8, 5, claim="B-1", project=6),
        told(9, 1, claim="c1", project=8, source="manual"),
        told(10, 2, claim="C-1", source="manual"),
        told(11, 3, claim="C-1", **unset),
    )
    assert_rows(
        identity.conflicts(events).select("claim_key", "claim_numbers", "project_ids", "is_decided", "last_at"),
        "claim_key STRING, claim_numbers ARRAY<STRING>, project_ids ARRAY<LONG>, is_decided BOOLEAN, last_at TIMESTAMP",
        ("B1", ["B-1"], [6, 7, 8], True, hour(9)),
        ("A1", ["A-1"], [7, 8], False, hour(2)),
        ("C1", ["C-1", "c1"], [7, 8], True, hour(2)),
        in_order=True,
    )


def test_what_waits_is_told_by_age(spark: SparkSession) -> None:
    """Ages fall into bands, a bound belongs to the older one; the youngest come first."""
    waiting = pending(
        spark,
        *(
            {"event_id": f"p{age}", "first_seen_at": hour(200 - age), "last_reason": "project-not-found"}
            for age in (0.5, 1, 23, 24, 100, 168, 199)
        ),
    )
    assert_rows(
        identity.pending_by_age(waiting, as_of=hour(200)),
        "age STRING, reason STRING, events LONG, oldest_hours DOUBLE",
        ("under 1 h", "project-not-found", 1, 0.5),
        ("1 to 24 h", "project-not-found", 2, 23.0),
        ("1 to 3 days", "project-not-found", 1, 24.0),
        ("3 to 7 days", "project-not-found", 1, 100.0),
        ("over 7 days", "project-not-found", 2, 199.0),
        in_order=True,
    )


def test_only_open_letters_age(spark: SparkSession) -> None:
    """Letters that somebody has settled or sent back are not waiting."""
    found = letters(
        spark,
        letter("a", 0),
        letter("b", 1, reason="undecodable"),
        letter("c", 2, state="RESOLVED"),
        letter("d", 3, state="REPLAYED"),
    )
    assert_rows(
        identity.dead_letters_by_age(found, as_of=hour(30)),
        "age STRING, reason STRING, events LONG, oldest_hours DOUBLE",
        ("1 to 3 days", "project-not-found", 1, 30.0),
        ("1 to 3 days", "undecodable", 1, 29.0),
        in_order=True,
    )
