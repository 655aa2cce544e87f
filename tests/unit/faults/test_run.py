"""What `make faults` runs for which words."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.faults.run import arguments, asked_for
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
