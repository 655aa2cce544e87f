"""The locks: how they are made (`make lock`), and whether they agree with pyproject.toml (offline, for `make check`)."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bootstrap import jars, python_env
from bootstrap.report import SetupError, run_quietly, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrap.java import Jdk
    from bootstrap.layout import Layout

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>\S+)(?P<rest>.*)$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
_ASKED_BY_US = re.compile(r"#\s+(?:via )?claimx-pipeline \(")
_COMMON = (
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--quiet",
)


def make_locks(layout: Layout, jdk: Jdk) -> None:
    """Writes the three locks anew: both requirement locks by pyproject.toml, the checksums of jars.lock by its coordinates.

    Versions that still fit stay as they are.
    """
    _compile(layout, ["--group", "bootstrap", "-o", layout.bootstrap_lock.name])
    dev = ["pyproject.toml", "--all-extras", "--group", "dev", "-c", layout.bootstrap_lock.name]
    _compile(layout, [*dev, "-o", layout.requirements_lock.name])
    _lock_jars(layout, jdk)


def disagreements(layout: Layout) -> list[str]:
    """One line for each way in which the requirement locks differ from pyproject.toml; reads files only."""
    project = tomllib.loads((layout.root / "pyproject.toml").read_text())
    bootstrap = _asked_for(project, groups=["bootstrap"], with_project=False)
    everything = _asked_for(project, groups=["dev"], with_project=True)
    return [
        *_differences(layout.bootstrap_lock, bootstrap),
        *_differences(layout.requirements_lock, everything),
    ]


def _compile(layout: Layout, arguments: list[str]) -> None:
    say(f"locking {arguments[-1]}")
    result = run_quietly(
        [str(layout.uv), "--directory", str(layout.root), "pip", "compile", *_COMMON, *arguments],
        doing=f"locking {arguments[-1]}",
        timeout_seconds=600,
        environment=python_env.uv_environment(layout),
    )
    if result.status != 0:
        raise SetupError(
            f"uv cannot lock {arguments[-1]}: {result.last_line()}", cure="mend pyproject.toml or the network"
        )


def _lock_jars(layout: Layout, jdk: Jdk) -> None:
    say("locking jars.lock")
    text = layout.jars_lock.read_text()
    with tempfile.TemporaryDirectory(dir=layout.cache, prefix="lock-") as work:
        named = jars.parsed(text)
        jars.retrieve(named, layout, jdk, os.environ, into=Path(work))
        fresh = [replace(jar, sha256=jars.sha256_of(jar.path(Path(work)))) for jar in named]
    comments = [line for line in text.splitlines() if line.startswith("#")]
    lines = [f"{jar.set} {jar.org}:{jar.module}:{jar.revision} {jar.sha256}" for jar in fresh]
    layout.jars_lock.write_text("\n".join([*comments, *lines]) + "\n")


def _asked_for(project: dict[str, Any], *, groups: list[str], with_project: bool) -> set[str]:
    requirements: list[str] = []
    for group in groups:
        requirements.extend(_group(project, group))
    if with_project:
        requirements.extend(project["project"]["dependencies"])
        for extra in project["project"].get("optional-dependencies", {}).values():
            requirements.extend(extra)
    return set(requirements)


def _group(project: dict[str, Any], name: str) -> Iterator[str]:
    for entry in project["dependency-groups"][name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _group(project, entry["include-group"])


def _differences(lock: Path, asked_for: set[str]) -> Iterator[str]:
    from packaging.requirements import Requirement  # in .venv only; the rest of set-up runs without
    from packaging.utils import canonicalize_name

    pins = {canonicalize_name(name): version for name, version in _pins(lock)}
    wanted = {canonicalize_name(parsed.name): parsed for parsed in map(Requirement, asked_for)}
    for name, requirement in sorted(wanted.items()):
        if name not in pins:
            yield f"{lock.name}: {requirement} of pyproject.toml is missing"
        elif not requirement.specifier.contains(pins[name], prereleases=True):
            yield f"{lock.name}: {name}=={pins[name]} does not fit {requirement} of pyproject.toml"
    for name in sorted({canonicalize_name(name) for name in _direct(lock)} - set(wanted)):
        yield f"{lock.name}: {name} is there for pyproject.toml, which does not ask for it"
    yield from _without_hash(lock)


def _pins(lock: Path) -> Iterator[tuple[str, str]]:
    for line in lock.read_text().splitlines():
        match = _PIN.match(line)
        if match:
            yield match["name"], match["version"]


def _direct(lock: Path) -> Iterator[str]:
    name = ""
    for line in lock.read_text().splitlines():
        match = _NAME.match(line)
        name = match.group() if match else name
        if _ASKED_BY_US.search(line):
            yield name


def _without_hash(lock: Path) -> Iterator[str]:
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text())
    for entry in entries:
        if _PIN.match(entry.splitlines()[0]) and "--hash=sha256:" not in entry:
            yield f"{lock.name}: {entry.split()[0]} has no hash"
