"""What end-to-end tests share: outside systems as processes of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from tests.fakes.claimx import TOKEN


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
