"""Exports that a spreadsheet shows and does not carry out."""

from __future__ import annotations

import csv
import io
import json

import pytest

from claimx_lib.operations.letter_export import COLUMNS, export, harmless
from claimx_lib.operations.review import LetterFilter, letters_wanted
from tests.fakes.warehouse import Tables, letter


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", " =1", "\t=1", "\uff1d1"])
def test_no_cell_is_a_formula(text):
    """A text that a spreadsheet would carry out is written as a text."""
    assert harmless(text).startswith("'")


def test_both_forms_hold_every_letter(tmp_path):
    """CSV has a heading and a line for each letter, JSON an object a line."""
    tables = Tables(tmp_path).create("dead_letters")
    tables.append("dead_letters", [letter(1, claim_number="=1+1"), letter(2)])
    rows = letters_wanted(tables.sql, LetterFilter(), limit=10)
    as_csv, as_json = io.StringIO(), io.StringIO()
    assert export(rows, as_csv, "csv") == export(rows, as_json, "json") == 2
    lines = list(csv.reader(io.StringIO(as_csv.getvalue())))
    assert tuple(lines[0]) == COLUMNS
    assert {line[COLUMNS.index("claim_number")] for line in lines[1:]} == {"'=1+1", "ABC-123456"}
    assert {json.loads(line)["claim_number"] for line in as_json.getvalue().splitlines()} == {"=1+1", "ABC-123456"}
