"""The Spark session: started here on one machine, taken as it is on a cluster."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.config.layers import conf_dir
from claimx_lib.config.secrets import secrets_kept_back
from claimx_lib.config.toolchain import jars, java_home
from claimx_lib.config.versions import SPARK_PACKAGES, require_engine
from claimx_lib.errors import ClaimxError

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
LOOPBACK = "127.0.0.1"
SUBMITTED = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit, whose JVM is there before Python is."""
REMOTE = "SPARK_REMOTE"
"""Where a Spark Connect server is (sc://host:port); pyspark itself reads it."""


def on_databricks() -> bool:
    """Tell whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def open_session(settings: Settings, *, app_name: str, java_options: str = "") -> SparkSession:
    """Return a session with Delta and Kafka on its class path and UTC as its time zone.

    Options that spark-submit or a cluster has set already win over the settings, but for the partitions and the
    parallelism, which are the session's own wherever it runs. A caller's handler of SIGINT stays.
    A JVM that is started here writes to `logging.spark_file`, so that the terminal shows our lines only.
    Raises VersionError on an engine that the product is not tested on.
    """
    from pyspark.sql import SparkSession

    require_engine(on_databricks=on_databricks())
    builder = SparkSession.builder.appName(app_name)
    if not on_databricks() and SparkSession.getActiveSession() is None:
        # The JVM and its Python workers need no secrets: what they need travels to them.
        with secrets_kept_back(settings), _interrupts_kept():
            _start_context(_conf(settings, app_name, java_options), settings.logging.spark_file)
    session = builder.getOrCreate()
    for key, value in _session_options(settings).items():
        session.conf.set(key, value)
    return session


def session_beside(session: SparkSession, settings: Settings) -> SparkSession:
    """Return a session on the same context with a configuration of its own: what is set there nobody else sees."""
    own = session.newSession()
    for key, value in _session_options(settings).items():
        own.conf.set(key, value)
    return own


def open_analysis_session(settings: Settings) -> SparkSession:
    """Return a session that shows times in `analysis.timezone`: the cluster's own on Databricks, else one over Spark
    Connect where SPARK_REMOTE names a server, else one that is started here.

    A server that is not ours keeps its settings: nothing but the session's time zone is set there.
    """
    from pyspark.sql import SparkSession

    if on_databricks() or REMOTE in os.environ:
        require_engine(on_databricks=True)  # Delta is the server's own
        session = SparkSession.builder.getOrCreate()
    else:
        session = open_session(settings, app_name="claimx analysis")
    session.conf.set("spark.sql.session.timeZone", settings.analysis.timezone)
    return session


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Spark's own handler calls the JVM amid whatever call is under way: it is for those who have none."""
    before = signal.getsignal(signal.SIGINT)
    yield
    has_own = before not in {None, signal.default_int_handler}
    if has_own and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, before)


def _conf(settings: Settings, app_name: str, java_options: str) -> SparkConf:
    from pyspark import SparkConf, SparkContext

    if SUBMITTED in os.environ:
        SparkContext._ensure_initialized()  # noqa: SLF001  (else SparkConf() is empty and ours wins)
    conf = SparkConf().setIfMissing("spark.app.name", app_name)
    master = conf.get("spark.master", settings.spark.master) or settings.spark.master
    for key, value in _defaults(settings, master, java_options).items():
        conf.setIfMissing(key, value)
    return conf


def _start_context(conf: SparkConf, log: str | None) -> None:
    from pyspark import SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    if SUBMITTED not in os.environ:
        _find_java()
        _find_spark()
    if SUBMITTED in os.environ or log is None:
        SparkContext.getOrCreate(conf)
        return
    file = Path(log)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as output:
        try:
            gateway = launch_gateway(conf, {"stdout": output, "stderr": output})  # type: ignore[no-untyped-call]
        except PySparkRuntimeError:
            raise ClaimxError(f"Spark's JVM did not start: see {file}", cure="run claimx doctor") from None
    SparkContext(conf=conf, gateway=gateway)


def _find_java() -> None:
    home = java_home()
    if home is not None:
        os.environ["JAVA_HOME"] = str(home)


def _find_spark() -> None:
    """The Spark that pyspark brings, whatever another installation has left in the environment."""
    import pyspark

    own = Path(pyspark.__file__).parent
    if (own / "bin" / "spark-submit").exists():
        os.environ["SPARK_HOME"] = str(own)


HISTORY_OF_NOBODY = {
    "spark.ui.retainedJobs": "100",
    "spark.ui.retainedStages": "100",
    "spark.ui.retainedTasks": "1000",
    "spark.sql.ui.retainedExecutions": "50",
}
"""Spark keeps the plans and figures of its last 1,000 queries in the heap for its web page, also where there is none."""


def _defaults(settings: Settings, master: str, java_options: str) -> dict[str, str]:
    if SUBMITTED not in os.environ and master.startswith("local"):
        os.environ["PYSPARK_PYTHON"] = sys.executable  # workers of this process, whatever the shell has left
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = settings.spark
    return {
        "spark.master": master,
        **_on_loopback(master),
        "spark.driver.memory": spark.driver_memory,
        "spark.driver.extraJavaOptions": f"{_log_option()} {java_options}".strip(),
        "spark.ui.enabled": str(spark.ui_enabled).lower(),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": EXTENSION,
        "spark.sql.catalog.spark_catalog": CATALOG,
        "spark.scheduler.mode": "FAIR",
        # Else pyspark asks the JVM several times, with a stack trace, at each node of each expression.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # One round of all jobs generates some 250 classes; Spark keeps 100, and compiles the others anew in each batch.
        "spark.sql.codegen.cache.maxEntries": "500",
        **({} if spark.ui_enabled else HISTORY_OF_NOBODY),
        **_packages(),
        **spark.conf,
    }


def _on_loopback(master: str) -> dict[str, str]:
    """Nothing outside this machine has to reach a session that runs on it alone."""
    if not master.startswith("local"):
        return {}
    os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)
    return {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK}


def _log_option() -> str:
    file = conf_dir() / "log4j2.properties"
    return f"-Dlog4j2.configurationFile={file.resolve().as_uri()}" if file.is_file() else ""


def _packages() -> dict[str, str]:
    cached = jars("spark")
    if cached:
        return {"spark.jars": ",".join(map(str, cached))}
    return {"spark.jars.packages": ",".join(SPARK_PACKAGES)}


def _session_options(settings: Settings) -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.spark.shuffle_partitions),
        "spark.databricks.delta.snapshotPartitions": str(settings.spark.snapshot_partitions),
        # VACUUM lists files in so many tasks; Spark's default is 10,000, some seconds for an empty table.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(settings.spark.listing_parallelism),
        "spark.sql.streaming.metricsEnabled": "false",
        # So many records and their answers are in a Python worker's memory at a time; Spark's default is 10,000.
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
        # HotSpot leaves longer methods to its interpreter: a filter fused with a parser would cost each record so much.
        "spark.sql.codegen.hugeMethodLimit": "8000",
    }
