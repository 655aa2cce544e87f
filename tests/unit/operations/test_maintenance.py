"""What the settings of an upkeep may not ask for."""

from __future__ import annotations

from typing import Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.config.upkeep import MINIMUM_DAYS
from claimx_lib.errors import SettingsError
from claimx_lib.operations.maintenance import KEPT_BY, _has_news
from claimx_lib.schemas.topics import topic_specs

KEPT = "jobs.maintenance.retention_days"


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (
            "retention_days.claim_project_mapping_history=90",
            "mapping_history = 90: this table cannot be shortened: name",
        ),
        ("retention_days.xact_task_pending=90", "xact_task_pending = 90: this table cannot be shortened: name one of"),
        ("retention_days.xact_task_ledger=7", "xact_task_ledger = 7: .*: keep at least 30 days"),
        ("retention_days.dead_letters=3", "dead_letters = 3: .*: keep at least 30 days"),
        ("retention_days.xact_task_plan=7", "xact_task_plan = 7: .*: keep at least 14 days"),
        ("retention_days.itel_cabinet_task_tracking=7", "itel_cabinet_task_tracking = 7: .*: keep at least 14 days"),
        ("vacuum_hours=24", "vacuum_hours = 24: it would take files from running jobs: keep at least 168"),
    ],
)
def test_settings_that_would_lose_something_are_refused(setting: str, line: str) -> None:
    """Retention that forgets what is still needed, and a VACUUM that is too eager, are wrong settings, told by the check."""
    with pytest.raises(SettingsError, match=f"--set: jobs.maintenance.*{line}"):
        load(sets=[f"jobs.maintenance.{setting}"], environ={})


def test_rows_are_kept_as_long_as_their_ids_are_looked_for() -> None:
    """A longer `dedupe_window_days` asks for more days of the tracking table."""
    sets = [f"{KEPT}.itel_cabinet_task_tracking=20", "jobs.task_tracking.dedupe_window_days=30"]
    with pytest.raises(SettingsError, match=f"{KEPT}.itel_cabinet_task_tracking = 20: .*: keep at least 30 days"):
        load(sets=sets, environ={})
    assert load(sets=sets[:1], environ={}).jobs.maintenance.retention_days["itel_cabinet_task_tracking"] == 20


def test_each_table_that_may_be_shortened_outlives_the_topics_that_are_read() -> None:
    """Every one has a minimum, and it is longer than any topic that a job goes back on is kept."""
    settings = load(environ={})
    names = {*vars(settings.kafka.topics).values(), settings.jobs.task_creation.retry_topic}
    names -= {settings.kafka.topics.tracking_success, settings.kafka.topics.tracking_errors}
    read = [spec.retention_days for spec in topic_specs(settings) if spec.name in names]
    assert set(MINIMUM_DAYS) == set(KEPT_BY)
    assert min(MINIMUM_DAYS.values()) > max(read)


SORTED = {"operation": "OPTIMIZE", "operationParameters": {"zOrderBy": '["claim_key"]'}}
COMPACTED, VACUUMED, MERGED = (
    {"operation": name, "operationParameters": {}} for name in ("OPTIMIZE", "VACUUM END", "MERGE")
)


@pytest.mark.parametrize(
    ("history", "is_due"),
    [
        ([VACUUMED, SORTED, MERGED], False),
        ([MERGED, VACUUMED, SORTED], True),
        ([COMPACTED, MERGED], True),
        ([VACUUMED, VACUUMED], False),
        ([], True),
    ],
    ids=["sorted since", "merged since", "never sorted", "the log tells of upkeep alone", "the log tells nothing"],
)
def test_a_table_is_sorted_anew_only_where_rows_have_come(history: list[Any], *, is_due: bool) -> None:
    """Upkeep of its own is no news, however far back the log reaches."""
    assert _has_news(history) is is_due
