"""Broker, ClaimX, empty tables and a warm JVM for all worlds of one invocation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from claimx_lib.config.load import load
from claimx_lib.devstack.broker import Broker
from claimx_lib.devstack.quick_jvm import INTERPRETED
from claimx_lib.devstack.simulator.process import Simulator
from tests.fakes.claimx import TOKEN
from tests.faults.driver import ROOT
from tests.faults.turn import Turn, no_turns
from tests.faults.warm import WarmJvm
from tests.faults.world import MASTER, World, new_world

SMALL = (f"spark.master={MASTER}", "spark.shuffle_partitions=1", "spark.snapshot_partitions=1",
         "spark.driver_memory=1g", f"spark.conf={INTERPRETED}")  # fmt: skip
BYTECODE = ROOT / ".cache" / "bytecode"


def keep_bytecode() -> None:
    """Every Python that is started from now on compiles what it imports once, not at each start."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(BYTECODE)


@dataclass(slots=True, kw_only=True)
class Stack:
    """What worlds share; `warm` is None where each driver starts a JVM of its own."""

    folder: Path
    broker: Broker
    simulator: Simulator
    tables: Path
    warm: WarmJvm | None
    turn: Turn = no_turns

    def world(self, seed: int, pipeline: str, **creation: float) -> World:
        """A new world; `creation` are settings of task_creation."""
        made = new_world(seed=seed, pipeline=pipeline, folder=self.folder / f"{pipeline}-{seed}", tables=self.tables,
                         servers=self.broker.bootstrap_servers, simulator=self.simulator,
                         creation=creation)  # fmt: skip
        made.jvm_logs += (self.warm.log,) if self.warm is not None else ()
        return made


@contextmanager
def stack(folder: Path, *, is_cold: bool = False, turn: Turn = no_turns) -> Iterator[Stack]:
    """Everything runs while the block does."""
    os.environ["CLAIMX_API_TOKEN"] = TOKEN
    keep_bytecode()
    sets = [*SMALL, f"storage.warehouse={folder}/tables", f"logging.spark_file={folder}/spark.log"]
    warm = WarmJvm(load(sets=sets), folder / "jvm.log")
    folder.mkdir(parents=True, exist_ok=True)
    with Broker(data_dir=folder / "broker") as broker, Simulator(token=TOKEN, folder=folder / "claimx") as simulator:
        try:
            with turn():
                _create_tables(sets, {} if is_cold else warm.environment())
            yield Stack(folder=folder, broker=broker, simulator=simulator, tables=folder / "tables",
                        warm=None if is_cold else warm, turn=turn)  # fmt: skip
        finally:
            warm.kill()


def _create_tables(sets: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "claimx_lib.cli.main", "tables", "create"]
    words = [word for pair in sets for word in ("--set", pair)]
    subprocess.run([*command, *words], cwd=ROOT, env={**os.environ, **environment}, check=True, timeout=180,
                   stdout=subprocess.DEVNULL)  # fmt: skip
