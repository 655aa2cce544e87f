"""The simulator as a process: how it starts, what it keeps, and that it leaves no orphan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

ROOT = Path(__file__).resolve().parents[4]


def command_line(pid: int) -> str:
    """The arguments of a process."""
    return " ".join(psutil.Process(pid).cmdline())


def test_it_ends_with_its_block():
    """Nothing runs afterwards, and the token was never among the arguments."""
    with Simulator(token="sentinel-token") as simulator:
        pid = simulator.pid
        assert "sentinel-token" not in command_line(pid)
    assert not psutil.pid_exists(pid)


def test_it_ends_with_a_caller_that_is_killed():
    """Kill -9 of the caller leaves no orphan."""
    script = (
        "import time\nfrom claimx_lib.devstack.simulator.process import Simulator\n"
        "simulator = Simulator(token='t').start()\nprint(simulator.pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pid = int(caller.stdout.readline())
        caller.kill()
    wait_until(lambda: not psutil.pid_exists(pid), what="the simulator is gone", timeout_seconds=60)


def test_every_request_is_on_disk_before_its_answer(tmp_path):
    """Whoever has an answer finds the request in the log, without the token; admin requests are not in it."""
    with Simulator(token="sentinel-token", folder=tmp_path) as simulator:
        simulator.control.put_project(5, "C")
        for n in range(20):
            requests.post(
                f"{simulator.base_url}/api/v1/projects/5/tasks",
                json={"task_type": "T", "external_reference": f"k{n}"},
                headers={"Authorization": "Bearer sentinel-token", "Idempotency-Key": f"k{n}"},
                timeout=60,
            )
            lines = simulator.request_log.read_text().splitlines()
            assert len(lines) == n + 1
        last = json.loads(lines[-1])
        assert (last["status"], last["created_task_id"]) == (201, simulator.control.tasks()[-1]["id"])
        assert "sentinel-token" not in simulator.request_log.read_text()


def test_a_port_that_is_taken_is_one_clear_error():
    """Who can't listen says so."""
    with Simulator(token="t") as first:
        port = int(first.base_url.rpartition(":")[2])
        with pytest.raises(DevStackError, match=f"port {port} is taken"), Simulator(token="t", port=port):
            pass
