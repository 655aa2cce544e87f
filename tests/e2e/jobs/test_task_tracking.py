"""`spark-submit jobs/task_tracking.py`: the same job under a Spark that is not started by us."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from claimx_lib.config.toolchain import jars, java_home
from claimx_lib.devstack.simulator.process import Simulator
from tests.fakes.claimx import TOKEN
from tests.fakes.world import World, tracking_message

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 540
SUBMIT = Path(sys.executable).with_name("spark-submit")


def code_archive(folder: Path) -> Path:
    """The package without the development stack, as a zip for --py-files."""
    archive = folder / "claimx.zip"
    package = ROOT / "claimx_lib"
    with zipfile.ZipFile(archive, "w") as file:
        for path in package.rglob("*.py"):
            if "devstack" not in path.parts:
                file.write(path, path.relative_to(ROOT))
    return archive


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """How a submitted job ended, and all that it said."""

    status: int
    told: str


def submit(world: World, job: Path, *options: str) -> Submitted:
    """Run spark-submit somewhere else than in the checkout."""
    sets = [argument for one in world.sets() if not one.startswith("spark.") for argument in ("--set", one)]
    environment = {
        **os.environ,
        "HOME": str(world.folder),
        "JAVA_HOME": str(java_home() or ""),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "CLAIMX_API_TOKEN": TOKEN,
        "CLAIMX_CONF": str(ROOT / "conf"),
    }
    spark = ["--jars", ",".join(map(str, jars("spark"))), "--conf", "spark.ui.enabled=false", *options]
    command = [str(SUBMIT), *spark, str(job), "--env", "local", "--available-now", *sets]
    told = world.folder / "submit.log"
    with told.open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=world.folder, stdout=log, stderr=log)
        try:
            status = process.wait(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
    return Submitted(status=status, told=told.read_text("utf-8", "replace"))


@pytest.mark.long
@pytest.mark.timeout(700)
def test_executors_of_a_cluster_get_code_and_token(world: World, simulator: Simulator, tmp_path: Path) -> None:
    """On local-cluster[2,1,1024] with the code as a zip, each event is enriched and stands in the table; the status is 0."""
    simulator.control.put_tasks([{"id": task, "status": "open"} for task in (1, 2, 3)])
    world.send("tracking", [tracking_message(f"e{task}", task=task) for task in (1, 2, 3)])
    archive = code_archive(tmp_path)
    done = submit(
        world, ROOT / "jobs" / "task_tracking.py", "--master", "local-cluster[2,1,1024]", "--py-files", str(archive)
    )
    assert done.status == 0, done.told[-3000:]
    assert [(row.event_id, row.enrichment_status) for row in world.rows()] == [(f"e{n}", "enriched") for n in (1, 2, 3)]
    assert TOKEN not in done.told


@pytest.mark.long
@pytest.mark.timeout(700)
def test_what_is_wrong_is_one_line(world: World) -> None:
    """A table that is not there ends the submitted job with 1 and our line, not with a traceback."""
    elsewhere = world.with_settings()
    (world.folder / "warehouse" / "dead_letters").rename(world.folder / "gone")
    done = submit(elsewhere, ROOT / "jobs" / "task_tracking.py", "--master", "local[1]")
    assert done.status == 1, done.told[-3000:]
    assert "dead_letters: no such Delta table — run claimx tables create" in done.told, done.told[-3000:]
    assert "Traceback" not in done.told
