"""The demo, as a person runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable

from claimx_lib.cli.main import main
from claimx_lib.devstack.waiting import wait_until

CLAIMX = Path(sys.executable).with_name("claimx")


@pytest.mark.long  # all that there is, once more: the tests of each part run for each change
def test_the_story_adds_up(tmp_path: Path) -> None:
    """`claimx demo` tells both acts, ends with 0 since each figure adds up, and leaves tables for any Delta reader."""
    folder = tmp_path / "demo"
    done = subprocess.run(
        [CLAIMX, "demo", "--events", "300", "--folder", folder],
        capture_output=True,
        text=True,
        timeout=570,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "✗" not in done.stdout
    for told in ("Act one", "Act two", "The life of task", "Status transitions", "Where to look next"):
        assert told in done.stdout
    assert DeltaTable(str(folder / "warehouse" / "itel_cabinet_task_tracking")).version() > 0
    assert not still_running(folder), "a process of the demo is left"


def still_running(folder: Path) -> list[int]:
    """The processes that have to do with the demo's folder."""
    return [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]


@pytest.mark.long
def test_ctrl_c_amid_the_story_is_one_line(tmp_path: Path) -> None:
    """An interrupt while Spark works ends the demo with 1 and one line; broker, simulator and JVM end with it."""
    folder = tmp_path / "demo"
    command = [CLAIMX, "demo", "--events", "300", "--folder", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert any("Act one" in line for line in demo.stdout)
        wait_until(lambda: any(folder.glob("checkpoints/*/offsets/0")), what="a batch begins", timeout_seconds=120)
        demo.send_signal(signal.SIGINT)
        _, told = demo.communicate(timeout=60)
    assert (demo.returncode, told) == (1, "claimx: stopped\n")
    wait_until(lambda: not still_running(folder), what="nothing of the demo is left", timeout_seconds=60)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo empties its own folder only."""
    (tmp_path / "precious.txt").write_text("mine")
    assert main(["demo", "--folder", str(tmp_path)]) == 1
    assert "holds something else than a demo" in capsys.readouterr().err
    assert (tmp_path / "precious.txt").read_text() == "mine"
