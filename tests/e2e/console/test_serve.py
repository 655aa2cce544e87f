"""`claimx console` as a process: served, refused, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from claimx_lib.devstack.ports import free_port
from tests.fakes.warehouse import Tables, letter

COMMAND = (sys.executable, "-m", "claimx_lib.cli.main", "console")
SECONDS = 90


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "CLAIMX_WAREHOUSE": str(folder), "CLAIMX_API_TOKEN": "sentinel-token", "CONSOLE": "t0ken"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A console over one letter, where it says that it is."""
    Tables(tmp_path).create().append("dead_letters", [letter(1)])
    process = subprocess.Popen(
        [*COMMAND, "--port", str(free_port())], env=environment(tmp_path), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("claimx console: http://127.0.0.1:"), line
    yield line.split()[2], process
    process.kill()
    process.wait(SECONDS)
    process.stderr.close()


def test_it_serves_where_it_says_and_ends_when_told(served, tmp_path: Path) -> None:
    """The page answers under the address that is printed; the port can't be had twice; SIGTERM ends it in peace."""
    url, process = served
    page = requests.get(url, timeout=SECONDS)
    assert (page.status_code, "ABC-123456" in page.text) == (200, True)
    assert "sentinel-token" not in page.text
    assert "server" not in page.headers
    port = url.rsplit(":", 1)[1].rstrip("/")
    second = subprocess.run(
        [*COMMAND, "--port", port],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert "address already in use" in second.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) in {0, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "console.token is not set"),  # noqa: S104 - to be refused
        (["--host", "0.0.0.0", "--set", "console.token={env: CONSOLE}"], "console.allowed_hosts is empty"),  # noqa: S104
        (["--set", "console.token={env: NOT_SET}"], "NOT_SET is not set"),
    ],
)
def test_it_is_never_opened_by_mistake(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Away from loopback without a token, without names, or with a token that isn't there: status 2 and one line."""
    refused = subprocess.run(
        [*COMMAND, *arguments], env=environment(tmp_path), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert said in refused.stderr
