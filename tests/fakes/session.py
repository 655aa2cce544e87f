"""The one Spark session of a test run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import open_session
from claimx_lib.devstack.quick_jvm import QUICK_JVM

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = (
    "spark.master=local[2]",
    "spark.shuffle_partitions=1",
    "spark.snapshot_partitions=1",
    "spark.driver_memory=1g",
    "spark.ui_enabled=false",
)
ENVIRONMENT = {"CLAIMX_API_TOKEN": "integration"}


def small_session(folder: Path) -> SparkSession:
    """Delta and Kafka on its class path, UTC, one partition for each shuffle and snapshot; the same one for all who ask."""
    settings = load(sets=list(SMALL), environ=ENVIRONMENT)
    files = {
        "spark.sql.warehouse.dir": str(folder),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # VACUUM starts so many tasks; 10,000 by default
        # Plans over a handful of rows: to compile them takes a third of a run. Jobs in processes of their own compile.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    small = settings.model_copy(update={"spark": settings.spark.model_copy(update={"conf": files})})
    session = open_session(small, app_name="claimx tests", java_options=QUICK_JVM)
    session.sparkContext.setLogLevel("ERROR")
    return session
