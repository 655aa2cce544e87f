"""A real standalone Spark cluster on this machine: one master, two workers, each with one core and nothing of our environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark
import requests

from claimx_lib.config.toolchain import jars, java_home
from claimx_lib.devstack.ports import free_port
from claimx_lib.devstack.quick_jvm import QUICK_JVM

SPARK_HOME = Path(pyspark.__file__).parent
WORKERS = 2
UNCOMPILED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""Plans over a handful of rows: to compile them takes a third of a run."""
START_SECONDS = 300
"""A busy machine takes minutes for three JVMs; workers that came late are no mistake of ours."""


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """What `make build` makes, and the environment archive unpacked for the driver."""

    code: Path
    environment: Path
    unpacked: Path
    jobs: Path


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster; `submit` gives it a script as spark-submit does."""

    master: str
    folder: Path
    shipped: Shipped

    def submit(self, script: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Runs the script in client mode until it ends; returns standard output, and fails with the log where it fails.

        Prints how long it took, the start of driver and executors from the archive included.
        """
        variables = {
            "PATH": "/usr/bin:/bin",
            "JAVA_HOME": str(java()),
            "SPARK_HOME": str(SPARK_HOME),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_DRIVER_PYTHON": str(self.shipped.unpacked / "bin" / "python"),
            "PYSPARK_PYTHON": "./environment/bin/python",
            **(environment or {}),
        }
        began = time.monotonic()
        done = subprocess.run(
            [*self._command(), str(script), *arguments],
            env=variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=580,
        )
        sys.stdout.write(f"{script.name}: {time.monotonic() - began:.0f} s\n")
        assert done.returncode == 0, done.stderr[-6000:]
        return done.stdout

    def _command(self) -> list[str]:
        conf = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.executor.memory": "600m",
            "spark.executor.cores": "1",
            "spark.executor.extraJavaOptions": QUICK_JVM,
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            **UNCOMPILED,
        }
        return [
            str(SPARK_HOME / "bin" / "spark-submit"),
            *("--master", self.master, "--deploy-mode", "client", "--driver-memory", "700m"),
            *("--driver-java-options", QUICK_JVM),
            *(word for key, value in conf.items() for word in ("--conf", f"{key}={value}")),
            *("--jars", ",".join(map(str, jars("spark")))),
            *("--py-files", str(self.shipped.code)),
            *("--archives", f"{self.shipped.environment}#environment"),
        ]


def java() -> Path:
    home = java_home()
    if home is not None:
        return home
    found = shutil.which("java") or "java"
    told = subprocess.run([found, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=True)
    line = next(line for line in told.stderr.splitlines() if "java.home" in line)
    return Path(line.partition("=")[2].strip())


@contextmanager
def standalone(folder: Path, shipped: Shipped) -> Iterator[Cluster]:
    """The cluster, for as long as the block runs; each of its processes is ended by its id."""
    port, page = free_port(), free_port()
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as stack:
        words = ("--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page))
        stack.enter_context(_process(folder / "master", "master.Master", words))
        for number in range(WORKERS):
            place = folder / f"worker-{number}"
            words = ("--host", "127.0.0.1", "--cores", "1", "--memory", "700m", "--work-dir", str(place / "work"))
            stack.enter_context(_process(place, "worker.Worker", (*words, "--webui-port", str(free_port()), master)))
        _wait_for_workers(page)
        yield Cluster(master=master, folder=folder, shipped=shipped)


@contextmanager
def _process(folder: Path, name: str, words: Sequence[str]) -> Iterator[None]:
    folder.mkdir(parents=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(SPARK_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *words],
            # Nothing else: no PATH, no HOME, no PYTHONPATH.
            env={"JAVA_HOME": str(java()), "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": QUICK_JVM},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=20)


def _wait_for_workers(page: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    alive = 0
    while alive < WORKERS:
        assert time.monotonic() < deadline, f"{alive} of {WORKERS} workers came"
        time.sleep(0.5)
        try:
            alive = requests.get(f"http://127.0.0.1:{page}/json/", timeout=30).json()["aliveworkers"]
        except requests.RequestException:  # not there yet, or too busy to answer
            continue
