"""What `make setup` has put beside the code: the cache, the jars, the JDK."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from claimx_lib.config.versions import JAVA_MAJORS

_RELEASE = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)


def cache_root() -> Path:
    """The folder that set-up fills: `$CLAIMX_CACHE`, or `.cache` beside the code; relative paths start at the checkout."""
    return Path(__file__).resolve().parents[2] / (os.environ.get("CLAIMX_CACHE") or ".cache")


def jars(name: str) -> tuple[Path, ...]:
    """The jars of one class path (`spark`, `kafka`), sorted; empty where set-up has not run, as on a cluster."""
    return tuple(sorted((cache_root() / "jars" / name).glob("*.jar")))


def java_home() -> Path | None:
    """The Java to run on: JAVA_HOME if it is one the product is tested on, else the one that set-up found."""
    asked = os.environ.get("JAVA_HOME")
    if asked and java_version(Path(asked)) in JAVA_MAJORS:
        return Path(asked)
    recorded = _recorded()
    if recorded is not None and (recorded / "bin" / "java").exists():
        return recorded
    return Path(asked) if asked else None


def java_version(home: Path) -> int | None:
    """The feature version that a Java installation states of itself (8, 11, 17); None where it states none."""
    try:
        told = _RELEASE.search((home / "release").read_text(errors="replace"))
    except OSError:
        return None
    return int(told.group(1)) if told else None


def _recorded() -> Path | None:
    try:
        return Path(json.loads((cache_root() / "toolchain.json").read_text())["java_home"])
    except (OSError, ValueError, KeyError):
        return None
