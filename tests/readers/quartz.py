"""Quartz cron expressions, as Databricks schedules take them: what is wrong with one."""

from __future__ import annotations

import re

FIELDS = (
    ("seconds", 0, 59, ()),
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    ("day of the week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
    ("year", 1970, 2099, ()),
)
PART = re.compile(r"(\*|[A-Z]{3}|\d+)(?:-([A-Z]{3}|\d+))?(?:/(\d+))?$")
LAST = re.compile(r"(L(-\d+)?|LW|\d+W|[1-7]L|[1-7]#[1-5])$")
DAYS = (3, 5)


def mistake_of(expression: str) -> str | None:
    """What is wrong with the expression, None where nothing is."""
    parts = expression.upper().split()
    if len(parts) not in {6, 7}:
        return f"{expression!r} has {len(parts)} fields, Quartz takes six or seven, seconds first"
    if sum(parts[number] == "?" for number in DAYS) != 1:
        return f"{expression!r}: exactly one of day of the month and day of the week is `?`"
    for number, (part, (name, low, high, names)) in enumerate(zip(parts, FIELDS, strict=False)):
        if number in DAYS and (part == "?" or LAST.match(part)):
            continue
        if not all(_is_right(item, low, high, names) for item in part.split(",")):
            return f"{expression!r}: {part} is nothing for the {name}"
    return None


def _is_right(item: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    found = PART.match(item)
    if found is None:
        return False
    ends = [end for end in found.groups()[:2] if end not in {None, "*"}]
    return all(end in names or (end.isdigit() and low <= int(end) <= high) for end in ends)
