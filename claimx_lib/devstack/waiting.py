"""Waiting for a condition, never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable

from claimx_lib.errors import DevStackError


def wait_until(
    condition: Callable[[], bool], *, what: str, timeout_seconds: float, cure: str = "", interval_seconds: float = 0.05
) -> None:
    """Returns once the condition holds; raises DevStackError that names `what` when it does not in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise DevStackError(f"{what}: not within {timeout_seconds:g} s", cure=cure)
        time.sleep(interval_seconds)
