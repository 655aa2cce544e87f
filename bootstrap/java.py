"""A JDK that Spark 4.0 and Kafka 4.1 run on (17 or 21): found on the machine, else Temurin 17 in the project's cache."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.report import SetupError, run_quietly, say, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bootstrap.layout import Layout

SUPPORTED = (17, 21)
FETCHED = "17"
FETCH_TIMEOUT_SECONDS = 900.0
HOW_TO_INSTALL = (
    "install a JDK 17 or 21 (apt install openjdk-17-jdk-headless, dnf install java-17-openjdk-headless, "
    "brew install openjdk@17) or point JAVA_HOME at one, then run `make setup` again"
)
USUAL_FOLDERS = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home",
    "/usr/local/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
    "~/.jdk/*",
)
_RELEASE = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Jdk:
    """A Java installation and its feature version (8, 11, 17, ...)."""

    home: Path
    version: int

    @property
    def is_supported(self) -> bool:
        return self.version in SUPPORTED


def ensure_jdk(layout: Layout, environment: Mapping[str, str], *, folders: Iterable[str] = USUAL_FOLDERS) -> Jdk:
    """A supported JDK, its home written to the cache for the product to read; `folders` are patterns to look in.

    Raises SetupError when there is none and none can be fetched.
    """
    found = list(_installed(candidates(layout, environment, folders)))
    jdk = next((each for each in found if each.is_supported), None) or _fetched(layout, found)
    _say_if_other_than_asked_for(jdk, environment)
    _record(layout, jdk)
    return jdk


def candidates(layout: Layout, environment: Mapping[str, str], folders: Iterable[str]) -> Iterator[Path]:
    """Homes to look at, the person's own choice first: JAVA_HOME, `java` on the PATH, the cache, the usual folders."""
    if environment.get("JAVA_HOME"):
        yield Path(environment["JAVA_HOME"])
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        yield Path(os.path.realpath(on_path)).parent.parent
    yield from _homes_in(layout.jdk)
    for pattern in folders:
        folder = Path(pattern).expanduser()
        yield from sorted(Path(folder.anchor).glob(str(folder.relative_to(folder.anchor))))


def version_of(home: Path) -> int | None:
    """The feature version of the Java at `home`; None where there is none that starts."""
    java = home / "bin" / "java"
    if not os.access(java, os.X_OK):
        return None
    release = home / "release"
    if release.is_file():
        told = _RELEASE.search(release.read_text(errors="replace"))
        if told:
            return int(told.group(1))
    return _version_by_asking(java)


def _version_by_asking(java: Path) -> int | None:
    try:
        answer = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = _VERSION.search(answer.stderr + answer.stdout)
    return int(told.group(1)) if told else None


def _installed(homes: Iterable[Path]) -> Iterator[Jdk]:
    for home in homes:
        version = version_of(home)
        if version is not None:
            yield Jdk(home=home, version=version)


def _homes_in(folder: Path) -> Iterator[Path]:
    for child in sorted(folder.glob("*")):
        yield from (home for home in (child, child / "Contents" / "Home") if (home / "bin" / "java").exists())


def _fetched(layout: Layout, unsupported: list[Jdk]) -> Jdk:
    say(f"no JDK 17 or 21 on this machine: fetching Temurin {FETCHED} into {layout.jdk} (about 190 MB)")
    layout.jdk.mkdir(parents=True, exist_ok=True)
    script = "import sys, jdk; jdk.install(sys.argv[1], path=sys.argv[2])"
    result = run_quietly(
        [str(layout.python), "-c", script, FETCHED, str(layout.jdk)],
        doing=f"fetching Temurin {FETCHED}",
        timeout_seconds=FETCH_TIMEOUT_SECONDS,
    )
    jdk = next((each for each in _installed(_homes_in(layout.jdk)) if each.is_supported), None)
    if result.status != 0 or jdk is None:
        raise SetupError(_none(unsupported) + f", and Temurin {FETCHED} could not be fetched", cure=HOW_TO_INSTALL)
    return jdk


def _none(unsupported: list[Jdk]) -> str:
    if not unsupported:
        return "there is no Java on this machine"
    return f"the only Java here is {unsupported[0].version} ({unsupported[0].home}), Spark 4.0 needs 17 or 21"


def _say_if_other_than_asked_for(jdk: Jdk, environment: Mapping[str, str]) -> None:
    asked = environment.get("JAVA_HOME")
    if asked and Path(asked) != jdk.home:
        version = version_of(Path(asked))
        is_what = f"is Java {version}, Spark 4.0 needs 17 or 21" if version else "holds no Java"
        warn(f"JAVA_HOME ({asked}) {is_what}: using {jdk.home} (Java {jdk.version}) instead")


def _record(layout: Layout, jdk: Jdk) -> None:
    text = json.dumps({"java_home": str(jdk.home), "java_version": jdk.version}, indent=2) + "\n"
    if not layout.toolchain.is_file() or layout.toolchain.read_text() != text:
        layout.toolchain.parent.mkdir(parents=True, exist_ok=True)
        layout.toolchain.write_text(text)
