"""The demo, as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from deltalake import DeltaTable

from claimx_lib.cli.main import main

CLAIMX = Path(sys.executable).with_name("claimx")


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
    left = [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == [], "a process of the demo is left"


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo empties its own folder only."""
    (tmp_path / "precious.txt").write_text("mine")
    assert main(["demo", "--folder", str(tmp_path)]) == 1
    assert "holds something else than a demo" in capsys.readouterr().err
    assert (tmp_path / "precious.txt").read_text() == "mine"
