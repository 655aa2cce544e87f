"""What all invocations found so far: docs/benchmarks/faults.json, and the table of it in docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.plan import SIGNALS, TERM, crash_points
from tests.faults.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "benchmarks" / "faults.json"
DOCUMENT = ROOT / "docs" / "reliability.md"
_HEAD = ("world or scenario", "seed", "date", "commit", "JVM", "kills", "records", "calls", "tasks",
         "answers dropped after the commit", "violations")  # fmt: skip
BEGIN, END = "<!-- faults: written by make faults -->", "<!-- faults: end -->"


def machine() -> dict[str, str | int]:
    """What the figures depend on."""
    return {"cpus": os.cpu_count() or 0, "system": platform.system(), "python": platform.python_version()}


def commit() -> str:
    """The commit that the results are of; nothing outside a clone."""
    git = shutil.which("git")
    told = subprocess.run([git, "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                          check=False) if git else None  # fmt: skip
    return told.stdout.strip() if told is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A world (or a scenario) that was run to its end."""

    seed: int
    name: str
    date: str
    seconds: int
    hits: dict[str, int]
    misses: dict[str, int]
    violations: list[str]
    figures: dict[str, int]
    jvm: str
    machine: dict[str, str | int] = field(default_factory=machine)
    commit: str = ""
    never_hit: list[str] = field(default_factory=list)


def entries() -> list[Entry]:
    """All that is kept."""
    return [Entry(**told) for told in json.loads(KEPT.read_text())] if KEPT.is_file() else []


def keep(entry: Entry) -> None:
    """The entry is in the file and the document's table is of all entries; one of the same seed and name is replaced."""
    others = [one for one in entries() if (one.seed, one.name) != (entry.seed, entry.name)]
    listed = sorted([*others, entry], key=lambda one: (one.name, one.seed))
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps([asdict(one) for one in listed], indent=1) + "\n")
    if DOCUMENT.is_file():
        head, _, rest = DOCUMENT.read_text().partition(BEGIN)
        tail = rest.partition(END)[2]
        DOCUMENT.write_text(f"{head}{BEGIN}\n{rendered(listed)}\n{END}{tail}")


def rendered(listed: Sequence[Entry]) -> str:
    """The results as tables: each fault and how often it hit, then each world."""
    worlds = [one for one in listed if one.name in SIGNALS]
    hits: dict[str, Counter[str]] = {pipeline: Counter() for pipeline in SIGNALS}
    for one in worlds:
        hits[one.name].update(one.hits)
    kills = sum(n for counted in hits.values() for name, n in counted.items() if name != TERM)
    broken = sum(len(one.violations) for one in listed)
    lines = [f"{kills} kills inside a batch in {len(worlds)} worlds, {broken} violations.", _answers(listed), ""]
    lines += ["| pipeline | fault | times hit inside a batch |", "|---|---|---|"]
    for pipeline, points in crash_points().items():
        for name in (*points, *dict.fromkeys(SIGNALS[pipeline])):
            lines.append(
                f"| {pipeline} | {name if name in SIGNALS[pipeline] else f'`{name}`'} | {hits[pipeline][name]} |"
            )
    lines += ["", f"| {' | '.join(_HEAD)} |", "|" + "---|" * len(_HEAD)]
    lines += [_line(one) for one in listed]
    machines = sorted(
        {f"{m['cpus']} CPUs, {m['system']}, Python {m['python']}" for m in (one.machine for one in listed)}
    )
    lines += ["", f"On: {'; '.join(machines) or 'nothing yet'}."]
    late = [f"{told} ({one.name}, seed {one.seed})" for one in listed for told in one.never_hit]
    lines += ["", f"Planned, and never hit: {', '.join(late)}."] if late else []
    missing = sorted(set(SCENARIOS) - {one.name for one in listed if one.hits})
    lines += ["", f"Scenarios that have not run: {', '.join(missing) or 'none'}."]
    return "\n".join(lines)


def _answers(listed: Sequence[Entry]) -> str:
    """What became of the answers that ClaimX dropped after it had committed."""
    tasks, dropped = (sum(one.figures.get(name, 0) for one in listed) for name in ("tasks", "dropped_answers"))
    wrong = [told for one in listed for told in one.violations if told.startswith(("I1 xact", "I2", "I3"))]
    outcome = f"{len(wrong)} breaches" if wrong else "each event has one task or a reason, none is unaccounted for"
    return f"{tasks} tasks, of which ClaimX dropped {dropped} answers after the commit: {outcome}."


def _line(one: Entry) -> str:
    kills = sum(n for name, n in one.hits.items() if name != TERM) if one.name in SIGNALS else "-"
    figures = [one.figures.get(name, 0) for name in ("records", "calls", "tasks", "dropped_answers")]
    cells = [one.name, one.seed, one.date, one.commit, one.jvm, kills, *figures, len(one.violations)]
    return f"| {' | '.join(map(str, cells))} |"
