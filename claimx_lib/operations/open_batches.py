"""Batches that are at work: what began before a change of the tables may still write by what it read before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.connectors.checkpoint import folder_of, open_batch
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.domain.flow import STREAMS

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

WRITING_SECONDS = 60.0
SHARERS = 2
"""Jobs that may have to share ClaimX's pace; from here nobody knows whether they run in one application."""
PAUSE_SECONDS = 0.5


def batches_awaited(
    settings: Settings,
    *,
    longest_seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[str, ...]:
    """Return once every batch that is open now is committed; the jobs whose batch is not after the longest wait.

    What begins meanwhile is not waited for: it has read the tables as they are now. Checkpoints that are in a store
    cannot be looked at from here: the longest wait has to do. Backfills count too, but for those that ended long ago.
    """
    longest = longest_batch_seconds(settings) if longest_seconds is None else longest_seconds
    folders = [(job, folder_of(settings.storage.checkpoints, job)) for job in STREAMS]
    seen = {job: folder for job, folder in folders if folder is not None}
    if not seen:
        pause(longest)
    seen |= _backfills(settings, younger_than=longest)
    waiting = _still_open({job: (folder, open_batch(folder)) for job, folder in seen.items()})
    until = clock() + longest
    while waiting and clock() < until:
        pause(PAUSE_SECONDS)
        waiting = _still_open(waiting)
    return tuple(waiting)


def longest_batch_seconds(settings: Settings) -> float:
    """Return how long a batch may take: patience with ClaimX or the pace of its calls, whichever is more, then writing."""
    job, pace = settings.jobs.task_tracking, settings.claimx.requests_per_second / SHARERS
    policy = EnrichPolicy(budget_seconds=job.lookup_budget_seconds, requests_per_second=job.requests_per_second or pace)
    asking = policy.enough_for(job.max_records_per_batch * (2 if job.project_lookup else 1)).most_seconds
    return WRITING_SECONDS + (asking or 0.0)


def _backfills(settings: Settings, *, younger_than: float) -> dict[str, Path]:
    """The checkpoints of backfills whose newest batch is so young that it may be at work."""
    root = folder_of(settings.storage.checkpoints, "backfill")
    found = sorted(root.glob("*/*/offsets")) if root is not None else []
    young = [folder.parent for folder in found if time.time() - _newest_change(folder) < younger_than]
    return {f"backfill of {folder.name}, {folder.parent.name}": folder for folder in young}


def _newest_change(folder: Path) -> float:
    return max((file.stat().st_mtime for file in folder.iterdir()), default=0.0)


def _still_open(batches: dict[str, tuple[Path, int | None]]) -> dict[str, tuple[Path, int | None]]:
    return {job: (folder, number) for job, (folder, number) in batches.items() if _is_open(folder, number)}


def _is_open(folder: Path, number: int | None) -> bool:
    return number is not None and open_batch(folder) == number


def told(jobs: Iterable[str]) -> str:
    """Return the one line for jobs that were not through."""
    return f"{', '.join(jobs)}: still amid a batch that may write what it has read; erase again once it is through"
