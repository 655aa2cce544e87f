"""The settings of the upkeep, and how short it may make a table: never so short that a re-read misses what it asks for."""

from __future__ import annotations

from pydantic import field_validator

from claimx_lib.config.model import Count, Model, PositiveCount, wrong

TRACKING = "itel_cabinet_task_tracking"
MINIMUM_DAYS = {TRACKING: 14, "xact_task_plan": 14, "xact_task_ledger": 30, "dead_letters": 30}
"""The tables that may be shortened, and what each keeps at least: all outlive the topics that are read (7 days).

A tracking message that is read again must still find its row, a record of the retry topic its plan, an event what was
done for it, and a discarded letter itself.
"""
SAFE_VACUUM_HOURS = 168
"""Delta's own limit: a reader or a writer that is at work may need files that are younger."""


class Maintenance(Model):
    """maintenance: upkeep of the tables, run on a schedule."""

    enabled: bool
    vacuum_hours: PositiveCount
    retention_days: dict[str, PositiveCount]
    reenrich_days: Count
    zorder_days: PositiveCount

    @field_validator("vacuum_hours")
    @classmethod
    def _leaves_files_to_running_jobs(cls, hours: int) -> int:
        if hours < SAFE_VACUUM_HOURS:
            raise ValueError(f"it would take files from running jobs: keep at least {SAFE_VACUUM_HOURS}")
        return hours

    @field_validator("retention_days")
    @classmethod
    def _keeps_what_is_asked_for(cls, kept: dict[str, int]) -> dict[str, int]:
        for table, days in kept.items():
            if table not in MINIMUM_DAYS:
                raise wrong((table,), days, f"this table cannot be shortened: name one of {', '.join(MINIMUM_DAYS)}")
            require_days(table, days, MINIMUM_DAYS[table], ())
        return kept


def require_days(table: str, days: int, least: int, group: tuple[str, ...]) -> None:
    """Return only where so many days are enough; else a finding on the setting of this table, below `group`."""
    if days < least:
        raise wrong((*group, table), days, f"what is read again may be older: keep at least {least} days")
