"""The session that we open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.errors.utils import is_debugging_enabled

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_an_expression_costs_no_stack_trace(spark: SparkSession) -> None:
    """Debugging of expressions by pyspark, several calls to the JVM for each node of each expression, is off."""
    assert spark.conf.get("spark.python.sql.dataFrameDebugging.enabled") == "false"
    assert not is_debugging_enabled()
