"""Fixtures of the tests that need Spark and Delta, but no broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.fakes.session import small_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one session of the layer: Delta and Kafka on its class path, UTC, one partition for each shuffle and snapshot."""
    session = small_session(tmp_path_factory.mktemp("spark-warehouse"))
    yield session
    session.stop()
