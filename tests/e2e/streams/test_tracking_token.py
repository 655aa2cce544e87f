"""The token of task_tracking: read for each batch, rotated without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.errors import ConfigError
from claimx_lib.streams.task_tracking import Memory, process_batch
from tests.fakes.claimx import TOKEN
from tests.fakes.world import Worlds, tracking_message


def test_a_rotated_token_is_found_without_a_restart(new: Worlds, simulator: Simulator, tmp_path: Path) -> None:
    """A wrong one leaves rows as failed, and is read once more; while its file is empty the last one holds, and where
    there was none before, the job ends with the line that names the setting.
    """
    secret = tmp_path / "token"
    secret.write_text("wrong")
    world = new(f"claimx.token={{file: {secret}}}")
    simulator.control.put_tasks([{"id": 789, "status": "open"}])
    memory = Memory()

    def track(number: int, kept: Memory = memory) -> None:
        frame = world.frame([tracking_message(f"e{number}")], first=number)
        process_batch(frame, world.batch(number), world.context(), kept)

    track(1)
    assert world.metrics.value("itel_worker_token_refused_total") == 1
    secret.write_text(TOKEN)
    track(2)
    secret.write_text("")
    track(3)
    assert world.metrics.value("itel_worker_token_refused_total") == 1
    told = [(row.event_id, row.enrichment_status, row.enrichment_error) for row in world.rows()]
    refused = "unauthorized 401 GET /api/v1/tasks/{task_id}"
    assert told == [("e1", "failed", refused), ("e2", "enriched", None), ("e3", "enriched", None)]
    with pytest.raises(ConfigError, match=r"claimx\.token"):
        track(4, Memory())
