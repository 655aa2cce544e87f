"""Keeps a development stack running in the background: `python -m claimx_lib.devstack.keeper FOLDER`.

It holds a lock on the folder as long as it lives, so that nobody takes a dead stack for a living one, and its
processes die with it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
from pathlib import Path

from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.monitoring import Prometheus
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.devstack.stack import StackFiles, StackRecord
from claimx_lib.errors import DevStackError


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM; 0 after an ordered end, 1 where the stack does not start."""
    parser = argparse.ArgumentParser(prog="keeper")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--caller", type=int, help="the process that waits for the stack: without it none comes up")
    parser.add_argument("--broker-port", type=int, default=0)
    parser.add_argument("--simulator-port", type=int, default=0)
    parser.add_argument("--prometheus-port", type=int, help="left out: no Prometheus")
    parser.add_argument("--monitored", action="append", default=[], metavar="HOST:PORT", help="what Prometheus scrapes")
    given = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopped.set())
    files = StackFiles(folder=given.folder.absolute())
    try:
        with files.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _keep(files, stopped, given)
    except BlockingIOError:
        sys.stderr.write(f"another stack runs in {files.folder}\n")
        return 1
    except (DevStackError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _keep(files: StackFiles, stopped: threading.Event, given: argparse.Namespace) -> None:
    token = files.token.read_text().strip()
    with (
        Simulator(token=token, port=given.simulator_port, folder=files.folder / "simulator") as simulator,
        Broker(data_dir=files.folder / "broker", port=given.broker_port) as broker,
        contextlib.ExitStack() as further,
    ):
        prometheus_url = ""
        if given.prometheus_port is not None:
            prometheus = Prometheus(
                folder=files.folder / "prometheus", targets=given.monitored, port=given.prometheus_port
            )
            prometheus_url = further.enter_context(prometheus).url
        record = StackRecord(
            bootstrap_servers=broker.bootstrap_servers,
            base_url=simulator.base_url,
            request_log=str(simulator.request_log),
            prometheus_url=prometheus_url,
        )
        if given.caller not in (None, os.getppid()):
            raise DevStackError("whoever asked for the stack is gone", cure="run claimx dev up again")
        _write(files.record, record)
        stopped.wait()
    files.record.unlink(missing_ok=True)


def _write(file: Path, record: StackRecord) -> None:
    """Whole or not at all: a reader never sees half a file."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(record.as_json(), indent=2) + "\n")
    draft.replace(file)


if __name__ == "__main__":
    sys.exit(main())
