"""The Spark session: started here on one machine, taken as it is on a cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.config.versions import SPARK_PACKAGES, require_engine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"


def on_databricks() -> bool:
    """Tell whether this process runs on a Databricks cluster."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def open_session(settings: Settings, *, app_name: str, java_options: str = "") -> SparkSession:
    """Return a session with Delta and Kafka on its class path and UTC as its time zone.

    Options that spark-submit or a cluster has set already win over the settings.
    Raises VersionError on an engine that the product is not tested on.
    """
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    require_engine(on_databricks=on_databricks())
    builder = SparkSession.builder.appName(app_name)
    if not on_databricks():
        given = SparkConf()
        for key, value in _defaults(settings, java_options).items():
            if not given.contains(key):
                builder = builder.config(key, value)
    session = builder.getOrCreate()
    for key, value in _session_options(settings).items():
        session.conf.set(key, value)
    return session


def jar_cache() -> Path:
    """Return the folder in which `make setup` keeps Spark's extra jars."""
    root = os.environ.get("CLAIMX_CACHE")
    beside = Path(__file__).resolve().parents[2] / ".cache"
    return (Path(root) if root else beside) / "jars" / "spark"


def _defaults(settings: Settings, java_options: str) -> dict[str, str]:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = settings.spark
    return {
        "spark.master": spark.master,
        "spark.driver.memory": spark.driver_memory,
        "spark.driver.extraJavaOptions": java_options,
        "spark.ui.enabled": str(spark.ui_enabled).lower(),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": EXTENSION,
        "spark.sql.catalog.spark_catalog": CATALOG,
        "spark.scheduler.mode": "FAIR",
        **_packages(),
        **spark.conf,
    }


def _packages() -> dict[str, str]:
    jars = sorted(jar_cache().glob("*.jar"))
    if jars:
        return {"spark.jars": ",".join(map(str, jars))}
    return {"spark.jars.packages": ",".join(SPARK_PACKAGES)}


def _session_options(settings: Settings) -> dict[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(settings.spark.shuffle_partitions),
        "spark.databricks.delta.snapshotPartitions": str(settings.spark.snapshot_partitions),
        "spark.sql.streaming.metricsEnabled": "false",
    }
