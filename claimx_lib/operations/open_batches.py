"""Batches that are at work: what began before a change of the tables may still write by what it read before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from claimx_lib.connectors.checkpoint import folder_of, open_batch
from claimx_lib.operations.status import JOBS

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

LONGEST_SECONDS = 120.0
"""How long a batch is waited for: the longest asks the API for a minute, then writes."""
PAUSE_SECONDS = 0.5


def batches_awaited(
    settings: Settings,
    *,
    longest_seconds: float = LONGEST_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[str, ...]:
    """Return once every batch that is open now is committed; the jobs whose batch is not after the longest wait.

    What begins meanwhile is not waited for: it has read the tables as they are now. Checkpoints that are in a store
    cannot be looked at from here: the longest wait has to do.
    """
    folders = [(job, folder_of(settings.storage.checkpoints, job)) for job in JOBS]
    seen = {job: folder for job, folder in folders if folder is not None}
    if not seen:
        pause(longest_seconds)
    waiting = _still_open({job: (folder, open_batch(folder)) for job, folder in seen.items()})
    until = clock() + longest_seconds
    while waiting and clock() < until:
        pause(PAUSE_SECONDS)
        waiting = _still_open(waiting)
    return tuple(waiting)


def _still_open(batches: dict[str, tuple[Path, int | None]]) -> dict[str, tuple[Path, int | None]]:
    return {job: (folder, number) for job, (folder, number) in batches.items() if _is_open(folder, number)}


def _is_open(folder: Path, number: int | None) -> bool:
    return number is not None and open_batch(folder) == number


def told(jobs: Iterable[str]) -> str:
    """Return the one line for jobs that were not through."""
    return f"{', '.join(jobs)}: still amid a batch that may write what it has read; erase again once it is through"
