"""The virtual environment: exactly the packages of requirements.lock, each file checked against its hash."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap import mirrors
from bootstrap.report import Finished, SetupError, run_quietly, say

if TYPE_CHECKING:
    from bootstrap.layout import Layout

INSTALL_TIMEOUT_SECONDS = 1800.0
_NETWORK = re.compile(
    r"dns|resolve host|name resolution|connect|timed? ?out|unreachable|network|proxy|error sending request|NewConnectionError|No matching distribution|tls|certificate",
    re.IGNORECASE,
)
_DRAWING = " \t\u00d7\u2570\u2500\u25b6\u2502\u251c"  # what uv draws around its errors
_TELLING = re.compile(r"error|fail|mismatch|caused by|refused", re.IGNORECASE)
_HASH = re.compile(r"hash(es)? (mismatch|do not match)|do not match the hashes", re.IGNORECASE)


def ensure_environment(layout: Layout) -> None:
    """`.venv` holds what the locks name and `claimx`; costs nothing when it does already.

    Raises SetupError when a package cannot be fetched or is not the file that the lock names.
    """
    stamp = layout.venv / ".claimx-stamp"
    wanted = fingerprint(layout)
    if stamp.is_file() and stamp.read_text() == wanted and (layout.venv / "bin" / "claimx").exists():
        return
    stamp.unlink(missing_ok=True)
    _make_venv(layout)
    _install_uv(layout)
    _sync(layout)
    stamp.write_text(wanted)


def fingerprint(layout: Layout) -> str:
    """Changes whenever the environment has to be made anew: the locks, the package's metadata, the Python line."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {layout.root}".encode())
    for file in (layout.bootstrap_lock, layout.requirements_lock, layout.root / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest() + "\n"


def _make_venv(layout: Layout) -> None:
    if layout.python.exists() and _version_line(layout) == sys.version_info[:2] and _is_whole(layout):
        return
    say(f"making .venv with Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})")
    result = run_quietly(
        [sys.executable, "-m", "venv", "--clear", str(layout.venv)], doing="making .venv", timeout_seconds=300
    )
    if result.status != 0:
        raise SetupError(
            f"this Python ({sys.executable}) cannot make a virtual environment: {result.last_line()}",
            cure=f"install its venv module (apt install python3.{sys.version_info[1]}-venv) or name another Python: "
            "make PYTHON=/path/to/python3.12",
        )


def _is_whole(layout: Layout) -> bool:
    """Whether its making came to its end, pip, and it lies where it was made: else its scripts name another place."""
    try:
        return str(layout.python) in (layout.venv / "bin" / "pip").read_text(errors="replace")
    except OSError:
        return False


def _version_line(layout: Layout) -> tuple[int, ...]:
    command = [str(layout.python), "-c", "import sys; print(*sys.version_info[:2])"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return tuple(int(part) for part in answer.stdout.split())


def _install_uv(layout: Layout) -> None:
    if layout.uv.exists():
        return
    say("installing uv, which installs the rest")
    lock = ["--require-hashes", "--no-deps", "-r", str(layout.bootstrap_lock)]
    result = run_quietly(
        [str(layout.python), "-m", "pip", "--quiet", "install", *lock],
        doing="installing uv",
        timeout_seconds=INSTALL_TIMEOUT_SECONDS,
        environment=mirrors.for_pip(os.environ),
    )
    _must_have_worked(result, doing="installing uv from requirements-bootstrap.lock")


def _sync(layout: Layout) -> None:
    packages = layout.requirements_lock.read_text().count("\n    # via")
    say(
        f"installing {packages} Python packages by requirements.lock, each file by its hash (first time about 2 minutes)"
    )
    environment = uv_environment(layout)
    building = ["--build-constraints", str(layout.bootstrap_lock), "--require-build-hashes"]
    target = ["--quiet", "--python", str(layout.python)]
    sync = ["pip", "sync", *target, "--require-hashes", *building, str(layout.requirements_lock)]
    itself = ["pip", "install", *target, "--no-deps", *building, "--editable", str(layout.root)]
    for arguments, doing in ((sync, "installing Python packages"), (itself, "installing claimx")):
        result = run_quietly(
            [str(layout.uv), *arguments], doing=doing, timeout_seconds=INSTALL_TIMEOUT_SECONDS, environment=environment
        )
        _must_have_worked(result, doing=doing)


def uv_environment(layout: Layout) -> dict[str, str]:
    """What uv is to see beyond the environment; asks pip for its configuration, which uv does not read."""
    command = [str(layout.python), "-m", "pip", "config", "list"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    extra = mirrors.for_uv(os.environ, pip_configuration=answer.stdout)
    if "UV_CACHE_DIR" not in os.environ and not _is_writable(
        Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    ):
        extra["UV_CACHE_DIR"] = str(layout.cache / "uv")  # a container's user without a home
    return extra


def _is_writable(folder: Path) -> bool:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(there, os.W_OK)


def _must_have_worked(result: Finished, *, doing: str) -> None:
    if result.status == 0:
        return
    told = _most_telling_line(result)
    if _HASH.search(result.output):
        raise SetupError(
            f"{doing} failed: a package is not the file that the lock names ({told})",
            cure="do not install it: ask who runs the mirror, or clear the cache (.venv/bin/uv cache clean) and try again",
        )
    if _NETWORK.search(result.output):
        raise SetupError(
            f"{doing} failed: no network, or the package index cannot be reached ({told})",
            cure="connect, or set UV_DEFAULT_INDEX (or PIP_INDEX_URL) to your company's mirror of PyPI, then run `make setup` again",
        )
    raise SetupError(f"{doing} failed: {told}", cure="mend that, then run `make setup` again")


def _most_telling_line(result: Finished) -> str:
    lines = [line.strip(_DRAWING) for line in result.output.splitlines()]
    telling = [line for line in lines if _TELLING.search(line) and not line.startswith("hint")]
    return (telling[-1] if telling else result.last_line())[:300]
