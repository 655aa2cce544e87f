"""What holds creation for all claims at once: an API that does not answer, or that says "none" to nearly every one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.resolution import Outcome, Resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nobody creates anything before `until`; `since` is when the API began to say "none" to nearly all claims."""

    reason: str
    until: datetime
    since: datetime | None = None


def is_suspect(resolutions: Iterable[Resolution], policy: Policy) -> bool:
    """Whether the API says "none" to so many of so many claims that it must be wrong (decision 20); never with 1."""
    by_claim = {resolution.claim_number: resolution for resolution in resolutions}
    asked_none = [r for r in by_claim.values() if r.outcome is Outcome.NONE and r.api_calls + r.negative_hits]
    is_many = len(by_claim) >= policy.dead_letter_limit_min_claims
    return is_many and policy.dead_letter_limit < 1 and len(asked_none) >= policy.dead_letter_limit * len(by_claim)
