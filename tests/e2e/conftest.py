"""What end-to-end tests share: outside systems as processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.operations.tables import create_missing
from tests.fakes.claimx import TOKEN
from tests.fakes.session import small_session
from tests.fakes.world import World, Worlds, new_world

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Kafka broker for the whole run."""
    with Broker(data_dir=tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    """One ClaimX simulator for the whole run."""
    with Simulator(token=TOKEN) as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    """The simulator, knowing nothing and without faults."""
    running_simulator.control.reset()
    return running_simulator


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The one session of the layer."""
    session = small_session(tmp_path_factory.mktemp("spark-warehouse"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def empty_tables(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tables as `claimx tables create` makes them, to be copied: making them takes seconds."""
    folder = tmp_path_factory.mktemp("tables")
    world = new_world(spark, folder, _nothing(folder), servers="", api="http://127.0.0.1:1")
    create_missing(spark, world.settings)
    return folder / "warehouse"


def _nothing(folder: Path) -> Path:
    empty = folder / "empty"
    empty.mkdir()
    return empty


@pytest.fixture
def new(
    spark: SparkSession,
    broker: Broker,
    simulator: Simulator,
    empty_tables: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Worlds:
    """Makes a world of topics, tables and settings that no other test has; `sets` are settings as `a.b=c`."""
    monkeypatch.setenv("CLAIMX_API_TOKEN", TOKEN)

    def make(*sets: str) -> World:
        return new_world(
            spark, tmp_path, empty_tables, servers=broker.bootstrap_servers, api=simulator.base_url, sets=sets
        )

    return make


@pytest.fixture
def world(new: Worlds) -> World:
    """A world with the settings of `conf/base.yaml`."""
    return new()
