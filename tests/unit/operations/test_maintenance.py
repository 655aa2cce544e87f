"""What the upkeep refuses before it touches anything."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.delta import Warehouse
from claimx_lib.errors import ConfigError
from claimx_lib.operations.maintenance import maintain

NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (
            "retention_days.claim_project_mapping_history=90",
            "claim_project_mapping_history: this table cannot be short",
        ),
        ("retention_days.xact_task_pending=90", "xact_task_pending: this table cannot be shortened"),
        ("retention_days.xact_task_ledger=7", "xact_task_ledger: 7 days, but events may come again for longer"),
        ("retention_days.dead_letters=3", "dead_letters: 3 days, but events may come again for longer"),
        ("vacuum_hours=24", "vacuum_hours: 24 would take files from running jobs"),
    ],
)
def test_settings_that_would_lose_something_are_refused(setting: str, line: str) -> None:
    """Retention that forgets what is still needed, and a VACUUM that is too eager, end before anything is done."""
    settings = load(sets=[f"jobs.maintenance.{setting}"], environ={})

    with pytest.raises(ConfigError, match=line):
        maintain(None, Warehouse(root="/nowhere"), settings.jobs.maintenance, now=NOW)  # type: ignore[arg-type]
