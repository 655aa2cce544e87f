"""Lives of ClaimX tasks, from their creation to wherever they have come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

TEMPLATES = {
    32513: "iTel Cabinet Documentation",
    32514: "Water Damage Photos",
    32515: "Roof Inspection",
    40007: "Contents Inventory",
    40021: "Customer Signature",
}
SPAN = timedelta(days=3)
FIRST_USER, USERS = 100, 30
REASSIGNED = "reassigned"
_TRACKED_WEIGHTS = (5, 2, 1, 1, 1)
_COURSES = (
    ("created", "assigned", "in_progress", "completed"),
    ("created", "assigned", "in_progress", "on_hold", "in_progress", "completed"),
    ("created", "assigned", "declined", "reassigned", "in_progress", "completed"),
    ("created", "assigned", "in_progress", "completed", "reopened", "in_progress", "completed"),
    ("created", "assigned", "cancelled"),
    ("created", "assigned"),
)
_COURSE_WEIGHTS = (10, 4, 3, 2, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A status that a task took, when, and whose the task was then."""

    status: str
    at: datetime
    assignee: int

    @property
    def event_type(self) -> str:
        return f"CUSTOM_TASK_{self.status.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A task: its template, its own id, its project, and the steps that it has taken, in order."""

    template_id: int
    assignment_id: int
    project_id: int
    steps: tuple[Step, ...]


def lives(source: random.Random, until: datetime) -> Iterator[Life]:
    """Tasks without end, each begun and finished within the three days before `until`; ids count up from 700001."""
    templates = list(TEMPLATES)
    assignment_id = 700_000
    while True:
        assignment_id += 1
        course = source.choices(_COURSES, weights=_COURSE_WEIGHTS)[0]
        yield Life(
            template_id=source.choices(templates, weights=_TRACKED_WEIGHTS)[0],
            assignment_id=assignment_id,
            project_id=12_000 + source.randrange(200),
            steps=_steps(source, course, FIRST_USER + source.randrange(USERS), until),
        )


def _steps(source: random.Random, course: tuple[str, ...], assignee: int, until: datetime) -> tuple[Step, ...]:
    """The course's statuses at increasing instants, at least a second apart; `reassigned` hands the task on."""
    seconds = sorted(source.sample(range(1, int(SPAN.total_seconds())), k=len(course)), reverse=True)
    handed_on = course.index(REASSIGNED) if REASSIGNED in course else len(course)
    return tuple(
        Step(
            status=status,
            at=until - timedelta(seconds=before),
            assignee=assignee if number < handed_on else _next_user(assignee),
        )
        for number, (status, before) in enumerate(zip(course, seconds, strict=True))
    )


def _next_user(user: int) -> int:
    return FIRST_USER + (user - FIRST_USER + 1) % USERS
