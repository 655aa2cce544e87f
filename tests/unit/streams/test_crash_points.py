"""Crash points end a process that asks for it, and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

CODE = "from claimx_lib.streams.crash_points import crash_point as c; c('a'); c('b'); c('a'); print('alive')"


@pytest.mark.parametrize(
    ("wanted", "status"), [("", 0), ("a", -signal.SIGKILL), ("a:2", -signal.SIGKILL), ("a:3", 0), ("c", 0)]
)
def test_only_the_named_passing_ends_the_process(wanted, status):
    """CLAIMX_CRASH_AT=<name>[:<nth>] kills at that passing of that name; without it, or elsewhere, nothing happens."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, "CLAIMX_CRASH_AT": wanted}, check=False, capture_output=True
    )
    assert done.returncode == status
