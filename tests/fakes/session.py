"""The one Spark session of a test run, and what makes the JVMs of other processes as quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import open_session
from claimx_lib.devstack.quick_jvm import INTERPRETED, QUICK_JVM

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SESSION_JVM = f"{QUICK_JVM} -Xms1g -Xmn400m"
"""Room for what lives for a moment: else the collector takes a sixteenth of a long run."""
SMALL = (
    "spark.master=local[2]",
    "spark.shuffle_partitions=1",
    "spark.snapshot_partitions=1",
    "spark.listing_parallelism=2",  # VACUUM starts so many tasks
    "spark.driver_memory=1g",
    "spark.ui_enabled=false",
    "spark.conf={" + ", ".join(f'{key}: "{value}"' for key, value in INTERPRETED.items()) + "}",
)
ENVIRONMENT = {"CLAIMX_API_TOKEN": "integration"}


def small_session(folder: Path) -> SparkSession:
    """Delta and Kafka on its class path, UTC, one partition for each shuffle and snapshot; the same one for all who ask."""
    settings = load(sets=list(SMALL), environ=ENVIRONMENT)
    conf = settings.spark.conf | {"spark.sql.warehouse.dir": str(folder)}
    small = settings.model_copy(update={"spark": settings.spark.model_copy(update={"conf": conf})})
    session = open_session(small, app_name="claimx tests", java_options=SESSION_JVM)
    session.sparkContext.setLogLevel("ERROR")
    return session


def quick_environment(**changes: str) -> dict[str, str]:
    """This process's environment, these variables in it, for one whose JVM is to be quick to start."""
    return {**os.environ, "JAVA_TOOL_OPTIONS": QUICK_JVM, **changes}
