"""What the last soak found: docs/benchmarks/soak.json, its picture, and its section of docs/reliability.md."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.results import machine
from tests.soak.lives import Soak
from tests.soak.picture import picture
from tests.soak.world import CLAIMX_EVENTS_A_SECOND, HEAP, XACT_EVENTS_A_SECOND

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "benchmarks" / "soak.json"
PICTURE = ROOT / "docs" / "images" / "soak.svg"
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- soak: written by make soak -->", "<!-- soak: end -->"
PUBLISHED_MINUTES = 45.0
"""A shorter one says on the terminal what it found, and leaves the documents alone."""
Report = dict[str, Any]


def report(done: Soak, minutes: float, trigger_seconds: float) -> Report:
    """Everything that is kept of a soak."""
    trends = [{"series": t.series, "life": t.life, "median": round(t.median, 3), "growth_an_hour": round(t.growth_an_hour, 3),
               "limit": round(t.limit, 3), "is_flat": t.is_flat} for t in done.trends()]  # fmt: skip
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "minutes": minutes,
        "trigger_seconds": trigger_seconds,
        "heap": HEAP,
        "rates": {"claimx.events": CLAIMX_EVENTS_A_SECOND, "xact.events": XACT_EVENTS_A_SECOND},
        "batches": round(sum(sample.get("batches", 0) for sample in done.samples)),
        "ends": [{"minute": round(at, 1), "by": end} for at, end in done.ends],
        "figures": done.figures,
        "violations": done.violations,
        "trends": trends,
        "machine": {**machine(), "load_after": round(os.getloadavg()[1], 1)},
        "samples": done.samples,
    }


def keep(told: Report, *, is_long: bool) -> None:
    """File, picture and section say what this soak found, if it is long enough to be said."""
    if not is_long:
        return
    KEPT.write_text(_compact(told))
    PICTURE.write_text(picture(told["samples"], [(end["minute"], end["by"]) for end in told["ends"]]))
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    section = (
        f"{rendered(told)}\n\n![Memory, threads, files and time a batch over the whole soak](images/{PICTURE.name})"
    )
    DOCUMENT.write_text(f"{head}{BEGIN}\n{section}\n{END}{rest.partition(END)[2]}")


def _compact(told: Report) -> str:
    """One line a sample, so that the file can be looked through."""
    samples = ",\n  ".join(json.dumps(sample) for sample in told["samples"])
    rest = json.dumps({name: value for name, value in told.items() if name != "samples"}, indent=1)
    return f'{rest[:-2]},\n "samples": [\n  {samples}\n ]\n}}\n'


def rendered(told: Report) -> str:
    """The section's table: each series of the long life, its median and what it grows by."""
    figures = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in told["figures"].items())
    ends = ", ".join(end["by"] for end in told["ends"])
    facts = told["machine"]
    lines = [
        f"{told['minutes']:g} minutes, {told['batches']:,} batches, {len(told['violations'])} violations; {figures}.",
        f"Five drivers, ended by {ends}. Triggers of {told['trigger_seconds']:g} s, a heap of {told['heap']}.",
        "",
        "| series | life | median | growth an hour | allowed | flat |",
        "|---|---|---|---|---|---|",
    ]
    for t in told["trends"]:
        cells = [t["series"].replace("_", " "), t["life"], f"{t['median']:.2f}", f"{t['growth_an_hour']:+.2f}",
                 f"{t['limit']:.2f}", "yes" if t["is_flat"] else "**no**"]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if not told["trends"]:
        lines.append("| no life was long enough to be judged | | | | | |")
    lines += ["", f"On: {facts['cpus']} CPUs, {facts['system']}, Python {facts['python']}, load {facts['load_after']} at the end, {told['date']}."]  # fmt: skip
    return "\n".join(lines)
