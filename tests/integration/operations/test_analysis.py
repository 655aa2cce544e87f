"""The desk that a notebook opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import TableError
from claimx_lib.operations.analysis import open_desk
from claimx_lib.schemas.tables import TRACKING
from tests.fakes.analysis import AS_OF, event
from tests.fakes.warehouse import Tables

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession


def test_missing_tables_are_one_line_with_the_cure(spark: SparkSession, tmp_path: Path) -> None:
    """Where no tables are, the notebook says where it looked and what makes them."""
    assert spark
    with pytest.raises(TableError, match="no such Delta table") as raised:
        open_desk(load(sets=[f"storage.warehouse={tmp_path}"], environ={}))
    assert "make demo" in str(raised.value)


def test_everything_on_a_desk_tells_of_one_moment(spark: SparkSession, tmp_path: Path) -> None:
    """Tables and views are there in the session that is there; an open stay lasts until the desk's moment."""
    Tables(root=tmp_path).create().append(TRACKING.name, [event(1, 0, "assigned")])
    desk = open_desk(load(sets=[f"storage.warehouse={tmp_path}"], environ={}), as_of=AS_OF)
    assert desk.spark is spark
    assert desk.table(TRACKING.name).count() == 1
    assert [row.hours for row in desk.spark.table("cabinet_status_stays").collect()] == [100.0]
    assert (desk.timezone, desk.zone.key) == ("UTC", "UTC")
