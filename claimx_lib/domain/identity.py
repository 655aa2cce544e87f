"""What is said about a claim's project, and by whom: identity events, project events, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Any

MANUAL, CLAIMX, XACT = "manual", "claimx", "xact"
DOMAINS = (XACT, CLAIMX, MANUAL)
SET, UNSET = "set", "unset"
ACTIONS = (SET, UNSET)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Stands for the instant of a row that has none."""

Identity = tuple[str, str, str, str, int | None, datetime]
Order = tuple[datetime, str, str, bool, int, str]


@unique
class EventOutcome(StrEnum):
    """What became of an identity event when it came (contract, section 4)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    CONFLICT = "conflict"
    WAITING = "waiting"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Where on Kafka a record stands."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityEvent:
    """One statement: this claim number is of this project (`set`), or a person's decision no longer holds (`unset`).

    `source` is the domain that says so. Without a project a `set` means that the claim is known and its project not.
    """

    event_id: str
    claim_number: str
    claim_key: str
    source: str
    action: str = SET
    project_id: int | None = None
    timestamp: datetime
    by: str | None = None
    why: str | None = None
    coordinates: Coordinates | None = None

    @property
    def identity(self) -> Identity:
        """What makes two deliveries one event: two systems may use one event id for different things."""
        return (self.claim_number, self.event_id, self.source, self.action, self.project_id, self.timestamp)

    @property
    def order(self) -> Order:
        """By (event_timestamp, event_id); the rest only makes the order total."""
        has_project = self.project_id is not None
        return (self.timestamp, self.event_id, self.action, has_project, self.project_id or 0, self.source)

    @property
    def is_manual(self) -> bool:
        """A person's decision."""
        return self.source == MANUAL

    @property
    def is_automatic_set(self) -> bool:
        """A system's statement that names a project."""
        return not self.is_manual and self.action == SET and self.project_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedClaim:
    """A row of the mapping: the project of a claim, the event that set it, and other projects that claim it too."""

    claim_number: str
    claim_key: str
    project_id: int
    source: str
    timestamp: datetime
    event_id: str
    rivals: tuple[int, ...] = ()

    def as_event(self) -> IdentityEvent:
        """The event that set this row, as far as the row tells."""
        return IdentityEvent(
            event_id=self.event_id,
            claim_number=self.claim_number,
            claim_key=self.claim_key,
            source=self.source,
            project_id=self.project_id,
            timestamp=self.timestamp,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEvent:
    """A PROJECT_* event; the claim number is missing where the event does not tell it."""

    project_id: int
    event_id: str
    timestamp: datetime
    claim_number: str | None = None
    claim_key: str | None = None
    project_name: str | None = None
    address: str | None = None
    coordinates: Coordinates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """The claim number that a project has by the newest of its events that tell one."""

    claim_number: str
    claim_key: str
    timestamp: datetime
    event_id: str
    coordinates: Coordinates | None = None

    @property
    def order(self) -> tuple[datetime, str, str]:
        """By (event_timestamp, event_id), then by the number, so that the order is total."""
        return (self.timestamp, self.event_id, self.claim_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A row of `claimx_projects`: name and address by the newest event, the number by the newest that tells one."""

    project_id: int
    event_id: str
    timestamp: datetime
    project_name: str | None = None
    address: str | None = None
    number: Number | None = None

    def after(self, event: ProjectEvent) -> Project:
        """This project with one event more; the same for any order and repetition of events."""
        return joined(self, project_of(event))


def project_of(event: ProjectEvent) -> Project:
    """Return the project as this event alone tells it."""
    number = None
    if event.claim_number is not None and event.claim_key is not None:
        number = Number(
            claim_number=event.claim_number,
            claim_key=event.claim_key,
            timestamp=event.timestamp,
            event_id=event.event_id,
            coordinates=event.coordinates,
        )
    return Project(
        project_id=event.project_id,
        event_id=event.event_id,
        timestamp=event.timestamp,
        project_name=event.project_name,
        address=event.address,
        number=number,
    )


def joined(one: Project, other: Project) -> Project:
    """Return what two views of one project tell together: the greater of each part."""
    newest = max(one, other, key=_order)
    numbers = [p.number for p in (one, other) if p.number is not None]
    return Project(
        project_id=newest.project_id,
        event_id=newest.event_id,
        timestamp=newest.timestamp,
        project_name=newest.project_name,
        address=newest.address,
        number=max(numbers, key=lambda number: number.order, default=None),
    )


def _order(project: Project) -> tuple[Any, ...]:
    return (project.timestamp, project.event_id, project.project_name or "", project.address or "")
