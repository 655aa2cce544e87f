"""What the tests on a cluster share: what `make build` ships, a cluster, a broker and a ClaimX simulator."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import build, environment
from bootstrap.layout import of_checkout
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from tests.fakes.claimx import TOKEN
from tests.fakes.cluster import Cluster, Shipped, standalone

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    """The wheel's code, the environment archive, both as `make build` makes them, and what a driver unpacks of them."""
    dist = tmp_path_factory.mktemp("dist")
    hatchling = Path(sys.executable).with_name("hatchling")
    subprocess.run([str(hatchling), "build", "-t", "wheel", "-d", str(dist)], cwd=ROOT, check=True, capture_output=True)
    code = build._archive(of_checkout(), next(dist.glob("*.whl")), dist / "claimx-cluster.zip")
    packages = environment.write_archive(dist / "claimx-environment.tar.gz")
    with tarfile.open(packages) as archive:
        archive.extractall(dist / "environment", filter="data")
    with zipfile.ZipFile(code) as archive:
        for name in (name for name in archive.namelist() if name.startswith("jobs/")):
            archive.extract(name, dist)
    return Shipped(code=code, environment=packages, unpacked=dist / "environment", jobs=dist / "jobs")


@pytest.fixture(scope="session")
def cluster(shipped: Shipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One master and two workers, for all tests."""
    with standalone(tmp_path_factory.mktemp("cluster"), shipped) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Kafka broker for the whole run."""
    with Broker(data_dir=tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """One ClaimX simulator for the whole run."""
    with Simulator(token=TOKEN) as simulator:
        yield simulator
