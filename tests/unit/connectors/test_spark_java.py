"""Which Java a session of ours starts on."""

from __future__ import annotations

from pathlib import Path

import pyspark
import pytest

from claimx_lib.connectors import spark


@pytest.mark.parametrize("log", [None, "spark.log"])
def test_the_java_of_set_up_is_found_wherever_sparks_log_goes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: str | None
) -> None:
    """Also with `logging.spark_file: null`, as in prod, JAVA_HOME names it before the JVM is started; under
    spark-submit, whose JVM runs already, it stays as it is.
    """
    seen: list[str | None] = []
    started = lambda *_, **__: seen.append(spark.os.environ.get("JAVA_HOME"))  # noqa: E731
    monkeypatch.setattr(spark, "java_home", lambda: tmp_path)
    monkeypatch.setattr(pyspark.SparkContext, "getOrCreate", started)
    monkeypatch.setattr(pyspark.SparkContext, "__init__", started)
    monkeypatch.setattr("pyspark.java_gateway.launch_gateway", started)
    monkeypatch.setenv("JAVA_HOME", "another")
    monkeypatch.delenv(spark.SUBMITTED, raising=False)
    spark._start_context(pyspark.SparkConf(loadDefaults=False), log and str(tmp_path / log))
    monkeypatch.setenv("JAVA_HOME", "another")
    monkeypatch.setenv(spark.SUBMITTED, "1")
    spark._start_context(pyspark.SparkConf(loadDefaults=False), None)
    assert set(seen[:-1]) == {str(tmp_path)}
    assert seen[-1] == "another"
