"""A made-up stretch of ClaimX traffic, the same for the same seed, with the outcome that the product must reach."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from claimx_lib.devstack.lifecycle import TEMPLATES, Life, Step, lives
from claimx_lib.domain.reasons import Reason, missing

TRACKED_TEMPLATE = 32513
FEWEST_EVENTS = 100
_REPEATED_SHARE = 0.02
_BROKEN_SHARE = 0.005
_UNKNOWN_TO_CLAIMX = 40  # one task in so many
_CITIES = ("Springfield", "Riverton", "Fairview", "Georgetown", "Salem")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record for `claimx.events`."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must come of the records. `produced` = tracked + repeated + refused + not_ours, each record counted once.

    `repeated` counts further deliveries of events that are tracked; `refused` is by reason of the dead letter.
    """

    produced: int
    tracked: int
    repeated: int
    not_ours: int
    refused: Mapping[str, int]
    not_found: int
    """Rows among `tracked` whose task ClaimX does not know."""
    tasks: int
    """Distinct tasks among `tracked`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingScenario:
    """Records in the order of their making, what ClaimX knows, and what must come of it."""

    records: Sequence[Record]
    projects: Sequence[Object]
    tasks: Sequence[Object]
    expected: Expected


def tracking_scenario(*, events: int, seed: int, until: datetime) -> TrackingScenario:
    """Exactly `events` records: lifecycles of tasks of several templates, repeated deliveries, broken records.

    All timestamps lie in the three days before `until` (aware). About half of the tasks are of the tracked template.
    Raises ValueError below 100 events: there would be nothing of some kinds.
    """
    if events < FEWEST_EVENTS:
        raise ValueError(f"a scenario has at least {FEWEST_EVENTS} events, not {events}")
    source = random.Random(seed)  # noqa: S311  (a scenario is no secret)
    broken = [*_broken(source, max(len(_DEFECTS), round(events * _BROKEN_SHARE)), until)]
    repeats = round(events * _REPEATED_SHARE)
    steps = _steps(source, events - len(broken) - repeats, until)
    sound = [(life.template_id == TRACKED_TEMPLATE, life, _record(event)) for life, event in steps]
    repeated = source.choices(range(len(sound)), k=repeats)
    stream = _interleaved(source, [record for _, _, record in sound], repeated, [record for record, _ in broken])
    known = {life.assignment_id: life for _, life, _ in sound}
    return TrackingScenario(
        records=stream,
        projects=[*{life.project_id: _project(life) for life in known.values()}.values()],
        tasks=[_claimx_task(life) for life in known.values() if _is_known_to_claimx(life)],
        expected=_expected([(ours, life) for ours, life, _ in sound], repeated, [reason for _, reason in broken]),
    )


def _expected(sound: Sequence[tuple[bool, Life]], repeated: Sequence[int], reasons: Sequence[str | None]) -> Expected:
    tracked = [life for ours, life in sound if ours]
    ours_again = sum(sound[index][0] for index in repeated)
    return Expected(
        produced=len(sound) + len(repeated) + len(reasons),
        tracked=len(tracked),
        repeated=ours_again,
        not_ours=len(sound) - len(tracked) + len(repeated) - ours_again + sum(reason is None for reason in reasons),
        refused=dict(Counter(reason for reason in reasons if reason is not None)),
        not_found=sum(not _is_known_to_claimx(life) for life in tracked),
        tasks=len({life.assignment_id for life in tracked}),
    )


def _steps(source: random.Random, count: int, until: datetime) -> list[tuple[Life, Object]]:
    """The first `count` steps of as many lives as it takes, in the order of time."""
    taken: list[tuple[Life, Object]] = []
    for life in lives(source, until):
        taken.extend((life, event) for event in _events(life))
        if len(taken) >= count:
            break
    return sorted(taken[:count], key=lambda step: (step[1]["timestamp"], step[1]["event_id"]))


def _events(life: Life) -> Iterator[Object]:
    previous: str | None = None
    for number, step in enumerate(life.steps, start=1):
        yield {
            "event_id": f"evt-{life.assignment_id}-{number}",
            "event_type": step.event_type,
            "project_id": str(life.project_id),
            "timestamp": _iso(step.at),
            "task": {**_task(life, step), "previous_status": previous},
            "project": _project(life),
        }
        previous = step.status


def _task(life: Life, step: Step) -> Object:
    return {
        "task_id": life.template_id,
        "assignment_id": life.assignment_id,
        "task_name": TEMPLATES[life.template_id],
        "status": step.status,
        "assigned_to_user_id": step.assignee,
        "assigned_by_user_id": 11,
        "created_at": _iso(life.steps[0].at),
        "completed_at": _iso(step.at) if step.status == "completed" else None,
    }


def _project(life: Life) -> Object:
    return {
        "project_id": str(life.project_id),
        "claim_number": f"ABC{life.project_id:06d}",
        "project_name": f"{_CITIES[life.project_id % len(_CITIES)]} residence {life.project_id}",
    }


def _claimx_task(life: Life) -> Object:
    last = life.steps[-1]
    return {
        "id": life.assignment_id,
        **_task(life, last),
        "project_id": life.project_id,
        "checklist": {"photos": life.assignment_id % 9, "cabinets": life.assignment_id % 5 + 1},
    }


def _is_known_to_claimx(life: Life) -> bool:
    return life.assignment_id % _UNKNOWN_TO_CLAIMX != 0


def _broken(source: random.Random, count: int, until: datetime) -> Iterator[tuple[Record, str | None]]:
    for number in range(count):
        event = {
            "event_id": f"evt-broken-{number}",
            "event_type": "CUSTOM_TASK_ASSIGNED",
            "project_id": "12345",
            "timestamp": _iso(until - timedelta(minutes=source.randrange(600))),
            "task": {"task_id": TRACKED_TEMPLATE, "assignment_id": 1, "task_name": "Broken", "status": "assigned"},
        }
        yield _DEFECTS[number % len(_DEFECTS)](event)


def _cut_short(event: Object) -> tuple[Record, str | None]:
    return Record(key="12345", value=_record(event).value[:-20]), Reason.UNDECODABLE


def _without_status(event: Object) -> tuple[Record, str | None]:
    return _record({**event, "task": {**event["task"], "status": None}}), missing("task_status")


def _without_project(event: Object) -> tuple[Record, str | None]:
    return _record({**event, "project_id": None}), missing("project_id")


def _without_clock(event: Object) -> tuple[Record, str | None]:
    return _record({**event, "timestamp": "yesterday"}), Reason.BAD_TIMESTAMP


def _foreign(_event: Object) -> tuple[Record, str | None]:
    return Record(key="-", value=b'["heartbeat"]'), None


_DEFECTS = (_cut_short, _without_status, _without_project, _without_clock, _foreign)


def _interleaved(
    source: random.Random, sound: Sequence[Record], repeated: Sequence[int], broken: Sequence[Record]
) -> list[Record]:
    """Sound records in their order; a repeat some way after its first delivery, a broken one anywhere."""
    placed: list[tuple[float, Record]] = [(float(index), record) for index, record in enumerate(sound)]
    placed += [(index + source.uniform(0.5, 400), sound[index]) for index in repeated]
    placed += [(source.uniform(0, len(sound)), record) for record in broken]
    return [record for _, record in sorted(placed, key=lambda item: item[0])]


def _record(event: Object) -> Record:
    return Record(key=str(event["project_id"]), value=json.dumps(event, separators=(",", ":")).encode())


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
