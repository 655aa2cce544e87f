"""A warehouse with empty tables for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimx_lib.config.load import load
from claimx_lib.observability.metrics import Metrics
from claimx_lib.operations.tables import create_missing
from claimx_lib.streams.context import JobContext
from tests.fakes.records import RECORDED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings


def settings_at(warehouse: Path, *sets: str) -> Settings:
    return load(sets=[f"storage.warehouse={warehouse}", *sets], environ={"CLAIMX_API_TOKEN": "integration"})


@pytest.fixture(scope="session")
def empty_tables(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table, empty, made once: a Delta table can be copied as it is."""
    template = tmp_path_factory.mktemp("template")
    create_missing(spark, settings_at(template))
    return template


@pytest.fixture
def context_with(spark: SparkSession, empty_tables: Path, tmp_path: Path) -> Iterator[Callable[..., JobContext]]:
    """Makes a job's context over tables of this test alone; arguments are settings, as `--set` takes them."""

    def make(*sets: str, warehouse: str = "warehouse") -> JobContext:
        root = tmp_path / warehouse
        shutil.copytree(empty_tables, root)
        settings = settings_at(root, *sets)
        return JobContext(session=spark, settings=settings, metrics=Metrics(), now=lambda: RECORDED)

    yield make
    spark.catalog.clearCache()
