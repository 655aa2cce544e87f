"""The one place that names the engine's versions (docs/adr/0002-version-set.md)."""

from __future__ import annotations

from importlib import metadata

from claimx_lib.errors import VersionError

SPARK_LINE = "4.0"
DELTA_VERSION = "4.4.0"
JAVA_MAJORS = (17, 21)
SPARK_PACKAGES = (
    f"io.delta:delta-spark_4.0_2.13:{DELTA_VERSION}",
    "org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0",
)
KAFKA_BROKER = "org.apache.kafka:kafka_2.13:4.1.1"
SCHEMA_VERSION = "1"
"""Value of the table property `claimx.schema_version` that this code reads and writes."""


def require_engine(*, on_databricks: bool) -> None:
    """Return only on the engine that the tests ran on, else raise VersionError with the cure."""
    spark = _imported() or _installed("pyspark")
    if spark is None or not spark.startswith(f"{SPARK_LINE}."):
        raise VersionError(
            f"pyspark {spark or 'is not installed'}; this version of claimx runs on Spark {SPARK_LINE}.x",
            cure=f"install claimx-pipeline[local], or deploy to a runtime with Spark {SPARK_LINE}",
        )
    delta = _installed("delta-spark")
    if not on_databricks and delta is not None and delta != DELTA_VERSION:
        raise VersionError(
            f"delta-spark {delta}; this version of claimx runs on {DELTA_VERSION}",
            cure="run make setup",
        )


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _imported() -> str | None:
    """The version of the pyspark that is imported: on a cluster nobody has installed it, and a PYTHONPATH goes before one
    that is.
    """
    try:
        from pyspark.version import __version__
    except ImportError:
        return None
    return __version__
