"""What the outside world sends while drivers die: the same for the same seed, in bursts, some twice, out of order, some bad."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.evidence import NOT_OURS, OURS, REFUSED, UNFIT

TEMPLATE = 32513
TASKS = 40
STATUSES = ("created", "assigned", "in_progress", "in_review", "completed")
HOT_TASK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A record to send, and what must come of it."""

    role: str
    key: str
    value: bytes
    outcome: str
    kind: str
    event_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Burst:
    """Projects that ClaimX knows from now on, then records; sent in this order."""

    projects: list[dict[str, Any]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass(slots=True)
class Feed:
    """Numbers events from 1 on; `start` is the time that the events' own times lie before."""

    seed: int
    start: datetime
    number: int = 0
    sent: list[Item] = field(default_factory=list)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def burst(self) -> Burst:
        """What is sent at once."""
        raise NotImplementedError

    def tasks(self) -> list[dict[str, Any]]:
        """What ClaimX knows when the world begins."""
        return []

    def hot(self) -> list[Item]:
        """Further events of the one task or claim that everything is about."""
        raise NotImplementedError

    def next(self) -> int:
        self.number += 1
        return self.number

    def some_time(self) -> str:
        """Some moment of the three days before, so that events come in any order of their times."""
        at = self.start - timedelta(milliseconds=self.chance.randrange(3 * 86_400_000))
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def mixed(self, items: Iterator[Item] | list[Item], again: int) -> list[Item]:
        """The items with `again` earlier ones delivered once more, shuffled."""
        fresh = list(items)
        self.sent += fresh
        repeated = self.chance.choices(self.sent, k=again)
        mixed = [*fresh, *repeated]
        self.chance.shuffle(mixed)
        return mixed


class TrackingFeed(Feed):
    """Task events of our template and of others, project events, broken and unfit records."""

    def tasks(self) -> list[dict[str, Any]]:
        """What ClaimX knows: four tasks of five."""
        return [{"id": n, "status": "assigned", "rooms": n % 4} for n in range(1, TASKS + 1) if n % 5]

    def burst(self) -> Burst:
        """Some twenty records, at least one of each kind."""
        made = [self._event(self.chance.choice(STATUSES)) for _ in range(self.chance.randint(3, 8))]
        return Burst(items=self.mixed([*made, self._other(), self._cut_short(), self._unfit()], again=4))

    def hot(self) -> list[Item]:
        return [self._item(self._fields(status, task=HOT_TASK), OURS, "hot task") for status in STATUSES]

    def _fields(self, status: object, template: int = TEMPLATE, task: int | None = None) -> dict[str, Any]:
        number, task = self.next(), task or self.chance.randint(1, TASKS)
        return {
            "event_id": f"t-{self.seed}-{number}",
            "event_type": "CUSTOM_TASK_ASSIGNED",
            "project_id": str(1000 + task),
            "timestamp": self.some_time(),
            "task": {"task_id": template, "assignment_id": task, "task_name": "Cabinets", "status": status},
            "project": {"project_id": str(1000 + task), "claim_number": f"C{task}", "project_name": "House"},
        }

    def _item(self, fields: dict[str, Any], outcome: str, kind: str, value: bytes | None = None) -> Item:
        return Item(role="claimx_events", key=fields["project_id"], value=value or _json(fields), outcome=outcome,
                    kind=kind, event_id=fields["event_id"])  # fmt: skip

    def _event(self, status: str) -> Item:
        return self._item(self._fields(status), OURS, "event")

    def _other(self) -> Item:
        return self._item(self._fields("assigned", template=7), NOT_OURS, "other template")

    def _unfit(self) -> Item:
        return self._item(self._fields(None), UNFIT, "without a status")

    def _cut_short(self) -> Item:
        fields = self._fields("assigned")
        return self._item(fields, REFUSED, "cut short", value=_json(fields)[:-20])
