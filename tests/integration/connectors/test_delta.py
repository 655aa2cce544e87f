"""Appends by the name of a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimx_lib.connectors.delta import Warehouse
from claimx_lib.errors import TableError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_an_append_makes_no_table(spark: SparkSession, tmp_path: Path) -> None:
    """Rows for a table that is gone are refused with the cure, and nothing is made in its place."""
    warehouse = Warehouse(root=str(tmp_path))
    with pytest.raises(TableError, match="no such Delta table — run claimx tables create"):
        warehouse.append(spark.range(1), "gone")
    with pytest.raises(TableError):
        warehouse.append_once(spark.range(1), "gone", app_id="a", version=0)
    assert list(tmp_path.iterdir()) == []
