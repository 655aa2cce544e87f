"""Projects that the API knew, on their way to the mapping."""

from __future__ import annotations

from datetime import datetime

from claimx_lib.domain.creation.decisions import Subject, SyncHit
from claimx_lib.domain.creation.keys import sync_event_id
from claimx_lib.domain.resolution import Resolution


def project_of(resolution: Resolution) -> int:
    """The project of a resolved claim."""
    if resolution.project_id is None:
        raise ValueError("a resolved claim has a project")
    return resolution.project_id


def hit_of(subject: Subject, resolution: Resolution, now: datetime) -> SyncHit | None:
    """What `project.sync` is told of a resolution; None where the API was not asked for it."""
    if not resolution.is_from_api:
        return None
    claim_number, project_id = subject.event.claim_number, project_of(resolution)
    return SyncHit(
        event_id=sync_event_id(claim_number, project_id, subject.event.event_id, now),
        claim_number=claim_number,
        project_id=project_id,
        why=f"found by the ClaimX API as {resolution.matched} (rule {resolution.rule})",
        at=now,
    )
