"""`claimx dev up | down | status`: broker and simulator, and a Prometheus if so wished, kept running for a developer."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from claimx_lib.devstack.broker import cluster_id_at
from claimx_lib.devstack.monitoring import prometheus_program
from claimx_lib.devstack.ports import accepts, free_port, is_free
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

UP_SECONDS = 120.0
DOWN_SECONDS = 90.0
USUAL_BROKER_PORT = 9092
USUAL_SIMULATOR_PORT = 8080
USUAL_PROMETHEUS_PORT = 9090


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFiles:
    """Where a stack keeps its things: data, logs, token, and what it writes of itself."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by the keeper as long as it lives; holds nothing."""
        return self.folder / "keeper.lock"

    @property
    def pid(self) -> Path:
        return self.folder / "keeper.pid"

    @property
    def log(self) -> Path:
        return self.folder / "keeper.log"

    @property
    def record(self) -> Path:
        return self.folder / "stack.json"

    @property
    def token(self) -> Path:
        """The bearer token that the simulator takes; readable by its owner only."""
        return self.folder / "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRecord:
    """Where a running stack is reached."""

    bootstrap_servers: str
    base_url: str
    request_log: str
    prometheus_url: str = ""

    @property
    def broker_port(self) -> int:
        return int(self.bootstrap_servers.rpartition(":")[2])

    @property
    def simulator_port(self) -> int:
        return urlsplit(self.base_url).port or 0

    @property
    def prometheus_port(self) -> int | None:
        """None where no Prometheus belongs to the stack."""
        return urlsplit(self.prometheus_url).port

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackStatus:
    """What is there now, looked at and not remembered. `record` is None unless the stack runs and is ready."""

    folder: Path
    pid: int | None
    record: StackRecord | None
    has_broker: bool
    has_simulator: bool
    has_prometheus: bool
    token_file: Path

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    @property
    def is_healthy(self) -> bool:
        as_begun = self.has_prometheus or self.record is None or self.record.prometheus_port is None
        return self.is_running and self.has_broker and self.has_simulator and as_begun

    def environment(self) -> dict[str, str]:
        """The variables that point `claimx` at this stack; empty where none is ready."""
        if self.record is None:
            return {}
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.record.bootstrap_servers,
            "CLAIMX_API_BASE_URL": self.record.base_url,
            "CLAIMX_API_TOKEN": self.token_file.read_text().strip(),
        }


def up(
    folder: Path, *, broker_port: int = 0, simulator_port: int = 0, monitored: Sequence[str] | None = None
) -> StackStatus:
    """A healthy stack runs in `folder` when this returns: the one that is there, or a new one.

    Port 0 takes the last one used there, else the usual one (9092, 8080), else a free one. Data of an earlier stack stay.
    `monitored` are the `host:port` that a Prometheus of the stack scrapes; None: there need not be one.
    A stack that is there but not healthy, or without the Prometheus that is asked for, is replaced.
    Raises DevStackError when it does not come up, or when Prometheus is not installed.
    """
    files = StackFiles(folder=folder.absolute())
    there = status(folder)
    if there.is_healthy and (monitored is None or there.has_prometheus):
        return there
    if monitored is not None:
        prometheus_program()
    down(folder)
    files.folder.mkdir(parents=True, exist_ok=True)
    _ensure_token(files)
    last = _last_ports(files)
    broker = broker_port or _chosen(last.get("broker"), USUAL_BROKER_PORT)
    simulator = simulator_port or _chosen(last.get("simulator"), USUAL_SIMULATOR_PORT)
    ports = {"broker": broker, "simulator": simulator}
    if monitored is not None:
        ports["prometheus"] = _chosen(last.get("prometheus"), USUAL_PROMETHEUS_PORT)
    _start(files, ports, monitored or ())
    (files.folder / "ports.json").write_text(json.dumps(last | ports) + "\n")
    return status(folder)


def down(folder: Path) -> bool:
    """Nothing of the stack in `folder` runs when this returns; whether anything did before. Data stay."""
    files = StackFiles(folder=folder.absolute())
    pid = _keeper_pid(files)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        wait_until(
            lambda: not _is_locked(files),
            what=f"the development stack (process {pid}) ends",
            timeout_seconds=DOWN_SECONDS,
            cure=f"kill -9 {pid}: its processes go with it",
        )
    files.record.unlink(missing_ok=True)
    files.pid.unlink(missing_ok=True)
    return pid is not None


def status(folder: Path) -> StackStatus:
    """What of the stack in `folder` runs and answers now."""
    files = StackFiles(folder=folder.absolute())
    pid = _keeper_pid(files)
    record = _record(files) if pid is not None else None
    return StackStatus(
        folder=files.folder,
        pid=pid,
        record=record,
        has_broker=record is not None and cluster_id_at(record.bootstrap_servers) is not None,
        has_simulator=record is not None and accepts(record.simulator_port),
        has_prometheus=record is not None and record.prometheus_port is not None and accepts(record.prometheus_port),
        token_file=files.token,
    )


def _start(files: StackFiles, ports: dict[str, int], monitored: Sequence[str]) -> None:
    given = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    given += [part for target in monitored for part in ("--monitored", target)]
    module = "claimx_lib.devstack.keeper"
    command = [sys.executable, "-m", module, str(files.folder), "--caller", str(os.getpid()), *given]
    with files.log.open("wb") as log:
        keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    files.pid.write_text(f"{keeper.pid}\n")
    try:
        wait_until(
            lambda: files.record.is_file() or keeper.poll() is not None,
            what="the development stack is up",
            timeout_seconds=UP_SECONDS,
            cure=f"see {files.log}",
        )
    except BaseException:  # Ctrl-C too: nothing comes up behind somebody's back
        keeper.kill()
        raise
    if keeper.poll() is not None:
        told = files.log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise DevStackError(f"the development stack does not start: {told[-1]}", cure=f"see {files.log}")


def _keeper_pid(files: StackFiles) -> int | None:
    """The living keeper's process id: a number in a file may be another process's by now, the lock may not."""
    if not _is_locked(files) or not files.pid.is_file():
        return None
    return int(files.pid.read_text())


def _is_locked(files: StackFiles) -> bool:
    if not files.lock.is_file():
        return False
    with files.lock.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _record(files: StackFiles) -> StackRecord | None:
    try:
        return StackRecord(**json.loads(files.record.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _last_ports(files: StackFiles) -> dict[str, int]:
    try:
        return dict(json.loads((files.folder / "ports.json").read_text()))
    except (OSError, ValueError):
        return {}


def _chosen(last: int | None, usual: int) -> int:
    return next((port for port in (last, usual) if port and is_free(port)), None) or free_port()


def _ensure_token(files: StackFiles) -> None:
    if not files.token.is_file():
        files.token.touch(mode=0o600)
        files.token.write_text(secrets.token_urlsafe(24) + "\n")
