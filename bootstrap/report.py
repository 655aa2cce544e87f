"""What set-up tells the person who waits: a line for each step, and one line with the cure when it cannot go on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEARTBEAT_SECONDS = 10.0


class SetupError(Exception):
    """Set-up cannot go on: says what is wrong and what to do, in one line."""

    def __init__(self, message: str, *, cure: str) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return " ".join(f"{self.message}. Cure: {self.cure}".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A child process that has ended: its exit status and all it wrote, both streams in order."""

    status: int
    output: str

    def last_line(self) -> str:
        """The last line that holds anything, or a phrase that says there was none."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def say(text: str) -> None:
    """Prints one line at once, so that a log shows where the time goes."""
    print(f"setup: {text}", flush=True)


def warn(text: str) -> None:
    """Prints one line on stderr."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def run_quietly(
    command: Sequence[str],
    *,
    doing: str,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Runs a command to its end and keeps its output; says every ten seconds that `doing` still goes on.

    Raises SetupError when the deadline passes; the child is ended then.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile(mode="w+", errors="replace") as output:
        child = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(environment)
        )
        try:
            status = _wait(child, started=started, doing=doing, timeout_seconds=timeout_seconds)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        output.seek(0)
        return Finished(status=status, output=output.read())


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _wait(child: subprocess.Popen[bytes], *, started: float, doing: str, timeout_seconds: float) -> int:
    while True:
        try:
            return child.wait(timeout=HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            elapsed = time.monotonic() - started
            if elapsed > timeout_seconds:
                raise SetupError(
                    f"{doing} did not end within {timeout_seconds:.0f} s",
                    cure="check the network or the mirror, then run `make setup` again: it goes on where it stopped",
                ) from None
            say(f"  still {doing} ({elapsed:.0f} s)")
