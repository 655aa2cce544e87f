"""`claimx dlq` as a person types it, on tables without a JVM; nothing here is sent."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from claimx_lib.cli.main import main
from tests.fakes.warehouse import NOW, Tables, letter, letter_id

WHO = ("--by", "ada", "--why", "test data")


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Three letters: an open one, one with a formula, a closed one."""
    monkeypatch.setenv("CLAIMX_WAREHOUSE", str(tmp_path))
    monkeypatch.setenv("CLAIMX_API_TOKEN", "t")
    tables = Tables(tmp_path).create(
        "dead_letters", "xact_task_ledger", "xact_task_plan", "claim_project_mapping_history"
    )
    tables.append("dead_letters", [letter(1), letter(2, claim_number="=1+1"), letter(3, state="RESOLVED")])
    return tables


@pytest.mark.usefixtures("tables")
def test_list_shows_open_letters(capsys):
    """The open letters as JSON with whole ids; every state with ALL; a state that is none is wrong usage."""
    assert main(["dlq", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["dead_letter_id"] for row in listed} == {letter_id(1), letter_id(2)}
    assert main(["dlq", "list", "--state", "all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert main(["dlq", "list", "--state", "LOST"]) == 2
    assert "there is no such state" in capsys.readouterr().err


@pytest.mark.usefixtures("tables")
def test_show_tells_the_whole_letter(capsys):
    """A letter by the beginning of its id, with its record; an unknown one is one line and status 1."""
    assert main(["dlq", "show", letter_id(1)[:12], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["reason"], told["source"]) == ("project-not-found", "xact.events/0/0")
    assert "evt-1" in told["record"]
    assert main(["dlq", "show", "0000000000"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.usefixtures("tables")
def test_what_a_limit_leaves_out_is_told(tmp_path, capsys):
    """More letters than the limit: the oldest are taken, and a line says that more are left; else there is none."""
    replay = ["dlq", "replay", "--reason", "project-not-found", "--dry-run", "--json", *WHO]
    for command in (
        replay,
        ["dlq", "export", str(tmp_path / "letters.csv")],
        ["dlq", "list"],
        ["dlq", "list", "--json"],
    ):
        main([*command, "--limit", "1"])
        assert "more are left" in capsys.readouterr().err
        main([*command, "--limit", "2"])
        assert "more are left" not in capsys.readouterr().err


def test_a_dry_run_changes_nothing(tables, capsys):
    """--dry-run tells what would be done: replay, discard and resolve leave every letter as it is, and reach no broker."""
    before = tables.rows("dead_letters")
    assert main(["dlq", "replay", "--reason", "project-not-found", "--dry-run", "--json", *WHO]) == 0
    assert {row["result"] for row in json.loads(capsys.readouterr().out)} == {"would be sent"}
    assert main(["dlq", "discard", letter_id(1), "--dry-run", *WHO]) == 0
    assert main(["dlq", "resolve", letter_id(1), "--project", "5", "--dry-run", *WHO]) == 0
    assert tables.rows("dead_letters") == before


@pytest.mark.parametrize("reason", ["project-not-found", "project_not_found", "project_not-found"])
def test_a_reason_is_found_as_dashboards_write_it(tables, tmp_path, capsys, reason):
    """Metrics write `project_not_found` for the table's `project-not-found`: list, export and replay take both."""
    tables.append("dead_letters", [letter(7, reason="missing-task_status")])
    assert main(["dlq", "list", "--reason", reason, "--json"]) == 0
    assert {row["dead_letter_id"] for row in json.loads(capsys.readouterr().out)} == {letter_id(1), letter_id(2)}
    assert main(["dlq", "replay", "--reason", reason, "--dry-run", "--json", *WHO]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert main(["dlq", "export", str(tmp_path / "x.csv"), "--reason", "missing_task_status"]) == 0
    assert "1 letters written" in capsys.readouterr().err


@pytest.mark.usefixtures("tables")
def test_words_that_mean_nothing_are_refused(tmp_path, capsys):
    """A reason that no letter has and a job that is none are status 2, with what there is; a known reason may be absent."""
    for command in (["list"], ["export", str(tmp_path / "x.csv")], ["replay", "--dry-run", *WHO]):
        assert main(["dlq", *command, "--reason", "project-not-fuond"]) == 2
        assert "--reason project-not-fuond: no letter has it — there are project-not-found" in capsys.readouterr().err
        assert main(["dlq", *command, "--reason", "task-unknown"]) == 0
        capsys.readouterr()
    for command in (["list"], ["export", str(tmp_path / "x.csv")]):
        assert main(["dlq", *command, "--pipeline", "task_creations"]) == 2
        assert "there is no such job — use one of task_trigger, task_tracking" in capsys.readouterr().err
    Tables(tmp_path / "empty").create("dead_letters")
    assert main(["dlq", "list", "--reason", "missing-x", "--set", f"storage.warehouse={tmp_path / 'empty'}"]) == 0


def test_a_dry_run_promises_nothing_that_would_be_refused(tables, capsys):
    """What `resolve` and `replay` refuse, their --dry-run refuses in the same words, and changes nothing."""
    tables.append("dead_letters", [letter(7, reason="task-rejected"), letter(8, claim_number="---")])
    before = tables.rows("dead_letters")
    refused = {
        (letter_id(7), "5"): "(task-rejected) does not wait for a project",
        (letter_id(3), "5"): "is RESOLVED",
        (letter_id(8), "5"): "is no claim number",
        (letter_id(1), str(2**63)): "is no project id",
    }
    for (name, project), words in refused.items():
        for dry in (["--dry-run"], []):
            assert main(["dlq", "resolve", name, "--project", project, *dry, *WHO]) == 2
            told = capsys.readouterr()
            assert words in told.err
            assert not told.out
    for command in (["resolve", letter_id(1), "--project", "5"], ["replay", letter_id(1)]):
        assert main(["dlq", *command, "--dry-run", "--by", "ada", "--why", " "]) == 2
    assert tables.rows("dead_letters") == before


def test_discard_keeps_who_and_why(tables, capsys):
    """A discarded letter has its state, who and why; without a reason the command is refused."""
    assert main(["dlq", "discard", letter_id(1)[:12], letter_id(3)[:12], *WHO]) == 0
    assert "1 discarded, 1 closed already" in capsys.readouterr().out
    (row,) = tables.rows("dead_letters", f"dead_letter_id = '{letter_id(1)}'")
    assert (row["state"], row["by"], row["why"]) == ("DISCARDED", "ada", "test data")
    assert main(["dlq", "discard", letter_id(2), "--by", "ada", "--why", " "]) == 2


@pytest.mark.usefixtures("tables")
def test_export_escapes_formulas(tmp_path):
    """The file holds every open letter; no cell is a formula."""
    target = tmp_path / "letters.csv"
    assert main(["dlq", "export", str(target)]) == 0
    text = target.read_text("utf-8")
    assert text.count("\n") == 3
    assert "'=1+1" in text


LONG = {"claim_number": "C" * 500, "event_id": "e" * 500, "error": "x" * 5_000}


def test_no_text_of_a_letter_is_cut(tables, tmp_path, capsys):
    """`show`, `list --json` and `export` hold every text whole; a table for people shows where a text goes on."""
    tables.append("dead_letters", [letter(7, **LONG)])
    assert main(["dlq", "show", letter_id(7)[:12], "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert main(["dlq", "list", "--json"]) == 0
    (listed,) = [row for row in json.loads(capsys.readouterr().out) if row["dead_letter_id"] == letter_id(7)]
    assert main(["dlq", "export", str(tmp_path / "all.json"), "--json"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "all.json").read_text("utf-8").splitlines()]
    (exported,) = [row for row in lines if row["dead_letter_id"] == letter_id(7)]
    for name, text in LONG.items():
        assert shown[name] == exported[name] == text
        assert listed.get(name, text) == text
    assert LONG["error"] in next(step["detail"] for step in shown["steps"] if step["kind"] == "refused")
    assert main(["dlq", "list"]) == 0
    assert f"{'C' * 80}…" in capsys.readouterr().out


def test_show_tells_repeated_headers_and_the_reference(tables, capsys):
    """Headers come as a list, in their order; a task's step has the `external_reference` to look for in ClaimX."""
    headers = [{"key": "x-try", "value": b"1"}, {"key": "x-try", "value": b"2"}]
    tables.append("dead_letters", [letter(7, headers=headers, reason="task-unknown")])
    row = {"idempotency_key": "f00d" * 16, "event_id": "evt-7", "state": "UNKNOWN", "project_id": 5, "at": NOW}
    tables.append("xact_task_ledger", [row])
    assert main(["dlq", "show", letter_id(7)[:12], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["headers"] == [{"name": "x-try", "value": "1"}, {"name": "x-try", "value": "2"}]
    (step,) = [step for step in told["steps"] if step["kind"] == "task"]
    assert step["detail"] == f"project 5, external_reference {'f00d' * 16}"
    assert main(["dlq", "show", letter_id(7)[:12]]) == 0
    assert "x-try: 1, x-try: 2" in capsys.readouterr().out


def test_a_story_longer_than_is_shown_says_so(tables, capsys):
    """Of more than a hundred steps the newest are shown, and a line tells that there were older ones."""
    said = [{"event_id": f"h{n}", "claim_key": "ABC123456", "claim_number": "ABC-123456", "outcome": "accepted",
             "at": NOW - timedelta(days=n)} for n in range(120)]  # fmt: skip
    tables.append("claim_project_mapping_history", said)
    assert main(["dlq", "show", letter_id(1)[:12], "--json"]) == 0
    told = capsys.readouterr()
    assert len(json.loads(told.out)["steps"]) == 100
    assert "the newest 100 steps; older ones are left out" in told.err


def test_a_letter_on_its_way_is_not_discarded(tables, capsys):
    """What was sent back may still make a task: it stays as it is, is told, and the status is 1; an open one is closed."""
    tables.append("dead_letters", [letter(7, state="REPLAYED", by="bob", why="mended")])
    for dry in ([], ["--dry-run"]):
        assert main(["dlq", "discard", letter_id(7), *dry, *WHO]) == 1
        told = capsys.readouterr().out
        assert "0 would be discarded" in told if dry else "0 discarded" in told
        assert f"{letter_id(7)[:12]} was sent back and is on its way, not discarded" in told
    (row,) = tables.rows("dead_letters", f"dead_letter_id = '{letter_id(7)}'")
    assert (row["state"], row["by"]) == ("REPLAYED", "bob")
    assert main(["dlq", "discard", letter_id(7), letter_id(1), *WHO]) == 1
    assert "1 discarded, 0 closed already" in capsys.readouterr().out


@pytest.mark.usefixtures("tables")
def test_ids_and_filters_do_not_go_together(capsys):
    """A filter beside ids would be passed over: status 2 with the cure, and nothing is sent."""
    for words in (["--reason", "task-rejected"], ["--since", "2d"]):
        assert main(["dlq", "replay", letter_id(1), *words, *WHO]) == 2
        assert f"{words[0]} together — give ids, or --reason and --since" in capsys.readouterr().err


def test_resolve_counts_the_letters_that_go_back(tables, capsys):
    """All open ones of the claim, or without `auto_recover` this one and those that people have marked; the rest stays."""
    others = [letter(n, by="bob" if n == 8 else None) for n in (7, 8, 9)]
    tables.append("dead_letters", [*others, letter(10, reason="task-rejected"), letter(11, claim_number="ZZ-1")])
    resolve = ["dlq", "resolve", letter_id(1), "--project", "5", "--dry-run", *WHO]
    assert main(resolve) == 0
    assert capsys.readouterr().out.endswith("would be published; when the mapping has it 4 letters go back\n")
    assert main([*resolve, "--set", "jobs.task_creation.auto_recover=false"]) == 0
    told = capsys.readouterr().out
    assert "when the mapping has it 2 letters go back; 2 other letters of the claim stay open" in told
    assert "jobs.task_creation.auto_recover is false" in told


def test_another_persons_decision_stands(tables, capsys):
    """A letter that somebody has decided about is refused by name and left out of a reason's, until one says otherwise."""
    decided = {"by": "Ana", "why": "phoned them"}
    tables.append("dead_letters", [letter(4, **decided), letter(5, by="auto_recover", why="a mapping arrived")])
    before = tables.rows("dead_letters")
    resolve = ["dlq", "resolve", letter_id(4), "--project", "2", "--dry-run", *WHO]
    discard = ["dlq", "discard", letter_id(1), letter_id(4), *WHO]
    replay = ["dlq", "replay", letter_id(4), "--dry-run", *WHO]
    for command in (resolve, discard, replay):
        assert main(command) == 1
        told = capsys.readouterr().err
        assert told.startswith(f"claimx: dead letter {letter_id(4)[:12]}: Ana decided it already")
        assert "--even-if-decided" in told
        assert told.count("\n") == 1
    assert tables.rows("dead_letters") == before
    reason = ["dlq", "replay", "--reason", "project-not-found", "--dry-run", "--json", *WHO]
    assert main(reason) == 0
    out, err = capsys.readouterr()
    assert {row["dead_letter_id"] for row in json.loads(out)} == {letter_id(n) for n in (1, 2, 5)}
    assert err.startswith("1 that a person has decided are left out")
    assert main([*reason, "--even-if-decided"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 4
    assert not err
    assert main([*resolve, "--even-if-decided"]) == 0
    assert main([*discard, "--even-if-decided"]) == 0
    assert {row["by"] for row in tables.rows("dead_letters", "state = 'DISCARDED'")} == {"ada"}
