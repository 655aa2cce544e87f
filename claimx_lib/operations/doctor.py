"""What is wrong with this installation, one line each with its cure."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.config.secrets import read_secret
from claimx_lib.config.toolchain import cache_root, java_home, java_version
from claimx_lib.config.versions import JAVA_MAJORS, require_engine
from claimx_lib.connectors.checkpoint import committed_batches, damaged_file, folder_seen, next_offsets
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.kafka_client import topics_there
from claimx_lib.connectors.spark import on_databricks
from claimx_lib.domain.flow import STREAMS
from claimx_lib.errors import ClaimxError, in_a_line
from claimx_lib.operations.preflight import aged_out, require_rules, require_state, topics_of
from claimx_lib.operations.probe import probe_api
from claimx_lib.schemas.tables import TABLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

MINIMUM_PYTHON = (3, 11)
UNREADABLE = "mend its rights; where the disk was full or a file is damaged, see docs/operations.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; `cure` is empty where all is well."""

    what: str
    is_well: bool
    told: str
    cure: str = ""


def examine(settings: Settings, *, session: SparkSession | None = None) -> list[Finding]:
    """Return a finding for each thing that the jobs need; nothing is changed and nothing raised.

    Tables that are not in local folders are looked at with a cluster's `session` alone.
    """
    looks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("python", _python),
        ("java", _java),
        ("versions", _versions),
        ("jars", _jars),
        ("kafka", lambda: _kafka(settings)),
        ("topics", lambda: _topics(settings)),
        ("token", lambda: _token(settings)),
        ("api", lambda: probe_api(settings)),
        ("tables", lambda: _tables(settings, session)),
        ("settings", lambda: _settings(settings)),
        *((f"checkpoint {job}", lambda job=job: _checkpoint(settings, job)) for job in STREAMS),
    )
    return [_found(what, look) for what, look in looks]


def _found(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, is_well=True, told=look())
    except ClaimxError as error:
        return Finding(what=what, is_well=False, told=error.message, cure=error.cure)
    except Exception as error:  # noqa: BLE001  (what can't be looked at must not hide the rest)
        return Finding(what=what, is_well=False, told=in_a_line(error), cure=UNREADABLE)


def _python() -> str:
    if sys.version_info < MINIMUM_PYTHON:
        raise ClaimxError(f"Python {sys.version.split()[0]}", cure="install Python 3.11 or newer, then make setup")
    return sys.version.split()[0]


def _java() -> str:
    home = java_home() or _on_the_path()
    version = java_version(home) if home is not None else None
    if version is None and home is None and not on_databricks():
        raise ClaimxError(
            "no Java found", cure=f"set JAVA_HOME to a Java {' or '.join(map(str, JAVA_MAJORS))}, or make setup"
        )
    if version is not None and version not in JAVA_MAJORS:
        raise ClaimxError(
            f"Java {version} at {home}", cure=f"set JAVA_HOME to a Java {' or '.join(map(str, JAVA_MAJORS))}"
        )
    return f"{version or 'of the cluster'} {home or ''}".strip()


def _on_the_path() -> Path | None:
    """The home of the `java` that Spark would take where nobody names one."""
    found = shutil.which("java")
    return None if found is None else Path(found).resolve().parents[1]


def _versions() -> str:
    require_engine(on_databricks=on_databricks())
    return "the set that the tests ran on"


def _jars() -> str:
    """Every jar that jars.lock names is in the cache, with its checksum; on a cluster there is no cache to look at."""
    lock = Path(__file__).resolve().parents[2] / "jars.lock"
    if not lock.is_file():
        return "not kept here (a cluster brings them)"
    count = 0
    for path, checksum in _locked(lock):
        if not path.is_file():
            raise ClaimxError(f"{path} is missing", cure="make setup")
        if hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
            raise ClaimxError(f"{path} has the wrong checksum", cure=f"rm {path}, then make setup")
        count += 1
    return f"{count} jars, every checksum right"


def _locked(lock: Path) -> Iterator[tuple[Path, str]]:
    for line in lock.read_text("utf-8").splitlines():
        words = line.split()
        if line.startswith("#") or not words:
            continue
        folder, coordinates, checksum = words
        _, module, revision = coordinates.split(":")
        yield cache_root() / "jars" / folder / f"{module}-{revision}.jar", checksum


def _kafka(settings: Settings) -> str:
    return f"{len(topics_there(settings.kafka))} topics at {settings.kafka.bootstrap_servers}"


def _topics(settings: Settings) -> str:
    wanted = {topic for job in STREAMS for side in topics_of(settings, job) for topic in side}
    missing = sorted(wanted - topics_there(settings.kafka))
    if missing:
        raise ClaimxError(f"missing: {', '.join(missing)}", cure="claimx topics create")
    return f"all {len(wanted)} are there"


def _token(settings: Settings) -> str:
    read_secret(settings.claimx.token, path="claimx.token")
    return "there (its value is shown to nobody)"


def _tables(settings: Settings, session: SparkSession | None) -> str:
    root = settings.storage.warehouse
    if session is None and not Warehouse(root=root).is_local:
        return f"{root}: looked at by the jobs when they start"
    require_state(settings, ["maintenance"], session)
    return f"{len(TABLES)} tables in {root}"


def _settings(settings: Settings) -> str:
    require_rules(settings, [job for job in STREAMS if getattr(settings.jobs, job).enabled])
    return "every enabled job would start with them"


def _checkpoint(settings: Settings, job: str) -> str:
    folder = folder_seen(settings.storage.checkpoints, job)
    if folder is None:
        return f"{settings.storage.checkpoints}: not on this machine"
    if folder.exists() and not os.access(folder, os.W_OK):
        raise ClaimxError(f"{folder} can't be written", cure="mend its owner or rights")
    damaged = damaged_file(folder)
    if damaged:
        raise ClaimxError(f"{folder}/{damaged} is damaged", cure=f"move {folder} away, then claimx run {job}")
    if not next_offsets(folder):
        return "new: the first start reads from starting_offsets"
    lost = aged_out(settings, job)
    if lost:
        raise ClaimxError(f"{lost[0]} are gone from the broker", cure=f"claimx run {job} --accept-data-loss")
    batches = committed_batches(folder)
    return f"goes on after batch {batches[0].number}" if batches else "goes on with its first batch"
