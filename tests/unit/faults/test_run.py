"""What `make faults` runs for which words."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from tests.faults.matrix import Outcome
from tests.faults.run import _counted, arguments, asked_for, status_of
from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize(
    ("words", "worlds", "played"),
    [
        ([], 10, len(SCENARIOS)),
        (["--runs", "30", "--scenario", "flood", "api-outage"], 2, 2),
        (["--scenario", "all"], 0, len(SCENARIOS)),
    ],
)
def test_no_two_share_a_seed(words: list[str], worlds: int, played: int) -> None:
    """Worlds and scenarios of one run lie side by side in one folder and on one broker, named by seed and pipeline."""
    asked = list(asked_for(arguments().parse_args(["--seed", "7", *words])))
    assert all(isinstance(one, partial) for one in asked)
    seeds = [next(arg for arg in one.args if isinstance(arg, int)) for one in asked]  # type: ignore[attr-defined]
    assert len(seeds) == worlds + played
    assert seeds == list(itertools.islice(itertools.count(7), len(seeds)))


KILLED = Outcome(hits=Counter(["post-sent"]))


def played(outcome: Outcome, _: object) -> Outcome:
    return outcome


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([KILLED], 0),
        ([], 1),
        ([KILLED, Outcome(never_hit=["post-sent:3"])], 1),
        ([KILLED, Outcome(violations=["I2"])], 1),
    ],
)
def test_what_was_planned_must_have_hit(outcomes: list[Outcome], status: int) -> None:
    """It ends with 0 where every invariant held and no planned fault came too late each time."""
    done = Counter[str]()
    for one in outcomes:
        done.update(_counted(partial(played, one), cast("Any", None)))
    assert status_of(done) == status


ROOT = Path(__file__).resolve().parents[3]
WAITING = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, ".")
from tests.faults.run import end_on_signals

end_on_signals()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
with ThreadPoolExecutor(1) as pool:
    pool.submit(child.wait).result()
"""


def test_ctrl_c_ends_it_with_what_it_has_started() -> None:
    """It ends at once, with 1, whatever its threads wait for, and no driver stays behind."""
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1
        child.wait(60)
