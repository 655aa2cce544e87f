"""`python tests/faults/run.py [--seed N] [--runs N]`: kills drivers inside batches, drains, checks every invariant.

The plan is printed first and follows from the seed alone. Results are kept, world by world, in
docs/benchmarks/faults.json and docs/reliability.md. Ends with 1, and the seed, when an invariant is broken, and with 1
where a planned fault has never hit.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.faults import results, scenarios  # noqa: E402 # found only now
from tests.faults.matrix import Matrix, Outcome  # noqa: E402
from tests.faults.plan import JOBS, Fault, faults  # noqa: E402
from tests.faults.stack import Stack, stack  # noqa: E402
from tests.faults.turn import Turn, Turns, no_turns  # noqa: E402

RUNS = 200
WORLD_SIZE = 20
STARTED = time.monotonic()
ONE_AT_A_TIME = threading.Lock()
REPORTED: list[results.Entry] = []
Wanted = Callable[[Stack], Outcome]


def main(words: list[str]) -> int:
    """Runs what was asked for; 0 where faults have hit and every invariant held."""
    given = arguments().parse_args(words)
    end_on_signals()
    folder = Path(tempfile.mkdtemp(prefix="claimx-faults-"))
    print(f"seed {given.seed}; files in {folder}", flush=True)
    turn = Turns(given.turn) if given.turn else no_turns
    wanted = queue.SimpleQueue[Wanted]()
    for one in asked_for(given):
        wanted.put(one)
    with ThreadPoolExecutor(given.side_by_side) as beside:
        asked = [beside.submit(_run, wanted, folder / str(n), given, turn) for n in range(given.side_by_side)]
        done = sum((one.result() for one in asked), start=Counter[str]())
    print(results.rendered(REPORTED))
    if done["failed"]:
        print(f"seed {given.seed}: an invariant is broken, or the harness failed (above); what it left is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    status = status_of(done)
    print(f"{done['passed']} passed, {done['failed']} failed")
    return status


def status_of(done: Counter[str]) -> int:
    """0 where faults have hit, each that was planned, and every invariant held."""
    if done["never_hit"]:
        print(f"{done['never_hit']} that were planned have never hit")
    if not done["passed"]:
        print("no fault has hit: nothing is proved")
    return 1 if done["failed"] or done["never_hit"] or not done["passed"] else 0


def _counted(wanted: Wanted, shared: Stack) -> dict[str, int]:
    """What came of one; where the harness itself fails it counts as failed, and the others go on."""
    try:
        done = wanted(shared)
    except Exception:  # noqa: BLE001  whatever it is, it is shown
        traceback.print_exc()
        return {"failed": 1}
    return {"passed": done.hits.total(), "failed": len(done.violations), "never_hit": len(done.never_hit)}


def end_on_signals() -> None:
    """Ctrl-C and SIGTERM end it at once: threads that wait for drivers would go on for minutes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _given_up)


def _given_up(*_: object) -> None:
    """Nothing stays behind, whatever the threads are at."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)


def _run(wanted: queue.SimpleQueue[Wanted], folder: Path, given: argparse.Namespace, turn: Turn) -> Counter[str]:
    """Takes worlds and scenarios, one after the other, until none is left, on a broker and a ClaimX of its own."""
    counted = Counter[str]()
    with stack(folder, is_cold=given.cold, turn=turn) as shared:
        while not wanted.empty():
            with contextlib.suppress(queue.Empty):
                counted.update(_counted(wanted.get_nowait(), shared))
    return counted


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="faults", description="The long fault matrix.")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first world; the next have the next")
    parser.add_argument("--runs", type=int, help=f"kills, over all worlds; left out: {RUNS}, then all scenarios")
    parser.add_argument("--pipeline", choices=sorted(JOBS), help="one alone; else world by world in turn")
    parser.add_argument("--world-size", type=int, default=WORLD_SIZE, help="kills a world at most")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="no new fault afterwards; what is begun is ended"
    )
    parser.add_argument(
        "--turn", type=Path, metavar="FILE", help="a lock file of this machine, held for some minutes at a time"
    )
    parser.add_argument("--side-by-side", type=int, default=1, metavar="N", help="so many worlds at a time")
    parser.add_argument("--cold", action="store_true", help="a new JVM for every driver, whatever was killed")
    parser.add_argument(
        "--scenario",
        nargs="+",
        choices=[*scenarios.SCENARIOS, "all"],
        help="named faults; without --runs in place of the matrix",
    )
    return parser


def asked_for(given: argparse.Namespace) -> Iterator[Wanted]:
    """The worlds of the matrix, then the scenarios, each with a seed of its own: its files and topics are named by it."""
    worlds = list(_worlds(given, given.runs or RUNS)) if given.runs or not given.scenario else []
    yield from worlds
    if given.scenario or not given.runs:
        names = list(scenarios.SCENARIOS) if "all" in (given.scenario or ["all"]) else given.scenario
        first = given.seed + len(worlds)
        for number, name in enumerate(names):
            yield partial(_scenario, name, first + number, given)


def _worlds(given: argparse.Namespace, runs: int) -> Iterator[Wanted]:
    pipelines = itertools.cycle([given.pipeline] if given.pipeline else ["identity", "tracking"])
    left, seed = runs, given.seed
    while left > 0:
        pipeline, size = next(pipelines), min(left, given.world_size)
        yield partial(_world, seed, pipeline, faults(seed, pipeline, size), given)
        left, seed = left - size, seed + 1


def _world(seed: int, pipeline: str, planned: list[Fault], given: argparse.Namespace, shared: Stack) -> Outcome:
    if time.monotonic() >= _until(given):
        return Outcome()
    say(f"{pipeline}, seed {seed}: {', '.join(map(str, planned))}")
    began = time.monotonic()
    tell = partial(say, name=f"{pipeline} {seed}" if given.side_by_side > 1 else "")
    done = Matrix(
        world=shared.world(seed, pipeline), warm=shared.warm, say=tell, until=_until(given), turn=shared.turn
    ).run(planned)
    report(done, seed, pipeline, time.monotonic() - began, is_cold=given.cold)
    return done


def _until(given: argparse.Namespace) -> float:
    return STARTED + 60 * float(given.minutes)


def _scenario(name: str, seed: int, given: argparse.Namespace, shared: Stack) -> Outcome:
    if time.monotonic() >= _until(given):
        return Outcome()
    began = time.monotonic()
    done = scenarios.play(name, shared, seed, say)
    report(done, seed, name, time.monotonic() - began, is_cold=given.cold)
    return done


def report(done: Outcome, seed: int, name: str, seconds: float, *, is_cold: bool) -> None:
    """The outcome is printed and kept."""
    for told in done.violations:
        print(f"  VIOLATION {told}", flush=True)
    for told in done.never_hit:
        print(f"  NEVER HIT {told}", flush=True)
    figures = ", ".join(f"{value} {key}" for key, value in done.figures.items())
    print(f"{name}, seed {seed}: {done.kills} kills, {len(done.violations)} violations; {figures}; {seconds:.0f} s")
    entry = results.Entry(seed=seed, name=name, date=f"{datetime.now(UTC):%Y-%m-%d}", seconds=round(seconds),
                          hits=dict(done.hits), misses=dict(done.misses), violations=done.violations,
                          figures=done.figures, jvm="new" if is_cold else "kept", never_hit=done.never_hit,
                          commit=results.commit())  # fmt: skip
    with ONE_AT_A_TIME:
        results.keep(entry)
        REPORTED.append(entry)


def say(text: str, name: str = "") -> None:
    """A line of progress."""
    print(f"{name}{text}" if name else text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
