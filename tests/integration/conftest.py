"""Fixtures of the tests that need Spark and Delta, but no broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FAST_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SMALL = [
    "spark.master=local[2]",
    "spark.shuffle_partitions=1",
    "spark.snapshot_partitions=1",
    "spark.driver_memory=1g",
    "spark.ui_enabled=false",
]
ENVIRONMENT = {"CLAIMX_API_TOKEN": "integration"}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one session of the layer: Delta and Kafka on its class path, UTC, one partition for each shuffle and snapshot."""
    warehouse = tmp_path_factory.mktemp("spark-warehouse")
    settings = load(sets=SMALL, environ=ENVIRONMENT)
    files = {
        "spark.sql.warehouse.dir": str(warehouse),
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",  # VACUUM starts so many tasks; 10,000 by default
        # Plans over a handful of rows: to compile them costs a third of the layer's time. The e2e layer compiles.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    small = settings.model_copy(update={"spark": settings.spark.model_copy(update={"conf": files})})
    session = open_session(small, app_name="claimx integration tests", java_options=FAST_START)
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
