"""One `claimx run` process, its JVM, and ways to end them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import psutil

from tests.faults.warm import WarmJvm

ROOT = Path(__file__).resolve().parents[2]
CRASH_AT = "CLAIMX_CRASH_AT"
LOOK_SECONDS = 0.03


class Driver:
    """`claimx run JOBS` on a settings file: attached to `warm` where one is given, else with a JVM of its own.

    What it says goes to the end of `output`, from the byte `said_from` on. To be used as a context: nothing of it runs afterwards.
    """

    def __init__(
        self, jobs: Sequence[str], config: Path, output: Path, *, warm: WarmJvm | None, crash_at: str = "",
        available_now: bool = False, token: str,
    ) -> None:  # fmt: skip
        self._warm = warm
        self._children: list[psutil.Process] = []
        environment = {**os.environ, "CLAIMX_API_TOKEN": token, **(warm.environment() if warm else {})}
        environment.pop(CRASH_AT, None)
        if crash_at:
            environment[CRASH_AT] = crash_at
        command = [sys.executable, "-m", "claimx_lib.cli.main", "run", *jobs, "--config", str(config)]
        self.said_from = output.stat().st_size if output.is_file() else 0
        with output.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *(["--available-now"] if available_now else [])],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def status(self) -> int | None:
        """Exit status, or minus the signal that ended it; None while it runs."""
        return self._process.poll()

    @property
    def heeds_sigterm(self) -> bool:
        """Whether it has come so far that SIGTERM stops it between two batches: a process that still starts just ends."""
        with contextlib.suppress(OSError):
            told = Path(f"/proc/{self.pid}/status").read_text()
            caught = next(line.split()[1] for line in told.splitlines() if line.startswith("SigCgt:"))
            return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
        return False

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        """Sent; the JVM of a driver that is killed so can still be found."""
        if number == signal.SIGKILL:
            self._note_children()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill_jvm(self) -> None:
        """The JVM has died by SIGKILL when this returns; Python may still live."""
        self._note_children()
        if self._warm is not None:
            self._warm.kill()
        for child in self._children:
            if _is_java(child):
                _kill(child)

    def kill_workers(self) -> int:
        """How many of Spark's Python workers died by SIGKILL; they are the daemon's forks."""
        root = self._warm.pid if self._warm is not None else self._process.pid
        workers = [p for p in psutil.Process(root).children(recursive=True) if _is_worker(p)]
        for worker in workers:
            _kill(worker)
        return len(workers)

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition, or the process's end; whether the condition came true while it ran."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            if self.status is not None:
                return False
            time.sleep(LOOK_SECONDS)
        return False

    def ended_within(self, seconds: float) -> bool:
        return self.until(lambda: self.status is not None, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.signal(signal.SIGKILL)
        self._process.wait(timeout=30)
        for child in self._children:
            _kill(child)
        if self._warm is not None:
            self._warm.forget_drivers(is_killed=self._process.returncode == -signal.SIGKILL)

    def _note_children(self) -> None:
        """Those of a dead process belong to somebody else: they are noted while it lives."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._children = psutil.Process(self._process.pid).children(recursive=True) or self._children


def _is_java(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return "java" in process.name()
    return False


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, AttributeError):
        parent = process.parent()
        return all("pyspark.daemon" in p.cmdline() for p in (process, parent) if p is not None)
    return False


def _kill(process: psutil.Process) -> None:
    """Dead when this returns, whether or not its parent has asked for its end yet."""
    deadline = time.monotonic() + 60
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise psutil.TimeoutExpired(60, pid=process.pid)
            time.sleep(LOOK_SECONDS)
