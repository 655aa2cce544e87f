"""Fixtures of every layer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import hypothesis
import pytest
import structlog

from claimx_lib.devstack import ports

hypothesis.settings.register_profile("shared-machine", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("shared-machine")

TO_INSTALL = {"promtool": "prometheus", "prometheus": "prometheus", "chromium": "chromium"}
"""Debian's and Ubuntu's package of each program that a test may need."""


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Where a test has sent its log lines, nobody else's go: that stream ends with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listens on."""
    return ports.free_port()


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Finds an outside program by any of its names; skips where it is not installed, fails in CI, where none may be left out."""

    def find(*names: str) -> str:
        found = next(filter(None, map(shutil.which, names)), None)
        if found is None and os.environ.get("CLAIMX_CI_REQUIRE_ALL") == "1":
            pytest.fail(f"{names[0]} is not installed, and this run may leave no test out")
        if found is None:
            package = TO_INSTALL.get(names[0], names[0])
            pytest.skip(f"{names[0]} is not installed; to have this test run: apt-get install {package}")
        return found

    return find
