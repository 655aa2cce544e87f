from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from claimx_lib.devstack import stack
from claimx_lib.devstack.broker import cluster_id_at
from claimx_lib.devstack.ports import accepts, free_port
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError
from tests.readers.monitoring import alerts
from tests.readers.prometheus import PrometheusApi


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose stack, if a test leaves one, ends with the test."""
    yield tmp_path / "dev"
    stack.down(tmp_path / "dev")


def up(folder: Path) -> stack.StackStatus:
    return stack.up(folder, broker_port=free_port(), simulator_port=free_port())


def answer_to(status: stack.StackStatus, token: str) -> int:
    assert status.record is not None
    request = Request(f"{status.record.base_url}/api/v1/tasks/1", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        return int(urlopen(request, timeout=60).status)  # noqa: S310
    except HTTPError as error:
        return error.code


def test_runs_until_it_is_taken_down(folder: Path) -> None:
    """`up` gives a broker and a simulator that take its token; a second `up` changes nothing. After kill -9 of what holds
    it nothing is left running, `status` says so, and `up` brings it back on its ports; `down` leaves nothing.
    """
    first = up(folder)
    variables = first.environment()
    assert first.is_healthy
    assert cluster_id_at(variables["KAFKA_BOOTSTRAP_SERVERS"]) is not None
    assert answer_to(first, variables["CLAIMX_API_TOKEN"]) == 404
    assert answer_to(first, "another") == 401
    assert stat.S_IMODE(first.token_file.stat().st_mode) == 0o600
    assert stack.up(folder) == first
    killed(first)
    told = stack.status(folder)
    assert not told.is_running
    assert told.environment() == {}

    again = stack.up(folder)
    assert again.is_healthy
    assert again.environment() == variables
    assert stack.down(folder)
    assert not any(map(accepts, ports(again)))
    assert not stack.status(folder).is_running
    assert not stack.down(folder)


def killed(status: stack.StackStatus) -> None:
    """What holds the stack died by SIGKILL, and nothing of it is left."""
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(accepts, ports(status))), what="both ports are free again", timeout_seconds=120)


def ports(status: stack.StackStatus) -> tuple[int, int]:
    assert status.record is not None
    return (status.record.broker_port, status.record.simulator_port)


def test_says_why_it_does_not_start(folder: Path) -> None:
    """A stack that cannot start ends with one error that carries the reason, and leaves nothing running."""
    folder.mkdir()
    (folder / "broker").write_text("a file where the broker's data should be")
    with pytest.raises(DevStackError, match="does not start"):
        up(folder)
    assert not stack.status(folder).is_running


def test_a_dead_record_is_not_believed(folder: Path) -> None:
    """A record and a process id that an earlier machine's stack left behind make no running stack."""
    folder.mkdir()
    (folder / "keeper.pid").write_text(f"{os.getpid()}\n")
    record = {"bootstrap_servers": "127.0.0.1:1", "base_url": "http://127.0.0.1:1", "request_log": ""}
    (folder / "stack.json").write_text(json.dumps(record))
    assert not stack.status(folder).is_running
    assert not stack.down(folder)


@pytest.mark.long
def test_prometheus_comes_with_it_where_it_is_asked_for(program: Callable[..., str], folder: Path) -> None:
    """A stack without Prometheus gets one, with every alert loaded and our driver as its target; `down` takes it too."""
    program("prometheus")
    assert not up(folder).has_prometheus
    monitored = stack.up(folder, monitored=["127.0.0.1:9108"])
    assert monitored.record is not None
    api = PrometheusApi(url=monitored.record.prometheus_url)
    assert {rule["name"] for rule in api.rules()} == {alert.name for alert in alerts()}
    wait_until(lambda: bool(api.query("up")), what="the target is looked at", timeout_seconds=120)
    assert set(api.query("up")) == {(("instance", "127.0.0.1:9108"), ("job", "claimx"))}
    assert stack.up(folder) == monitored
    stack.down(folder)
    assert monitored.record.prometheus_port is not None
    assert not accepts(monitored.record.prometheus_port)


def test_a_stack_that_nobody_waits_for_does_not_stay(folder: Path) -> None:
    """Ctrl-C while `dev up` waits, and kill -9 of it too, leave no broker and no simulator behind."""
    for number in (signal.SIGINT, signal.SIGKILL):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "claimx_lib.cli.main", "dev", "up", "--folder", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: stack.status(folder).is_running, what="the stack is on its way", timeout_seconds=60)
        waiting.send_signal(number)
        assert waiting.wait(timeout=30) != 0
        wait_until(lambda: not stack.status(folder).is_running, what="nothing of it is left", timeout_seconds=90)


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    """Where somebody listens already, `up` says at which port, for the broker and for the simulator."""
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevStackError, match=f"port {port} is taken"):
            stack.up(folder, broker_port=port)
        with pytest.raises(DevStackError, match=f"port {port} is taken"):
            stack.up(folder, simulator_port=port)
