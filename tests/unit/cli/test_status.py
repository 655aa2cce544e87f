"""`claimx status` as a process: looked at once, or for as long as one likes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.fakes.warehouse import Tables, letter

COMMAND = (sys.executable, "-m", "claimx_lib.cli.main", "status", "--json")


def arguments(folder: Path, port: int) -> list[str]:
    values = {
        "storage.warehouse": f"{folder}/warehouse",
        "storage.checkpoints": f"{folder}/checkpoints",
        "kafka.bootstrap_servers": f"127.0.0.1:{port}",
    }
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def test_watching_tells_a_line_a_look_until_it_is_interrupted(tmp_path: Path, free_port: int) -> None:
    """Each look is one JSON line that comes at once, with what changed in between; Ctrl-C ends it with 0, in peace."""
    tables = Tables(root=tmp_path / "warehouse").create()
    command = [*COMMAND, "--watch", "--every", "0.5", *arguments(tmp_path, free_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["tables"]["dead_letters"] == {}
        tables.append("dead_letters", [letter(1)])
        looks = (json.loads(line)["tables"]["dead_letters"] for line in process.stdout)
        assert next(found for found in looks if found) == {"OPEN task_creation project-not-found": 1}
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, "")
