"""R15: the story of a claim among 10⁶ mappings, over the start of a Spark session; a process of its own each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa
from deltalake import write_deltalake

from claimx_lib.schemas.tables import MAPPING, MAPPING_HISTORY
from tests.fakes.warehouse import Tables
from tests.performance.frame import Bound, Goal, Result, ratio

SIZE = 1_000_000
ROWS_A_FILE = 250_000
CLAIM = "C0000444444"
ROOT = Path(__file__).resolve().parents[2]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SESSION = """
from claimx_lib.config.load import load
from claimx_lib.connectors.spark import open_session
open_session(load(), app_name="bench")
print("ready", flush=True)
"""


def measure() -> Result:
    """Seconds until the story is told and its process gone, against seconds until a session is there."""
    with tempfile.TemporaryDirectory(prefix="claimx-bench-") as folder:
        tables = Tables(Path(folder)).create()
        for start in range(0, SIZE, ROWS_A_FILE):
            for spec in (MAPPING, MAPPING_HISTORY):
                rows = _rows(tables.schemas[spec.name], range(start, start + ROWS_A_FILE))
                write_deltalake(str(tables.root / spec.name), rows, mode="append")
        return ratio(
            "R15",
            "claimx explain on 10⁶ mappings ÷ a Spark session's start",
            Goal(bound=Bound.AT_MOST, limit=0.10),
            ours=lambda: _explain_seconds(folder),
            other=_session_seconds,
            unit="s",
        )


def _rows(schema: pa.Schema, numbers: range) -> pa.Table:
    claims = pa.array([f"C{number:010d}" for number in numbers])
    ids = pa.array(numbers, pa.int64())
    at = pa.array([LONG_AGO] * len(numbers), pa.timestamp("us", "UTC"))
    values = {"claim_number": claims, "claim_key": claims, "project_id": ids, "to": ids, "source_offset": ids}
    values |= dict.fromkeys(("created_at", "updated_at", "at", "event_timestamp"), at)
    values |= {"event_id": pa.array([f"map-{number}" for number in numbers])}
    values |= {name: pa.array([text] * len(numbers)) for name, text in _TEXTS.items()}
    columns = [values[f.name].cast(f.type) if f.name in values else pa.nulls(len(numbers), f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


_TEXTS = {"source": "claimx", "action": "set", "outcome": "accepted"}


def _explain_seconds(folder: str) -> float:
    command = [sys.executable, "-m", "claimx_lib.cli.main", "explain", CLAIM, "--set", f"storage.warehouse={folder}"]
    started = time.perf_counter()
    told = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True, timeout=60)
    seconds = time.perf_counter() - started
    if "444444" not in told.stdout:
        raise RuntimeError(told.stdout)
    return seconds


def _session_seconds() -> float:
    started = time.perf_counter()
    command = [sys.executable, "-c", SESSION]
    with subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True) as process:
        told = process.stdout.readline() if process.stdout else ""
        seconds = time.perf_counter() - started
        left_behind = psutil.Process(process.pid).children(recursive=True)
        process.wait(timeout=60)
    psutil.wait_procs(left_behind, timeout=60)  # a JVM that still ends would slow what is measured next
    if told != "ready\n":
        raise RuntimeError(f"no session: {told}")
    return seconds


def _environment() -> dict[str, str]:
    return {**os.environ, "CLAIMX_API_TOKEN": "bench"}
