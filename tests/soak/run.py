"""`python tests/soak/run.py [--minutes 60]`: all jobs at a steady rate, with restarts; memory, threads, files and time a batch.

Writes docs/benchmarks/soak.json, docs/images/soak.svg and the section of docs/reliability.md. Ends with 1 where a series
is not flat, or not judged in a soak that is long enough, or where a count does not add up.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.faults.stack import stack  # noqa: E402 # found only now
from tests.soak import document  # noqa: E402
from tests.soak.lives import Soak  # noqa: E402
from tests.soak.verdict import unjudged  # noqa: E402
from tests.soak.world import new_soak_world  # noqa: E402


def main(words: list[str]) -> int:
    """Runs, judges, writes; 0 where everything is flat and adds up."""
    given = arguments().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing stays behind
    folder = Path(tempfile.mkdtemp(prefix="claimx-soak-"))
    print(f"{given.minutes:g} minutes, seed {given.seed}; files in {folder}", flush=True)
    with stack(folder, is_cold=True) as shared:
        world = new_soak_world(shared, seed=given.seed, trigger_seconds=given.trigger_seconds)
        done = Soak(world=world, minutes=given.minutes, say=lambda text: print(text, flush=True)).run()
    found, is_long = done.trends(), given.minutes >= document.PUBLISHED_MINUTES
    report = document.report(done, given.minutes, given.trigger_seconds)
    document.keep(report, is_long=is_long)
    print(document.rendered(report))
    failures = [*done.violations, *(str(trend) for trend in found if not trend.is_flat)]
    left_out = [f"{series} was not judged" for series in unjudged(found)]
    failures += left_out if is_long else []
    for told in left_out if not is_long else []:
        print(f"{told}: {given.minutes:g} minutes are too short")
    for told in failures:
        print(f"NOT FLAT, OR BROKEN: {told}")
    if not failures:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description="All jobs at a steady rate for an hour.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trigger-seconds", type=float, default=10, help="of each job")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
