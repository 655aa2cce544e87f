"""`claimx mapping` as a person types it, on tables without a JVM; nothing here is sent."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from claimx_lib.cli.main import main
from tests.fakes.warehouse import NOW, Tables, mapping

WHO = ("--by", "ann", "--why", "test data")


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Two spellings of one number with projects of their own, and another claim."""
    monkeypatch.setenv("CLAIMX_WAREHOUSE", str(tmp_path))
    monkeypatch.setenv("CLAIMX_API_TOKEN", "t")
    tables = Tables(tmp_path).create("claim_project_mapping", "claim_project_mapping_history", "claimx_projects")
    rows = [mapping("ABC-1", 10, key="ABC1"), mapping("abc1", 11, key="ABC1"), mapping("Z-9", 12, key="Z9")]
    tables.append("claim_project_mapping", rows)
    return tables


@pytest.mark.usefixtures("tables")
def test_get_shows_every_spelling(capsys):
    """A claim's project and those of its other spellings, no other claim's; an unknown claim is one line with the cure."""
    assert main(["mapping", "get", "ABC-1", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["claim_number"]: row["project_id"] for row in listed} == {"ABC-1": 10, "abc1": 11}
    assert main(["mapping", "get", "NONE-1"]) == 1
    assert "claimx mapping set NONE-1 PROJECT" in capsys.readouterr().err


@pytest.mark.usefixtures("tables")
def test_conflicts_lists_keys_of_several_projects(capsys):
    """The key at which two spellings meet stands with both projects and the rule that joins them; a sole claim does not."""
    assert main(["mapping", "conflicts", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(row["claim_key"], sorted(row["projects"])) for row in listed] == [("ABC1", [10, 11])]
    assert listed[0]["rule"]


@pytest.mark.usefixtures("tables")
def test_history_of_an_untold_claim_is_said(capsys):
    """A claim of which nobody spoke has no history, and the command says so with status 0."""
    assert main(["mapping", "history", "Z-9"]) == 0
    assert "nothing was said about this claim" in capsys.readouterr().out


@pytest.mark.usefixtures("tables")
def test_a_wrong_decision_is_refused(capsys):
    """A project that is no number, a claim of dashes, a missing reason: one line with the cure, and nothing is sent."""
    for arguments in (["set", "ABC-1", "12a"], ["set", "---", "12"], ["unset", "   "]):
        assert main(["mapping", *arguments, *WHO]) in {1, 2}, arguments
        assert capsys.readouterr().err.strip()
    assert main(["mapping", "set", "ABC-1", "12", "--by", "ann", "--why", " "]) == 2


@pytest.mark.usefixtures("tables")
def test_a_dry_run_sends_nothing(capsys):
    """--dry-run tells how many decisions would go where, and needs no broker."""
    assert main(["mapping", "set", "ABC-1", "12", "--dry-run", *WHO]) == 0
    assert main(["mapping", "unset", "ABC-1", "--dry-run", *WHO]) == 0
    assert capsys.readouterr().out.count("1 decision would be published to project.sync") == 2


@pytest.mark.usefixtures("tables")
def test_one_wrong_line_imports_nothing(tmp_path, capsys):
    """A file is taken as a whole: its wrong line is named; without it, each line is a decision."""
    file = tmp_path / "projects.csv"
    file.write_text("claim_number,project_id\nA-1,1\nB-2,x\n")
    assert main(["mapping", "import", str(file), "--dry-run", *WHO]) == 2
    assert "line 3" in capsys.readouterr().err
    file.write_text("claim_number,project_id\nA-1,1\nB-2,2\n")
    assert main(["mapping", "import", str(file), "--dry-run", *WHO]) == 0
    assert "2 decisions would be published" in capsys.readouterr().out


def test_what_a_limit_leaves_out_is_told(tables, capsys):
    """Of a longer history the newest are shown, oldest first, of more conflicts the first, and a line tells that more is there."""
    said = [{"event_id": f"h{n}", "claim_number": "Z-9", "claim_key": "Z9", "outcome": "accepted",
             "at": NOW - timedelta(days=n)} for n in (1, 2, 3)]  # fmt: skip
    tables.append("claim_project_mapping_history", said)
    tables.append("claim_project_mapping", [mapping("Y-1", 20, key="Y1"), mapping("y1", 21, key="Y1")])
    assert main(["mapping", "history", "Z-9", "--limit", "2", "--json"]) == 0
    told = capsys.readouterr()
    assert [row["event_id"] for row in json.loads(told.out)] == ["h2", "h1"]
    assert "the newest 2; more are left: raise --limit" in told.err
    assert main(["mapping", "conflicts", "--limit", "1", "--json"]) == 0
    told = capsys.readouterr()
    assert [row["claim_key"] for row in json.loads(told.out)] == ["ABC1"]
    assert "the first 1; more are left: raise --limit" in told.err
    for words in (["history", "Z-9", "--limit", "3"], ["conflicts", "--limit", "2"]):
        assert main(["mapping", *words]) == 0
        assert capsys.readouterr().err == ""
