"""Both pipelines' records at once: what each job makes of the other's is nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.faults.feed import Burst, Feed, TrackingFeed
from tests.faults.feed_identity import IdentityFeed


@dataclass(slots=True)
class BothFeed(Feed):
    """A burst of the one, then a burst of the other."""

    tracking: TrackingFeed = field(init=False)
    identity: IdentityFeed = field(init=False)

    def __post_init__(self) -> None:
        super(BothFeed, self).__post_init__()
        self.tracking, self.identity = TrackingFeed(self.seed, self.start), IdentityFeed(self.seed, self.start)

    def tasks(self) -> list[dict[str, Any]]:
        return self.tracking.tasks()

    def burst(self) -> Burst:
        one, other = self.tracking.burst(), self.identity.burst()
        return Burst(projects=other.projects, items=[*one.items, *other.items])
