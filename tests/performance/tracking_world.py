"""Broker, simulator, tables and a session with the JVM's usual JIT, for the benchmarks of task tracking."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from claimx_lib.config.load import load
from claimx_lib.connectors.kafka import RECORD, spark_options
from claimx_lib.connectors.spark import open_session
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.operations.tables import create_missing
from tests.fakes.claimx import TOKEN
from tests.fakes.world import World, new_world

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@contextmanager
def tracking_world(*sets: str, master: str = "local[2]") -> Iterator[World]:
    """A world of its own on a broker and a simulator that knows every task; all of it ends with the block."""
    os.environ["CLAIMX_API_TOKEN"] = TOKEN
    with tempfile.TemporaryDirectory(prefix="claimx-bench-") as name:
        folder = Path(name)
        session = open_session(
            load(sets=["spark.ui_enabled=false", f"spark.master={master}"]), app_name="claimx benchmarks"
        )
        session.sparkContext.setLogLevel("ERROR")
        session.conf.set("spark.sql.adaptive.enabled", "false")  # as Spark sets it for a stream's batches
        with Broker(data_dir=folder / "broker") as broker, Simulator(token=TOKEN) as simulator:
            simulator.control.switch(any_task=True)
            for part in ("empty", "made", "world"):
                (folder / part).mkdir()
            made = new_world(session, folder / "made", folder / "empty", servers="", api=simulator.base_url)
            create_missing(session, made.settings)
            servers, api = broker.bootstrap_servers, simulator.base_url
            try:
                yield new_world(
                    session, folder / "world", folder / "made" / "warehouse", servers=servers, api=api, sets=sets
                )
            finally:
                session.stop()


def streamed(world: World) -> World:
    """The world with frames from a session of their own, a clone as Spark makes one for a query's batches."""
    clone = world.spark._jsparkSession.cloneSession()
    return replace(world, spark=SparkSession(world.spark.sparkContext, clone))


def batch_of(world: World, topic: str) -> DataFrame:
    """All that is in a topic, as a micro-batch's frame."""
    reader = world.spark.read.format("kafka").options(**spark_options(world.settings.kafka))
    return reader.option("subscribe", world.topic(topic)).option("includeHeaders", "true").load().select(*RECORD)
