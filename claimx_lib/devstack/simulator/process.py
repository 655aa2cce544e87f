"""The simulator as a child process that ends with its caller."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from claimx_lib.devstack.ports import require_free
from claimx_lib.devstack.process import GuardedProcess
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

_READY_SECONDS = 20.0


class Simulator:
    """A running ClaimX simulator: from `start` (or entering) to `stop` (or leaving), on a free port of loopback.

    Its files (request log, output) are in `folder`, or in one that goes with it. The token travels in the
    environment, never among the arguments.
    """

    def __init__(self, *, token: str, port: int = 0, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="claimx-simulator-")
        self._port = port
        self._folder = folder or Path(self._temporary.name if self._temporary else "")
        self._ready_file = self._folder / "ready.json"
        self.request_log = self._folder / "requests.jsonl"
        self.base_url = ""
        self._process = GuardedProcess(
            [
                *(sys.executable, "-m", "claimx_lib.devstack.simulator", "--port", str(port)),
                *("--request-log", str(self.request_log), "--ready-file", str(self._ready_file)),
            ],
            name="the ClaimX simulator",
            log=self._folder / "simulator.log",
            environment={"CLAIMX_SIMULATOR_TOKEN": token},
        )

    def start(self) -> Self:
        """Returns when requests are taken; raises `DevStackError` when that does not come about."""
        require_free(self._port)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ready_file.unlink(missing_ok=True)
        self._process.start()
        wait_until(
            lambda: self._ready_file.exists() or not self._process.is_running,
            what="the ClaimX simulator is ready",
            timeout_seconds=_READY_SECONDS,
            interval_seconds=0.02,
        )
        if not self._ready_file.exists():
            raise DevStackError("the ClaimX simulator did not start", cure=self._process.last_words())
        self.base_url = f"http://127.0.0.1:{json.loads(self._ready_file.read_text())['port']}"
        self.control = SimulatorControl(self.base_url)
        return self

    @property
    def pid(self) -> int:
        """The simulator's own process id; DevStackError where it does not run."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    def stop(self) -> None:
        """Returns when the process is gone; does nothing when it is already."""
        self._process.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
