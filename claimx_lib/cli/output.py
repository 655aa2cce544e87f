"""What commands print: JSON for machines, aligned columns for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, TypeVar

Row = Mapping[str, Any]
T = TypeVar("T")


def print_json(value: Any, *, is_one_line: bool = False) -> None:
    """Print one JSON document, on a line of its own where many follow each other; times in ISO 8601."""
    print(json.dumps(value, default=_as_json, ensure_ascii=False, indent=None if is_one_line else 2))


def print_rows(rows: Iterable[Row], columns: Sequence[str], *, as_json: bool, empty: str = "nothing") -> None:
    """Print the rows as a JSON list, or as columns with a heading; `empty` to people where there are none."""
    listed = list(rows)
    if as_json:
        print_json([{name: row.get(name) for name in columns} for row in listed])
    elif listed:
        _print_table([[printable(row.get(name)) for name in columns] for row in listed], columns)
    else:
        print(empty)


def printable(value: Any) -> str:
    """Return the value as one line that a terminal shows and does not obey."""
    if isinstance(value, (tuple, list)):
        return ", ".join(printable(one) for one in value) or "-"
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(value))


def tell(text: str) -> None:
    """Print a line about what is going on to standard error, so that standard output stays data."""
    print(text, file=sys.stderr)


def within_limit(
    rows: tuple[T, ...], limit: int, *, kept: Literal["oldest", "newest", "first"] = "oldest"
) -> tuple[T, ...]:
    """Return `limit` of the rows, the last ones where the newest are kept; a line tells where more are left."""
    if len(rows) <= limit:
        return rows
    tell(f"the {kept} {limit}; more are left: raise --limit")
    return rows[-limit:] if kept == "newest" else rows[:limit]


def _print_table(cells: list[list[str]], columns: Sequence[str]) -> None:
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(columns)]
    for row in [[name.upper().replace("_", " ") for name in columns], *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _as_json(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
