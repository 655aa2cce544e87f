"""What commands print."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from claimx_lib.cli.output import print_json, print_rows, printable, within_limit


@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b]0;owned\x07", "a\nb", "\u202egnp.exe", "tab\there"])
def test_a_terminal_shows_what_it_is_given_and_obeys_nothing(hostile: str) -> None:
    """Control characters, line ends and reversed text are shown as codes."""
    assert printable(hostile).isprintable()


def test_rows_are_aligned_for_people_and_a_list_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """The same rows come as columns or as JSON with the same names; times in ISO 8601."""
    rows = [{"name": "a", "at": datetime(2026, 1, 10, tzinfo=UTC)}, {"name": "longer"}]
    print_rows(rows, ("name", "at"), as_json=False)
    assert capsys.readouterr().out.splitlines() == ["NAME    AT", "a       2026-01-10T00:00:00Z", "longer  -"]
    print_rows(rows, ("name", "at"), as_json=True)
    assert json.loads(capsys.readouterr().out)[0] == {"name": "a", "at": "2026-01-10T00:00:00Z"}


def test_a_cell_of_several_values_lists_them() -> None:
    """A person reads values, not Python's brackets; none is a dash."""
    assert (printable((52002, 52003)), printable(())) == ("52002, 52003", "-")


def test_nothing_is_told_as_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty listing says so to people and is an empty list to machines."""
    print_rows([], ("name",), as_json=False, empty="no dead letters")
    print_rows([], ("name",), as_json=True)
    assert capsys.readouterr().out == "no dead letters\n[]\n"


def test_bytes_that_are_no_text_are_printed_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """A raw value of any bytes is JSON."""
    print_json({"raw": b"\xff\x00a"})
    assert json.loads(capsys.readouterr().out) == {"raw": "\\xff\x00a"}


@pytest.mark.parametrize(("kept", "left"), [("oldest", (1, 2)), ("first", (1, 2)), ("newest", (2, 3))])
def test_what_a_limit_leaves_out_is_told(kept, left, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names which rows are kept; within the limit there is none."""
    assert within_limit((1, 2, 3), 2, kept=kept) == left
    assert capsys.readouterr().err == f"the {kept} 2; more are left: raise --limit\n"
    assert within_limit((1, 2), 2, kept=kept) == (1, 2)
    assert capsys.readouterr().err == ""
