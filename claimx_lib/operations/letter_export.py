"""Dead letters as a file that a spreadsheet shows and does not carry out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal, TextIO

from claimx_lib.operations.review import LetterRow

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are full-width: a spreadsheet takes them too."""
COLUMNS = tuple(field.name for field in fields(LetterRow))


def export(rows: Iterable[LetterRow], target: TextIO, form: Literal["csv", "json"]) -> int:
    """Write the letters, CSV with a heading or one JSON object a line; return how many."""
    writer = csv.writer(target)
    if form == "csv":
        writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        values = facts(row)
        if form == "csv":
            writer.writerow([harmless(values[name]) for name in COLUMNS])
        else:
            target.write(json.dumps(values, ensure_ascii=False) + "\n")
        count += 1
    return count


def facts(row: LetterRow) -> dict[str, Any]:
    """A letter's columns as JSON takes them."""
    values = {name: getattr(row, name) for name in COLUMNS}
    return {name: v.isoformat().replace("+00:00", "Z") if isinstance(v, datetime) else v for name, v in values.items()}


def harmless(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text
