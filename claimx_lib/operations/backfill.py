"""A range of a job's topics again: its own starting offsets, its own checkpoint."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from claimx_lib.connectors.checkpoint import committed_batches, folder_of, next_offsets
from claimx_lib.connectors.kafka_offsets import offset_ranges, offsets_at
from claimx_lib.errors import ClaimxError, UsageError
from claimx_lib.operations.preflight import topics_of

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings
    from claimx_lib.domain.offsets import Offsets


def backfill_settings(settings: Settings, job: str, *, since: datetime, until: datetime | None) -> Settings:
    """Return the settings with which the job reads from `since` on (Kafka's timestamps), on a checkpoint for this range.

    Called again for the same range it goes on where it stopped. The job's own checkpoint is left alone, and so are its
    port and its figures at a Pushgateway: it may be running.
    """
    if until is not None and until <= since:
        raise UsageError(
            f"--until {until.isoformat()} is not after --since {since.isoformat()}", cure="turn them round"
        )
    starts: dict[str, dict[str, int]] = {}
    for place, offset in offsets_at(settings.kafka, topics_of(settings, job)[0], since).items():
        starts.setdefault(place.topic, {})[str(place.partition)] = offset
    span = f"{since:%Y%m%dT%H%M%SZ}-{f'{until:%Y%m%dT%H%M%SZ}' if until else 'end'}"
    own = getattr(settings.jobs, job).model_copy(update={"starting_offsets": json.dumps(starts), "metrics_port": None})
    storage = {"checkpoints": f"{settings.storage.checkpoints.rstrip('/')}/backfill/{span}"}
    return settings.model_copy(
        update={
            "jobs": settings.jobs.model_copy(update={job: own}),
            "metrics": settings.metrics.model_copy(update={"port": 0, "pushgateway_url": None}),
            "storage": settings.storage.model_copy(update=storage),
        }
    )


def require_undone(moved: Settings, job: str, until: datetime | None) -> None:
    """Return only where the range, with the settings of `backfill_settings`, is not done yet: it would do nothing."""
    folder = folder_of(moved.storage.checkpoints, job)
    if until is None or folder is None or not committed_batches(folder):
        return
    at, topics = next_offsets(folder), topics_of(moved, job)[0]
    there = offset_ranges(moved.kafka, topics)
    last = offsets_at(moved.kafka, topics, until)
    if all(
        at.get(place, 0) >= (last[place] if last.get(place, -1) >= 0 else held.end) for place, held in there.items()
    ):
        raise ClaimxError(
            f"this range is done already: {folder}",
            cure="to do it again, move that folder away; what is there is not doubled",
        )


def committed_ends(settings: Settings, job: str) -> Offsets:
    """Return where the job's committed batches end; nothing where it never ran, or its checkpoint is far away."""
    folder = folder_of(settings.storage.checkpoints, job)
    return {} if folder is None else next_offsets(folder)
