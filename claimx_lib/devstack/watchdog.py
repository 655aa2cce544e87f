"""Runs a command and ends it when whoever asked for it is gone: `python -m claimx_lib.devstack.watchdog`.

Standard input is a pipe whose other end the caller holds. It closes when the caller dies, by kill -9 too, and then the
command is told to stop, and killed if it does not. On Linux the kernel kills the command if the watchdog itself is killed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

GRACE_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


class _Stop(Exception):
    """SIGTERM or SIGINT has arrived, or the caller is gone."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command to its end; its exit status, or 128 + n where signal n ended it."""
    parser = argparse.ArgumentParser(prog="watchdog")
    parser.add_argument("--log", required=True, help="file that takes what the command writes")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _raise_stop)
    with open(options.log, "ab") as log:  # noqa: PTH123  (no import beyond what a process of 10 MB needs)
        command = [word for word in options.command if word != "--"]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)  # noqa: PLW1509  (no thread yet)
    return _status(_watch(child))


def _watch(child: subprocess.Popen[bytes]) -> int:
    try:
        sys.stdout.write(f"{child.pid}\n")
        sys.stdout.flush()
        threading.Thread(target=_stop_with_caller, daemon=True).start()
        return child.wait()
    except (_Stop, BrokenPipeError):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _end(child)


def _stop_with_caller() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _end(child: subprocess.Popen[bytes]) -> int:
    child.terminate()
    try:
        return child.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _raise_stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _status(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


if __name__ == "__main__":
    sys.exit(main())
