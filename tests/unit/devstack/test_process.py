from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from claimx_lib.devstack.process import GuardedProcess
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('asked'), sys.exit(3))); print('ready', flush=True); time.sleep(600)"
CALLER = """
import sys
from pathlib import Path
from claimx_lib.devstack.process import GuardedProcess

with GuardedProcess([sys.executable, "-c", "import time; time.sleep(600)"], name="it", log=Path(sys.argv[1])) as it:
    print(it.pid, flush=True)
    sys.stdin.read()
"""


def guarded(script: str, log: Path) -> GuardedProcess:
    return GuardedProcess([sys.executable, "-c", script], name="it", log=log)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(text: str, log: Path) -> None:
    wait_until(lambda: log.is_file() and text in log.read_text(), what=f"{text!r} in the log", timeout_seconds=120)


def test_is_asked_to_stop(tmp_path: Path) -> None:
    """A stop asks by SIGTERM, so that the command can end in order, and returns when it has."""
    log = tmp_path / "it.log"
    with guarded(POLITE, log) as process:
        wait_for("ready", log)
        pid = process.pid
    assert not is_alive(pid)
    assert "asked" in log.read_text()


def test_starts_again(tmp_path: Path) -> None:
    """A process that was killed is known not to run, and can be started again."""
    process = guarded(SLEEPER, tmp_path / "it.log")
    process.start()
    first = process.pid
    process.kill()
    assert not process.is_running
    assert not is_alive(first)
    with pytest.raises(DevStackError, match="it is not running"):
        _ = process.pid
    with process:
        assert process.pid != first


def test_dies_with_its_caller(tmp_path: Path) -> None:
    """A caller that dies by kill -9 takes the command along."""
    command = [sys.executable, "-c", CALLER, str(tmp_path / "it.log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pid = int(caller.stdout.readline())
        caller.kill()
        caller.wait(timeout=60)
    wait_until(lambda: not is_alive(pid), what=f"process {pid} has ended", timeout_seconds=120)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_dies_with_its_watchdog(tmp_path: Path) -> None:
    """If the watchdog itself is killed, the kernel ends the command."""
    with guarded(SLEEPER, tmp_path / "it.log") as process:
        pid = process.pid
        parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), what=f"process {pid} has ended", timeout_seconds=120)
        wait_until(lambda: not process.is_running, what="the end is seen", timeout_seconds=120)


def test_says_that_a_command_is_not_there(tmp_path: Path) -> None:
    """A command that cannot be started is one error that names it."""
    with pytest.raises(DevStackError, match="it cannot be started: /no/such/command"):
        GuardedProcess(["/no/such/command"], name="it", log=tmp_path / "it.log").start()


def test_last_words_leave_out_stack_frames(tmp_path: Path) -> None:
    """The end of the log is told in one line without the frames of stack traces."""
    log = tmp_path / "it.log"
    log.write_text("starting\nERROR it failed\nCaused by: no disk\n\tat a.b.C\n\t... 6 more\n")
    assert guarded(SLEEPER, log).last_words() == "ERROR it failed | Caused by: no disk"
