"""The jars of Spark's connectors and of the embedded Kafka broker: fetched once, each checked against jars.lock."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from bootstrap import mirrors
from bootstrap.report import Finished, SetupError, run_quietly, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bootstrap.java import Jdk
    from bootstrap.layout import Layout

FETCH_TIMEOUT_SECONDS = 900.0
_LINE = re.compile(r"^(?P<set>[a-z]+) (?P<org>\S+):(?P<module>\S+):(?P<revision>\S+) (?P<sha256>[0-9a-f]{64})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One line of jars.lock: which class path it belongs to, its Maven coordinates and its SHA-256 (hex)."""

    set: str
    org: str
    module: str
    revision: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.module}-{self.revision}.jar"

    def path(self, folder: Path) -> Path:
        return folder / self.set / self.file_name


def parsed(text: str) -> list[Jar]:
    """The jars that a lock's text names; raises SetupError that names the first line that cannot be read."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise SetupError(
                f"jars.lock, line {number}, cannot be read: {line!r}", cure="restore it: git checkout jars.lock"
            )
        jars.append(Jar(**match.groupdict()))
    return jars


def ensure_jars(layout: Layout, jdk: Jdk, environment: Mapping[str, str]) -> None:
    """The cache holds exactly the jars of the lock, each with the right checksum; fetches what is missing.

    Raises SetupError when a jar, new or cached, is not the one that the lock names, or cannot be fetched.
    """
    jars = parsed(layout.jars_lock.read_text())
    missing = [jar for jar in jars if not jar.path(layout.jars).is_file()]
    verify([jar for jar in jars if jar not in missing], layout.jars)
    if missing:
        size = "all (60 MB)" if len(missing) == len(jars) else f"{len(missing)} of {len(jars)}"
        say(f"fetching the jars of Spark's connectors and the Kafka broker, {size}, once, into {layout.jars}")
        _fetch(missing, layout, jdk, environment)
    _remove_strangers(jars, layout.jars)


def verify(jars: Iterable[Jar], folder: Path, *, cure: str = "") -> None:
    """Raises SetupError that names the first jar in `folder` whose SHA-256 is not the lock's."""
    for jar in jars:
        path = jar.path(folder)
        actual = sha256_of(path)
        if actual != jar.sha256:
            raise SetupError(
                f"{path} has the wrong checksum: SHA-256 {actual[:16]}…, jars.lock says {jar.sha256[:16]}…",
                cure=cure or f"delete it (rm {path}) and run `make setup` again: it is fetched anew",
            )


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def retrieve(jars: Sequence[Jar], layout: Layout, jdk: Jdk, environment: Mapping[str, str], *, into: Path) -> None:
    """Fetches the jars by the Ivy that comes with pyspark to `into/<set>/<file>`; whole or not at all, for each set.

    Raises SetupError when one cannot be fetched. Ivy compares each file with its publisher's own checksum.
    """
    with tempfile.TemporaryDirectory(dir=layout.cache, prefix="ivy-") as work:
        settings = Path(work) / "ivysettings.xml"
        settings.write_text(mirrors.ivy_settings(environment, cache=Path(work) / "cache"))
        for name in sorted({jar.set for jar in jars}):
            wanted = [jar for jar in jars if jar.set == name]
            module = Path(work) / f"{name}.xml"
            module.write_text(_ivy_module(name, wanted))
            pattern = str(into / name / "[artifact]-[revision].[ext]")
            options = [
                "-settings",
                str(settings),
                "-ivy",
                str(module),
                "-confs",
                "default",
                "-retrieve",
                pattern,
                "-warn",
            ]
            result = run_quietly(
                [
                    str(jdk.home / "bin" / "java"),
                    *mirrors.java_proxy_options(environment),
                    "-jar",
                    str(_ivy(layout)),
                    *options,
                ],
                doing=f"fetching the {name} jars",
                timeout_seconds=FETCH_TIMEOUT_SECONDS,
            )
            _must_be_there(wanted, into, result, environment)


def _fetch(missing: Sequence[Jar], layout: Layout, jdk: Jdk, environment: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=layout.cache, prefix="jars-") as work:
        fresh = Path(work)
        retrieve(missing, layout, jdk, environment, into=fresh)
        verify(missing, fresh, cure="nothing was installed: try again, and if it stays so, ask who runs the mirror")
        for jar in missing:
            target = jar.path(layout.jars)
            target.parent.mkdir(parents=True, exist_ok=True)
            jar.path(fresh).replace(target)


def _remove_strangers(jars: Iterable[Jar], folder: Path) -> None:
    """The folders are class paths: a jar of an older lock in them would be loaded too."""
    named = {jar.path(folder) for jar in jars}
    for path in folder.glob("*/*.jar"):
        if path not in named:
            path.unlink()


def _ivy(layout: Layout) -> Path:
    found = sorted(layout.venv.glob("lib/python3*/site-packages/pyspark/jars/ivy-2*.jar"))
    if not found:
        raise SetupError("pyspark in .venv carries no Ivy", cure="rm -rf .venv, then run `make setup` again")
    return found[-1]


def _ivy_module(name: str, jars: Iterable[Jar]) -> str:
    dependencies = "\n".join(
        f"    <dependency org={quoteattr(jar.org)} name={quoteattr(jar.module)} rev={quoteattr(jar.revision)}"
        ' conf="default" transitive="false"/>'
        for jar in jars
    )
    return f"""<ivy-module version="2.0">
  <info organisation="claimx" module="{name}-jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
{dependencies}
  </dependencies>
</ivy-module>
"""


def _must_be_there(jars: Iterable[Jar], folder: Path, result: Finished, environment: Mapping[str, str]) -> None:
    absent = [jar for jar in jars if not jar.path(folder).is_file()]
    if not absent:
        return
    shutil.rmtree(folder, ignore_errors=True)
    mirror = environment.get("CLAIMX_MAVEN_MIRROR")
    where = f"the mirror CLAIMX_MAVEN_MIRROR ({mirror})" if mirror else "Maven Central"
    cure = (
        "check its address"
        if mirror
        else "connect, or set CLAIMX_MAVEN_MIRROR to your company's mirror of Maven Central"
    )
    raise SetupError(
        f"{len(absent)} jars could not be fetched from {where}, the first is {absent[0].org}:{absent[0].module}:{absent[0].revision}"
        f" ({_reason(result)})",
        cure=f"{cure}, then run `make setup` again",
    )


def _reason(result: Finished) -> str:
    for word in (
        "UnknownHostException",
        "Connection refused",
        "timed out",
        "SSLHandshakeException",
        "invalid sha1",
        "invalid md5",
    ):
        if word in result.output:
            return word
    return "not found there"
