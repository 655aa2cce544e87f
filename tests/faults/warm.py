"""A JVM that outlives the drivers that attach to it: what a restart costs is then Python, a SparkContext and a checkpoint.

Nothing that a driver knew survives its kill but the JVM's loaded classes: the SparkContext of the dead driver is stopped
and Delta's cache of table states emptied before the next one attaches, as spark-submit's own drivers do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError
from pyspark.java_gateway import launch_gateway

from claimx_lib.connectors.spark import _conf, _find_java
from claimx_lib.devstack.quick_jvm import QUICK_JVM
from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

ANSWER_SECONDS = 30.0


class WarmJvm:
    """A JVM with Spark's and Delta's classes, started on demand; dies with this process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self.log = log
        self._gateway: Any = None
        self._is_used = False

    @property
    def pid(self) -> int:
        return int(self._gateway.proc.pid)

    @property
    def is_running(self) -> bool:
        return self._gateway is not None and self._gateway.proc.poll() is None

    def environment(self) -> dict[str, str]:
        """What a driver needs to attach; nothing of an earlier driver is left in the JVM when this returns."""
        self.forget_drivers()
        if not self.is_running:
            self._launch()
        self._is_used = True
        java = self._gateway.java_parameters
        return {"PYSPARK_GATEWAY_PORT": str(java.port), "PYSPARK_GATEWAY_SECRET": str(java.auth_token)}

    def kill(self) -> None:
        """The JVM has died by SIGKILL when this returns."""
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)
            self._gateway.proc.wait(timeout=ANSWER_SECONDS)
        self._gateway = None

    def sql(self, statement: str) -> None:
        """The statement is done, by another session of the attached driver's own Spark, when this returns."""
        sessions = getattr(self._gateway.jvm, "org.apache.spark.sql.SparkSession$")
        sessions = getattr(sessions, "MODULE$")
        session = sessions.getDefaultSession().get().newSession()
        for name in ("spark.sql.shuffle.partitions", "spark.databricks.delta.snapshotPartitions"):
            session.conf().set(name, "1")  # else 200 tasks a table of a handful of rows
        session.sql(statement).collect()

    def _launch(self) -> None:
        _find_java()
        with self.log.open("ab") as output:
            conf = _conf(self._settings, "claimx faults", QUICK_JVM)
            self._gateway = launch_gateway(conf, {"stdout": output, "stderr": subprocess.STDOUT})  # type: ignore[no-untyped-call]

    def forget_drivers(self, *, is_killed: bool = False) -> None:
        """Nothing of a dead driver's queries goes on when this returns, if the JVM has to go with them.

        A driver that was killed before its context was there may have left one half made, which nobody can stop.
        """
        if not self.is_running or not self._is_used:
            return
        self._is_used = False
        jvm = self._gateway.jvm
        active = getattr(getattr(jvm, "org.apache.spark.SparkContext$"), "MODULE$").getActive()
        if active.isDefined():
            active.get().stop()
            with contextlib.suppress(Py4JError):
                jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        elif is_killed:
            self.kill()
            return
        try:
            wait_until(lambda: not self._has_queries(), what="its queries end", timeout_seconds=ANSWER_SECONDS)
        except DevStackError:
            self.kill()
        else:
            self._let_go(jvm)

    def _let_go(self, jvm: Any) -> None:
        """Proxies of the dead driver's objects are collected now, while nobody is attached.

        Their numbers begin at 0 in each driver: one that is collected later takes the next driver's object with it.
        """
        sessions = jvm.org.apache.spark.sql.classic.SparkSession
        sessions.clearDefaultSession()
        sessions.clearActiveSession()
        for _ in range(2):
            jvm.java.lang.System.gc()
            jvm.java.lang.System.runFinalization()

    def _has_queries(self) -> bool:
        threads = self._gateway.jvm.java.lang.Thread.getAllStackTraces().keySet()
        return any(str(thread.getName()).startswith("stream execution thread") for thread in threads)
