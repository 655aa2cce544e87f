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
    assert [step.is_done for step in progress.steps] == [True, True, True, True]


def test_a_project_is_known_in_whatever_spelling_the_mapping_has_it(tmp_path: Path) -> None:
    """XACT writes ABC-123456, ClaimX ABC123456: the project is known, and the spelling told; an exact row goes before it."""
    tables = Tables(tmp_path).create()
    tables.append("dead_letters", [letter(1, state="REPLAYED", by="Ana", why="w")])
    story = letter_story(tables.sql, letter_id(1))
    steps = {step.title: step for step in progress_of(tables.sql, story).steps}
    assert (steps["Project known"].is_done, steps["Project known"].detail) == (False, "waiting for mapping_sync")
    tables.append("claim_project_mapping", [mapping("ABC123456", 9, key="ABC123456")])
    steps = {step.title: step for step in progress_of(tables.sql, story).steps}
    assert (steps["Project known"].is_done, steps["Project known"].detail) == (True, "project 9, as ABC123456, claimx")
    tables.append("claim_project_mapping", [mapping("abc-123456", 10, key="ABC123456")])
    assert mapped_claim(tables.sql, "ABC-123456") is None  # two spellings, two projects: only a person can tell
    tables.append("claim_project_mapping", [mapping("ABC-123456", 11, key="ABC123456")])
    steps = {step.title: step for step in progress_of(tables.sql, story).steps}
    assert steps["Project known"].detail == "project 11, claimx"


def test_a_letter_that_ended_in_another_one_has_nothing_to_come(tmp_path: Path) -> None:
    """Resolved without a task: the last step is done and says where to look, so that no page waits for ever."""
    tables = Tables(tmp_path).create()
    tables.append("dead_letters", [letter(1, state="RESOLVED", by="Ana", why="phoned", closed_at=NOW)])
    progress = progress_of(tables.sql, letter_story(tables.sql, letter_id(1)))
    assert progress.is_done
    assert (progress.steps[-1].title, "another letter" in progress.steps[-1].detail) == ("Settled", True)


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
    assert mapped_claim(tables.sql, "ABC-12345678") is None


def test_the_trace_meets_its_own_claim_among_many(tmp_path: Path) -> None:
    """Neither hundreds of claims that end in the same digits nor their prefixes take the place of the claim's own rows."""
    tables = Tables(tmp_path).create()
    rows = [mapping(f"{n}-1", n, key=f"{n}1") for n in range(1000, 1300)]
    rows += [mapping(f"X{n}A-1", n, key=f"X{n}A1") for n in range(300)]
    rows += [mapping("zz-1", 7, key="ZZ1"), mapping("0-1", 8, key="1")]
    tables.append("claim_project_mapping", rows)
    off = rule_trace(tables.sql, load(environ={}), "ZZ-1")
    assert [step.found for step in off if step.place == "mapping, any spelling"] == ["project 7 (zz-1)"]
    on = load(sets=["jobs.task_creation.match_without_letter_prefix=true"], environ={})
    found = {step.place: step.found for step in rule_trace(tables.sql, on, "ZZ-1")}
    assert found["mapping, any spelling"] == "project 7 (zz-1)"
    assert found["mapping, without letters"] == "project 7 (zz-1), project 8 (0-1)"
