from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.errors import NotFound, TableError, UsageError
from claimx_lib.operations.explain import explain
from claimx_lib.operations.mapping import RIVALS, conflicts, history_of, mappings_of
from tests.fakes.warehouse import NOW, Tables, letter, mapping, project

SETTINGS = load(environ={})


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path).create()


def said(minutes: int, outcome: str, **values: object) -> dict[str, object]:
    at = NOW - timedelta(minutes=minutes)
    given = {"event_id": f"h{minutes}", "claim_number": "ABC-1", "claim_key": "ABC1", "source": "claimx", "at": at}
    return {**given, "action": "set", "event_timestamp": at, "outcome": outcome, **values}


def test_a_claim_is_found_in_every_spelling_its_own_first(tables: Tables) -> None:
    """The row of exactly this number comes first, then those with its key; others stay out."""
    rows = [mapping("abc1", 2, key="ABC1"), mapping("ABC-1", 1, key="ABC1"), mapping("X", 3, key="X")]
    tables.append("claim_project_mapping", rows)
    assert [(row.claim_number, row.project_id) for row in mappings_of(tables.sql, "ABC-1")] == [
        ("ABC-1", 1),
        ("abc1", 2),
    ]


def test_an_unknown_claim_says_what_to_do(tables: Tables) -> None:
    """Without a row in any spelling it is NotFound, with the commands that help."""
    with pytest.raises(NotFound, match="claimx explain A'; --"):
        mappings_of(tables.sql, "A'; --")


def test_tables_in_a_catalog_are_told_with_their_cure() -> None:
    """Where the tables can't be read without a JVM, the error says so."""
    with pytest.raises(TableError, match="Unity Catalog"):
        mappings_of(DeltaSql(root="main.claimx"), "A-1")


def test_the_history_is_told_oldest_first(tables: Tables) -> None:
    """Each statement with its outcome, of every spelling; of too many the newest."""
    rows = [
        said(1, "conflict", to=2, **{"from": 1}),
        said(9, "accepted", to=1),
        said(5, "waiting", claim_number="abc1"),
    ]
    tables.append("claim_project_mapping_history", rows)
    assert [(r.claim_number, r.outcome, r.from_project, r.to_project) for r in history_of(tables.sql, "abc-1")] == [
        ("ABC-1", "accepted", None, 1),
        ("abc1", "waiting", None, None),
        ("ABC-1", "conflict", 1, 2),
    ]
    assert [r.outcome for r in history_of(tables.sql, "abc-1", limit=1)] == ["conflict"]


def test_conflicts_are_keys_that_a_configured_rule_joins(tables: Tables) -> None:
    """Spellings of several projects that a rule joins are listed with it, spellings of one project are not."""
    spellings = [
        ("ABC-1", 1, "ABC1"),
        ("abc-1", 2, "ABC1"),
        ("X-1", 5, "X1"),
        ("x1", 5, "X1"),
        ("0Y", 7, "Y"),
        ("Y", 8, "Y"),
    ]
    tables.append("claim_project_mapping", [mapping(number, p, key=key) for number, p, key in spellings])
    tables.append("claim_project_mapping", [{**mapping("R-1", 3, key="R1"), "rivals": [4, 6]}])
    found = conflicts(tables.sql, SETTINGS)
    assert [(one.claim_key, one.rule, one.projects) for one in found] == [
        ("ABC1", "uppercase", (1, 2)),
        ("Y", "strip_leading_zeros", (7, 8)),
        ("R1", RIVALS, (3, 4, 6)),
    ]
    upper_alone = load(sets=["jobs.task_creation.normalization_rules=[uppercase]"], environ={})
    assert [one.claim_key for one in conflicts(tables.sql, upper_alone)] == ["ABC1", "R1"]
    off = load(sets=["jobs.task_creation.enable_format_normalization=false"], environ={})
    assert [one.claim_key for one in conflicts(tables.sql, off)] == ["R1"]


def test_letter_prefixes_join_only_where_the_setting_says_so(tables: Tables) -> None:
    """ABC-0123 and 123 of two projects are a conflict with `match_without_letter_prefix`, two prefixes never are."""
    numbers = [("ABC-0123", 1), ("123", 2), ("DEF-77", 3), ("GHI-77", 4)]
    tables.append("claim_project_mapping", [mapping(n, p, key=n.replace("-", "")) for n, p in numbers])
    assert conflicts(tables.sql, SETTINGS) == ()
    on = load(sets=["jobs.task_creation.match_without_letter_prefix=true"], environ={})
    assert [(one.claim_key, one.rule) for one in conflicts(tables.sql, on)] == [("123", "without_letter_prefix")]


def test_a_claims_story_is_told_from_every_table_in_order_of_time(tables: Tables) -> None:
    """Mappings, history, pending, plan, ledger and dead letters of every spelling, and of no other claim."""
    tables.append("claim_project_mapping", [mapping("ABC-1", 1, key="ABC1"), mapping("Z", 9, key="Z")])
    tables.append("claimx_projects", [project(1, "abc1", key="ABC1", name="Elm")])
    tables.append("claim_project_mapping_history", [said(2, "accepted", to=1), said(1, "accepted", claim_key="Z")])
    wait = '{"subject": {"attempts": 2}, "reason": "project-not-found"}'
    plan = {"query_id": "q", "batch_id": 1, "decision": "Wait", "payload": wait}
    tables.append("xact_task_plan", [{**plan, "event_id": "evt-1", "at": NOW - timedelta(minutes=50)}])
    tables.append("xact_task_plan", [{**plan, "event_id": "other", "at": NOW}])
    entry = {"idempotency_key": "k", "event_id": "evt-1", "claim_number": "abc-1", "state": "CREATED", "at": NOW}
    tables.append("xact_task_ledger", [{**entry, "claimx_task_id": "77", "project_id": 1}])
    pending = {"event_id": "evt-1", "claim_number": "ABC-1", "claim_key": "ABC1", "attempts": 2}
    tables.append("xact_task_pending", [{**pending, "first_seen_at": NOW - timedelta(minutes=55)}])
    tables.append("dead_letters", [letter(1, claim_number="0abc1", opened_at=NOW - timedelta(minutes=30))])
    story = explain(tables.sql, SETTINGS, " ABC-1 ")
    assert [(step.kind, step.title) for step in story.steps] == [
        ("event", "XACT event evt-1 came and waits"),
        ("attempt", "Try 2: project-not-found"),
        ("refused", "Became a dead letter"),
        ("mapping", "Mapping: project 1"),
        ("task", "Task created"),
    ]
    assert [row.project_id for row in story.mappings] == [1]
    assert [(row.project_id, row.project_name) for row in story.projects] == [(1, "Elm")]
    assert [event.attempts for event in story.pending] == [2]
    assert [found.claim_number for found in story.letters] == ["0abc1"]
    assert story.trace[0].found == "project 1 (ABC-1)"


@pytest.mark.parametrize("claim", ["Stra\u00dfe-1", "\u0131-1", "\u03c2-1", "\u00ff-1"])
def test_a_letter_without_capitals_of_its_own_hides_no_row(tables: Tables, claim: str) -> None:
    """Letters and ledger rows are found by the key of the pipeline, where SQL's own upper() would make another one."""
    tables.append("dead_letters", [letter(1, claim_number=claim)])
    entry = {"idempotency_key": "k", "event_id": "evt-1", "claim_number": claim, "state": "REJECTED", "at": NOW}
    tables.append("xact_task_ledger", [entry])
    story = explain(tables.sql, SETTINGS, claim)
    assert [one.claim_number for one in story.letters] == [claim]
    assert [step.kind for step in story.steps] == ["refused", "task"]


def test_a_claim_nobody_heard_of_is_told_so(tables: Tables) -> None:
    """An unknown claim is NotFound, a text that can be none is wrong usage."""
    with pytest.raises(NotFound, match="nothing was ever heard"):
        explain(tables.sql, SETTINGS, "ABC-1")
    with pytest.raises(UsageError, match="no claim number"):
        explain(tables.sql, SETTINGS, "---")


@pytest.mark.long
def test_a_story_among_many_mappings_takes_less_than_a_second_of_work(tables: Tables) -> None:
    """Among 200,000 mappings the processor's time for one claim stays far below what a JVM's start would take."""
    tables.append("claim_project_mapping", (mapping(f"N-{n}", n, key=f"N{n}") for n in range(200_000)))
    explain(tables.sql, SETTINGS, "N-77")
    started = time.process_time()
    explain(tables.sql, SETTINGS, "N-78")
    assert time.process_time() - started < 2.0


def test_keys_that_no_rule_joins_hide_no_conflict(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys of several projects come before it, a conflict is found; a limit cuts what was found, from the front."""
    monkeypatch.setattr("claimx_lib.operations.mapping._AT_ONCE", 2)
    numbers = [(f"A-{n}", f"A{n}", f"A{n}", n) for n in range(1, 6)] + [("z-9", "Z-9", "Z9", 9)]
    rows = [mapping(number, p, key=key) for one, _, key, p in numbers for number in (one,)]
    rows += [mapping(other, p + 100, key=key) for _, other, key, p in numbers]
    tables.append("claim_project_mapping", rows)
    upper = load(sets=["jobs.task_creation.normalization_rules=[uppercase]"], environ={})
    assert [one.claim_key for one in conflicts(tables.sql, upper, limit=1)] == ["Z9"]
    assert [one.claim_key for one in conflicts(tables.sql, SETTINGS)] == ["A1", "A2", "A3", "A4", "A5", "Z9"]
    assert [one.claim_key for one in conflicts(tables.sql, SETTINGS, limit=3)] == ["A1", "A2", "A3"]


def test_a_story_says_what_it_leaves_out(tables: Tables) -> None:
    """Of more than 500 statements the newest are told, and that there are more; of 500 all, and nothing is said."""
    tables.append("claim_project_mapping_history", [said(n, "accepted", to=1) for n in range(1, 501)])
    whole = explain(tables.sql, SETTINGS, "ABC-1")
    assert (len(whole.steps), whole.left_out) == (500, ())
    tables.append("claim_project_mapping_history", [said(501, "waiting", to=1)])
    cut = explain(tables.sql, SETTINGS, "ABC-1")
    assert (len(cut.steps), cut.left_out) == (500, ("the mapping's history",))
    assert cut.steps == whole.steps
