"""A driver's JVM can be ended whichever of the two dies first."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from claimx_lib.devstack.waiting import wait_until
from tests.faults.driver import Driver


@pytest.fixture
def executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of Python a shell, whose child is called java."""
    java, python = tmp_path / "java", tmp_path / "python"
    java.symlink_to(shutil.which("sleep") or "sleep")
    python.write_text(f"#!/bin/sh\n{java} 600\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    return python


@pytest.mark.usefixtures("executable")
def test_a_jvm_of_its_own_is_found_after_python_was_killed(tmp_path: Path) -> None:
    """Both are dead after SIGKILL of Python, then of the JVM: by then this one is nobody's child any more, and reaped by whom nobody knows."""
    with Driver((), tmp_path / "settings.yaml", tmp_path / "drivers.log", warm=None, token="") as driver:
        shell = psutil.Process(driver.pid)
        wait_until(lambda: any(c.name() == "java" for c in shell.children()), what="its JVM starts", timeout_seconds=60)
        (jvm,) = shell.children()
        driver.signal(signal.SIGKILL)
        assert driver.ended_within(60)
        assert jvm.is_running()
        driver.kill_jvm()
        wait_until(lambda: not jvm.is_running(), what="nobody's child is reaped", timeout_seconds=60)
