"""What docs/performance.md shows of docs/benchmarks/latest.json: a table, one line a ratio, and a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.performance import picture

ROOT = Path(__file__).resolve().parents[2]
LATEST = ROOT / "docs" / "benchmarks" / "latest.json"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- ratios: written by make bench -->", "<!-- ratios: end -->"
RATIOS = tuple(f"R{n}" for n in range(1, 17))
_HEAD = ("", "ratio", "goal", "figure", "range", "met", "load before", "on", "commit")


def entries() -> dict[str, Any]:
    """All that is kept, by the ratio's name."""
    return json.loads(LATEST.read_text("utf-8")) if LATEST.is_file() else {}


def write() -> None:
    """The document's table and its picture are of all entries."""
    picture.write(entries())
    if DOCUMENT.is_file():
        head, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        DOCUMENT.write_text(f"{head}{BEGIN}\n{rendered(entries())}\n{END}{tail}", "utf-8")


def rendered(kept: Mapping[str, Any]) -> str:
    """The table: every ratio in order, "not measured" where there is no entry."""
    lines = [f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD)]
    lines += [_line(name, kept.get(name)) for name in (*RATIOS, *(name for name in kept if name not in RATIOS))]
    return "\n".join(lines)


def _line(name: str, entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return f"| {name} | not measured |" + " |" * (len(_HEAD) - 2)
    met = "yes" if entry["holds"] else "below" if entry["goal"].endswith("(informs)") else "**no**"
    load = entry["machine"].get("load_before", "")
    cells = [
        name,
        entry["what"],
        entry["goal"],
        f"{entry['figure']:.2f}",
        f"{entry['low']:.2f} – {entry['high']:.2f}",  # noqa: RUF001 - a range
        met,
        load,
        entry["at"][:10],
        entry.get("commit", ""),
    ]
    return f"| {' | '.join(map(str, cells))} |"
