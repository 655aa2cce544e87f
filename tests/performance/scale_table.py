"""What the slopes in docs/benchmarks/scale.json mean for a number of events a day: the table of docs/scaling.md.

`python -m tests.performance.scale_table` writes it anew; shares are the assumptions of that page.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SLOPES = ROOT / "docs" / "benchmarks" / "scale.json"
DOCUMENT = ROOT / "docs" / "scaling.md"
BEGIN, END = (
    "<!-- slopes: made by tests/performance/scale_table.py from benchmarks/scale.json -->",
    "<!-- end of slopes -->",
)
VOLUMES = (10**5, 10**6, 10**7)
SHARES = {"task_trigger": 1.0, "task_tracking": 0.02, "mapping_sync": 0.05, "task_creation": 0.02}
"""Rows that a job has to deal with, for each ClaimX event."""
DAY_SECONDS, TRIGGER_SECONDS = 86_400, 10


def batches(rows: float) -> float:
    """Triggers of a day that find rows, where they come when they like."""
    triggers = DAY_SECONDS / TRIGGER_SECONDS
    return triggers * (1 - math.exp(-rows / triggers))


def core_seconds(job: dict[str, Any], rows: float) -> float:
    """What a day costs the processor."""
    a_batch, a_row = max(0.0, job["seconds_a_batch"]), max(0.0, job["seconds_a_1000_rows"]) / 1000
    return float(batches(rows) * a_batch + rows * a_row)


def rendered(found: dict[str, Any]) -> str:
    """Both tables between the marks, marks included."""
    jobs = [job for job in SHARES if job in found]
    slopes = [
        f"| `{job}` | {found[job]['seconds_a_batch']:.2f} | {found[job]['seconds_a_1000_rows']:.2f} "
        f"| {found[job]['files_a_batch']} | {found[job]['bytes_a_row']:,} |"
        for job in jobs
    ]
    follow = [
        _line(job, [f"{core_seconds(found[job], v * SHARES[job]) / DAY_SECONDS:.3f}" for v in VOLUMES]) for job in jobs
    ]
    total = [sum(core_seconds(found[job], v * SHARES[job]) for job in jobs) / DAY_SECONDS for v in VOLUMES]
    files = [sum(batches(v * SHARES[job]) * found[job]["files_a_batch"] for job in jobs) for v in VOLUMES]
    room = [sum(v * SHARES[job] * found[job]["bytes_a_row"] for job in jobs) * 365 / 1e9 for v in VOLUMES]
    return "\n".join(
        [
            BEGIN,
            "",
            f"Measured on {found['at'][:10]}, {found['cpus']} processors, one run:",
            "",
            "| job | core seconds a batch | core seconds a 1,000 rows | files a batch | bytes a row |",
            "|---|---|---|---|---|",
            *slopes,
            "",
            "| cores kept busy, mean, at events a day of | 10⁵ | 10⁶ | 10⁷ |",
            "|---|---|---|---|",
            *follow,
            _line("all together", [f"**{cores:.2f}**" for cores in total]),
            _line("files written a day, before compaction", [f"{round(n, -2):,.0f}" for n in files]),
            _line("growth in a year, before retention, GB", [f"{gigabytes:,.1f}" for gigabytes in room]),
            "",
            END,
        ]
    )


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Write the tables into the document."""
    text = DOCUMENT.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(before + rendered(json.loads(SLOPES.read_text("utf-8"))) + after, "utf-8")


if __name__ == "__main__":
    main()
