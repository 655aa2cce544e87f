"""What a notebook opens: the tables as frames, and the moment and the settings that its figures are held to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from claimx_lib.config.load import load
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.connectors.spark import open_analysis_session
from claimx_lib.errors import TableError
from claimx_lib.operations import views

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from claimx_lib.config.settings import Analysis, Settings

ENVIRONMENT = "CLAIMX_ENV"
"""Which conf/<ENV>.yaml a notebook goes by; local where it is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An analyst's desk: everything on it tells of the moment `as_of`, in the time zone of `analysis.timezone`."""

    spark: SparkSession
    warehouse: Warehouse
    analysis: Analysis
    as_of: datetime

    @property
    def timezone(self) -> str:
        """In which every time is shown."""
        return self.analysis.timezone

    @property
    def zone(self) -> ZoneInfo:
        """The same as a value, for Python's own instants."""
        return ZoneInfo(self.analysis.timezone)

    def table(self, name: str) -> DataFrame:
        """The table's newest version; TableError where it is not there."""
        from pyspark.errors import AnalysisException

        try:
            found = self.warehouse.read(self.spark, name)
            found.schema  # noqa: B018  (Connect looks for the table only now)
        except AnalysisException:
            raise TableError(
                f"{self.warehouse.location(name)}: no such Delta table",
                cure="name the tables by CLAIMX_WAREHOUSE; claimx tables create makes them, make demo fills some",
            ) from None
        return found


def open_desk(settings: Settings | None = None, *, as_of: datetime | None = None) -> Desk:
    """Open the tables that the settings name, with every SQL view a temporary one of the session.

    The session is the cluster's on Databricks, that of SPARK_REMOTE over Spark Connect, else one of this machine's.
    """
    chosen = load(os.environ.get(ENVIRONMENT, "local")) if settings is None else settings
    moment = datetime.now(UTC) if as_of is None else as_of
    desk = Desk(
        spark=open_analysis_session(chosen),
        warehouse=Warehouse(root=chosen.storage.warehouse),
        analysis=chosen.analysis,
        as_of=moment,
    )
    desk.table("itel_cabinet_task_tracking")
    views.register(desk.spark, chosen, as_of=moment)
    return desk
