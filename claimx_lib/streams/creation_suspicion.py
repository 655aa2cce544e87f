"""An API that says of nearly every claim that it has no project: more likely wrong than right (decision 20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from claimx_lib.domain.creation.pause import is_suspect
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.resolution import Resolution
from claimx_lib.observability.logs import logger

LEAST_EPISODE_SECONDS = 3600.0


@dataclass(slots=True)
class Suspicion:
    """What a job keeps from batch to batch: since when the API is in doubt.

    A claim that it finds ends that, and so does an hour in which no batch gave cause: or twice the time after which a
    batch asks again.
    """

    since: datetime | None = None
    last: datetime | None = None

    def raised_by(self, told: Sequence[Resolution], policy: Policy, now: datetime, *, pause_seconds: float) -> bool:
        """Take in what the API said in a batch; whether creation has to pause for it, which the log says then."""
        if not is_suspect(told, policy):
            self.since = None if any(one.is_from_api for one in told) else self.since
            return False
        episode = max(LEAST_EPISODE_SECONDS, 2 * pause_seconds, 2 * policy.retry_delay_max_seconds)
        is_new = self.since is None or self.last is None or now - self.last > timedelta(seconds=episode)
        self.since, self.last = now if is_new else self.since, now
        logger(job="task_creation").error(
            "nearly every claim has no ClaimX project: creation pauses, nothing is given up",
            claims=len(told),
            limit=policy.dead_letter_limit,
            for_hours=policy.max_age_hours,
            cure="claimx doctor probes the search; if it works, jobs.task_creation.dead_letter_limit: 1 never pauses",
        )
        return True
