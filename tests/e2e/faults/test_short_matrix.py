"""A short piece of the fault matrix: real drivers killed inside batches, then everything that they left is checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.simulator.process import Simulator
from tests.faults.matrix import Matrix
from tests.faults.plan import BOTH_PIPELINES, Fault
from tests.faults.stack import BYTECODE, SMALL, Stack
from tests.faults.warm import WarmJvm

SEED = 20_260_110
POST_SENT, AFTER_APPEND = Fault(name="post-sent"), Fault(name="tracking-after-append")


@pytest.fixture
def shared(
    broker: Broker, simulator: Simulator, empty_tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """The layer's broker, ClaimX and tables, and a JVM that the drivers of this test attach to."""
    monkeypatch.setenv("CLAIMX_API_TOKEN", "in a file")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(BYTECODE))  # drivers import once, not each anew
    warm = WarmJvm(load(sets=[*SMALL, f"logging.spark_file={tmp_path}/spark.log"]), tmp_path / "jvm.log")
    yield Stack(folder=tmp_path, broker=broker, simulator=simulator, tables=empty_tables, warm=warm)
    warm.kill()


@pytest.mark.timeout(420)  # waits have deadlines of their own
@pytest.mark.parametrize(
    ("pipeline", "faults", "made"),
    [
        pytest.param("identity", [POST_SENT], {"tasks"}, id="amid the POSTs"),
        pytest.param("tracking", [AFTER_APPEND], {"rows"}, id="between table and topic", marks=pytest.mark.long),
        pytest.param(BOTH_PIPELINES, [POST_SENT, AFTER_APPEND], {"tasks", "rows"}, id="both", marks=pytest.mark.long),
    ],
)
def test_no_invariant_breaks_where_drivers_die_inside_batches(
    shared: Stack, pipeline: str, faults: list[Fault], made: set[str]
) -> None:
    """Against an API that drops one answer in ten: after a kill each event has its row or its one task, or a reason, and
    nothing is lost or doubled.
    """
    world = shared.world(SEED, pipeline, intent_ttl_seconds=4, max_retries=1)
    outcome = Matrix(world=world, warm=shared.warm, say=print, restarts=1).run(faults)
    assert outcome.violations == []
    assert outcome.kills == len(faults), outcome.misses
    assert {name for name in made if outcome.figures[name] > 0} == made
