"""`claimx dlq` as a person types it, on tables without a JVM; nothing here is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claimx_lib.cli.main import main
from tests.fakes.warehouse import Tables, letter, letter_id

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
    for command in (replay, ["dlq", "export", str(tmp_path / "letters.csv")]):
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
