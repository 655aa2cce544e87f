"""The simulator as a child process that ends with its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.errors import ClaimxError

_READY_WITHIN_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.02
_GONE_WITHIN_SECONDS = 5.0
_SOURCE_ROOT = Path(__file__).resolve().parents[3]


class Simulator:
    """A running ClaimX simulator: from `start` (or entering) to `stop` (or leaving), on a free port of loopback.

    It ends with its parent, however that ends: the child itself looks whether its parent is still there.
    """

    def __init__(self, *, token: str, port: int = 0, folder: Path | None = None) -> None:
        self._token = token
        self._port = port
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.base_url = ""
        self.request_log = Path()

    def start(self) -> Self:
        """Returns when requests are taken; raises `ClaimxError` when that does not come about."""
        folder = self._own_folder()
        ready = folder / "simulator-ready.json"
        ready.unlink(missing_ok=True)
        self.request_log = folder / "simulator-requests.jsonl"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "claimx_lib.devstack.simulator", "--port", str(self._port)),
                *("--request-log", str(self.request_log), "--ready-file", str(ready)),
            ],
            env={**os.environ, "CLAIMX_SIMULATOR_TOKEN": self._token, "PYTHONPATH": _python_path()},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C goes to the parent, which stops this one in its own time
        )
        self.base_url = f"http://127.0.0.1:{self._port_when_ready(ready)}"
        self.control = SimulatorControl(self.base_url)
        return self

    def stop(self) -> None:
        """Returns when the process is gone; does nothing when it is already."""
        if self._process is not None:
            self.control.close()
            _ended(self._process)
            self._process = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    @property
    def process_id(self) -> int:
        """The child's id, for tests that kill or stop it."""
        if self._process is None:
            raise ClaimxError("the simulator is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="claimx-simulator-")
            return Path(self._temporary.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def _port_when_ready(self, ready: Path) -> int:
        process = self._process
        until = time.monotonic() + _READY_WITHIN_SECONDS
        while process is not None and process.poll() is None and time.monotonic() < until:
            if ready.exists():
                return int(json.loads(ready.read_text())["port"])
            time.sleep(_LOOK_EVERY_SECONDS)
        if process is not None:
            _ended(process)
        raise ClaimxError("the ClaimX simulator did not start", cure="see its output above; is its port free?")


def _python_path() -> str:
    known = os.environ.get("PYTHONPATH")
    return f"{_SOURCE_ROOT}{os.pathsep}{known}" if known else str(_SOURCE_ROOT)


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_GONE_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
