"""The session that we open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.errors.utils import is_debugging_enabled

from claimx_lib.config.load import load
from claimx_lib.connectors.spark import _defaults

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_an_expression_costs_no_stack_trace(spark: SparkSession) -> None:
    """Debugging of expressions by pyspark, several calls to the JVM for each node of each expression, is off."""
    assert spark.conf.get("spark.python.sql.dataFrameDebugging.enabled") == "false"
    assert not is_debugging_enabled()


@pytest.mark.parametrize(("is_enabled", "kept"), [("false", "50"), ("true", None)])
def test_without_a_web_page_few_queries_are_kept_in_the_heap(is_enabled: str, kept: str | None) -> None:
    """Spark's own number holds where somebody may look at its page; what the settings say holds in any case."""
    name = "spark.sql.ui.retainedExecutions"
    assert _defaults(load(sets=[f"spark.ui_enabled={is_enabled}"]), "local[2]", "").get(name) == kept
    own = load(sets=[f"spark.ui_enabled={is_enabled}", f"spark.conf={{{name}: '7'}}"])
    assert _defaults(own, "local[2]", "")[name] == "7"
