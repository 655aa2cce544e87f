"""The environment archive: what jobs import on a cluster beyond Spark and this package, for `spark-submit --archives`.

The files are those that `.venv` holds, so each was checked against the hash in requirements.lock; tools of development,
pyspark and the jars are left out, the cluster brings its own Spark. venv-pack would carry the whole of `.venv`, has had
no release for years, and links to an interpreter by an absolute path; here `bin/python` looks for one when it is called.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
from importlib import metadata
from pathlib import Path

ROOTS = ("claimx-pipeline", "delta-spark", "pandas")
"""This package's own needs; Delta's Python side, which a plain Spark lacks; what Spark's Arrow functions ask for."""
LEFT_TO_THE_CLUSTER = frozenset({"claimx-pipeline", "pyspark", "py4j"})
COMPRESSION = 4  # level 9 takes four times as long for 3 % less
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NOT_NEEDED = frozenset({"tests", "__pycache__", "include"})
_LAUNCHER = """#!/bin/sh
# Python {line} with this archive's packages and none of the machine's (-S): $CLAIMX_PYTHON, the one of the build, or one of the PATH.
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 127
export PYTHONPATH="$here/site-packages${{PYTHONPATH:+:$PYTHONPATH}}"
for python in "$CLAIMX_PYTHON" "{built_with}" "$(command -v python{line})"; do
  [ -x "$python" ] && exec "$python" -S "$@"
done
echo "claimx: this machine has no python{line}; install it, or set CLAIMX_PYTHON to its path" >&2
exit 127
"""


def distributions() -> dict[str, metadata.Distribution]:
    """The installed distributions that jobs need on a cluster, by normalised name; extras are not followed."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(ROOTS)
    seen: set[str] = set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen or (name in LEFT_TO_THE_CLUSTER and name not in ROOTS):
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another system or an older Python
            continue
        if name not in LEFT_TO_THE_CLUSTER:
            found[name] = distribution
        waiting.extend(_required(distribution))
    return found


def _required(distribution: metadata.Distribution) -> list[str]:
    needs = [need for need in distribution.requires or [] if "extra ==" not in need]
    return [match.group() for need in needs if (match := _NAME.match(need))]


def write_archive(target: Path) -> Path:
    """Write the packages below `site-packages/` and `bin/python`, which runs wherever the archive is unpacked."""
    with tarfile.open(target, "w:gz", compresslevel=COMPRESSION) as archive:
        for _, distribution in sorted(distributions().items()):
            for file in distribution.files or []:
                path = Path(str(distribution.locate_file(file)))
                if _is_needed(file.parts) and path.is_file():
                    archive.add(path, f"site-packages/{file.as_posix()}", filter=_anonymous)
        archive.addfile(*_launcher())
    return target


def _is_needed(parts: tuple[str, ...]) -> bool:
    return ".." not in parts and not _NOT_NEEDED.intersection(parts[:-1])


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _launcher() -> tuple[tarfile.TarInfo, io.BytesIO]:
    line = f"{sys.version_info[0]}.{sys.version_info[1]}"
    built_with = Path(sys.executable).resolve()
    text = _LAUNCHER.format(line=line, built_with=built_with).encode()
    entry = tarfile.TarInfo("bin/python")
    entry.size, entry.mode = len(text), 0o755
    return entry, io.BytesIO(text)
