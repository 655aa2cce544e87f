"""A process of the development stack, with an end that does not depend on its caller's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from claimx_lib.errors import DevStackError

STOP_SECONDS = 30.0
_LOG_LINES_SHOWN = 2


class GuardedProcess:
    """Runs one command while the caller lives: it ends with `stop`, with the block, and with the caller's death.

    The command is in a session of its own, so that Ctrl-C reaches the caller alone, which then stops it in order.
    Standard output and error go to `log`. May be started again after it has ended. Not safe for use by several threads.
    """

    def __init__(
        self, command: Sequence[str], *, name: str, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._environment = dict(environment or {})
        self._watchdog: subprocess.Popen[str] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int:
        """The command's own process id (not the watchdog's); DevStackError where it does not run."""
        if self._pid is None or not self.is_running:
            raise DevStackError(f"{self.name} is not running", cure=f"start it; its log is {self.log}")
        return self._pid

    @property
    def is_running(self) -> bool:
        return self._watchdog is not None and self._watchdog.poll() is None

    def start(self) -> None:
        """The command runs; does nothing where it does already. DevStackError where it cannot be started."""
        if self.is_running:
            return
        self._forget()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "claimx_lib.devstack.watchdog", "--log", str(self.log), "--", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self._environment, "PYTHONPATH": _import_path()},
            start_new_session=True,
            text=True,
        )
        told = self._watchdog.stdout.readline().strip() if self._watchdog.stdout else ""
        if not told.isdigit():
            self._forget()
            raise DevStackError(f"{self.name} cannot be started: {self._command[0]}", cure="check that it is there")
        self._pid = int(told)

    def stop(self) -> None:
        """The command has ended when this returns: asked by SIGTERM first, killed if it does not listen."""
        if self.is_running and self._watchdog is not None:
            self._watchdog.terminate()
            try:
                self._watchdog.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._forget()

    def kill(self) -> None:
        """The command has died by SIGKILL when this returns, as in a crash."""
        if self.is_running and self._watchdog is not None:
            os.kill(self.pid, signal.SIGKILL)
            self._watchdog.wait(timeout=STOP_SECONDS)
        self._forget()

    def last_words(self) -> str:
        """The end of its log, the frames of stack traces aside, as one line."""
        text = self.log.read_text(errors="replace") if self.log.is_file() else ""
        lines = [line.strip() for line in text.splitlines() if not line.lstrip().startswith(("at ", "... "))]
        return " | ".join(lines[-_LOG_LINES_SHOWN:]) or "its log is empty"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _forget(self) -> None:
        if self._watchdog is not None:
            for pipe in (self._watchdog.stdin, self._watchdog.stdout):
                if pipe is not None:
                    pipe.close()
            self._watchdog.wait(timeout=STOP_SECONDS)
        self._watchdog = None
        self._pid = None


def _import_path() -> str:
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
