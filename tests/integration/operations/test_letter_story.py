from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from claimx_lib.config.load import load
from claimx_lib.operations.decision_progress import progress_of
from claimx_lib.operations.letter_story import event_facts, letter_story
from claimx_lib.operations.mapping_search import mapped_claim, search_mapping
from claimx_lib.operations.rule_trace import rule_trace
from tests.fakes.warehouse import NOW, Tables, letter, letter_id, mapping

WAIT = {
    "subject": {"attempts": 2},
    "reason": "project-not-found",
    "next_attempt_at": "2026-11-20T13:00:00.000000+00:00",
}


def history(**values: object) -> dict[str, object]:
    return {
        "event_id": "h1",
        "claim_number": "ABC-123456",
        "claim_key": "ABC123456",
        "to": 55,
        "source": "manual",
        "by": "Ana",
        "why": "phoned them",
        "outcome": "accepted",
        "at": NOW - timedelta(minutes=5),
        **values,
    }


def test_a_letter_tells_its_whole_story_in_order(tmp_path: Path) -> None:
    """Event, tries, refusal, a person's mapping, the task: each from its own table, in the order of time."""
    tables = Tables(tmp_path).create()
    event = {"event_type": "ESTIMATE_CREATED", "timestamp": "2026-11-20T12:00:00Z", "estimate": {"total": 12}}
    tables.append("dead_letters", [letter(1, state="RESOLVED", by="Ana", why="phoned them", closed_at=NOW,
                                          raw_value=json.dumps(event).encode(),
                                          headers=[{"key": "x-claim-number", "value": b"\xff1"}])])  # fmt: skip
    tables.append(
        "xact_task_plan",
        [{"query_id": "q", "batch_id": 1, "decision": "Wait", "event_id": "evt-1", "payload": json.dumps(WAIT),
          "at": NOW - timedelta(hours=2)}],
    )  # fmt: skip
    tables.append("claim_project_mapping_history", [history()])
    tables.append(
        "xact_task_ledger",
        [{"idempotency_key": "k", "event_id": "evt-1", "state": "CREATED", "claimx_task_id": "901", "project_id": 55,
          "at": NOW - timedelta(minutes=1)}],
    )  # fmt: skip
    story = letter_story(tables.sql, letter_id(1))
    assert [(step.kind, step.title) for step in story.steps] == [
        ("event", "ESTIMATE_CREATED"),
        ("attempt", "Try 2: project-not-found"),
        ("refused", "Became a dead letter"),
        ("person", "Mapping: project 55"),
        ("task", "Task created"),
        ("person", "Resolved"),
    ]
    assert story.steps[3].detail == "ABC-123456 from manual by Ana, accepted: phoned them"
    assert story.headers == (("x-claim-number", "\\xff1"),)
    assert story.event.facts == (("estimate.total", "12"),)
    progress = progress_of(tables.sql, story)
    assert progress is not None
    assert [step.is_done for step in progress.steps] == [True, False, True, True]


def test_an_untouched_letter_has_no_progress(tmp_path: Path) -> None:
    """Nothing is said to be on its way before somebody has decided."""
    tables = Tables(tmp_path).create()
    tables.append("dead_letters", [letter(1)])
    assert progress_of(tables.sql, letter_story(tables.sql, letter_id(1))) is None


def test_facts_are_read_from_objects_alone() -> None:
    """Bytes, arrays, broken and bottomless JSON have no facts and raise nothing."""
    for payload in (b"", b"\xff", b"[1]", b"{", b"[" * 100_000, b'"x"', b"null"):
        assert event_facts(payload).facts == ()


def test_the_trace_shows_the_rungs_in_their_order(tmp_path: Path) -> None:
    """A person sees which rules were tried and what the mapping has at each."""
    tables = Tables(tmp_path).create()
    tables.append("claim_project_mapping", [mapping("abc-123456", 9, key="ABC123456")])
    settings = load(environ={"CLAIMX_API_TOKEN": "x"})
    trace = rule_trace(tables.sql, settings, "ABC-123456")
    assert [(step.rule, step.place) for step in trace[:3]] == [
        ("exact", "mapping, this number"),
        ("exact", "ClaimX"),
        ("claim key", "mapping, any spelling"),
    ]
    assert [step.found for step in trace[:3]] == ["nothing", "asked at each try", "project 9 (abc-123456)"]
    assert rule_trace(tables.sql, settings, "---") == ()


def test_the_mapping_is_searched_by_spelling_beginning_and_project(tmp_path: Path) -> None:
    """Exactly what was typed comes first; a project id finds its claims; no text gives the last changed."""
    tables = Tables(tmp_path).create()
    rows = [mapping("abc-123456", 9, key="ABC123456"), mapping("ABC-1234567", 10, key="ABC1234567")]
    tables.append("claim_project_mapping", rows)
    assert [m.claim_number for m in search_mapping(tables.sql, "ABC123456")] == ["abc-123456", "ABC-1234567"]
    assert [m.project_id for m in search_mapping(tables.sql, "10")] == [10]
    assert len(search_mapping(tables.sql, "")) == 2
    assert search_mapping(tables.sql, "'; DROP") == ()
    assert search_mapping(tables.sql, "9" * 40) == ()
    assert mapped_claim(tables.sql, "ABC-123456") is None
