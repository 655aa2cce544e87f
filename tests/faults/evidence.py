"""What is left behind by a run, as plain values: what went in, what ClaimX was asked, what stands in tables and topics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Place = tuple[str, int, int]
"""Topic (by its role), partition, offset."""

PROJECT_EVENT = "project"
"""The kind of those that one job takes and another leaves alone, on the topic that both read."""
OURS, REFUSED, UNFIT, NOT_OURS = "ours", "refused", "unfit", "not-ours"
"""Taken; a dead letter of the first job that reads it; forwarded and then a dead letter; left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """A record that was acknowledged by the broker, and what must come of it.

    `kind` says more, for a person: `mapped`, `unknown`, `repeated`. An event that is delivered twice has two of these.
    """

    place: Place
    outcome: str
    kind: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message as it stands on a topic."""

    place: Place
    key: str | None = None
    value: bytes | None = None
    headers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def fields(self) -> Row:
        """The JSON object; empty where it is none."""
        try:
            told = json.loads(self.value or b"")
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A line of ClaimX's own request log; `at` in seconds since 1970, `reference` the task's external reference."""

    at: float
    method: str
    path: str
    status: int | None = None
    reference: str | None = None
    created_task_id: int | None = None
    fault: str | None = None

    @property
    def is_post(self) -> bool:
        return self.method == "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A row of an append-only table, and when its commit was written, in seconds since 1970."""

    at: float
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings that invariants speak of; durations in seconds."""

    max_retries: int = 3
    requests_per_second: float = 100.0
    settle_seconds: float = 30.0
    rule: str = "review_estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """What must not move in a restart without input: versions of tables, ends of topics, the number of calls."""

    versions: Mapping[str, int]
    ends: Mapping[str, int]
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the checker looks at. Topics and tables go by the names of the contract.

    `lag` is what each job has not yet taken of its topics; `stills` are taken before and after each restart without input;
    `leaks` names where the token stands that nobody but ClaimX may read, `jvm_logs` what Spark wrote of its own.
    `rows_made_twice`: the tracking table was lost, so that a message may tell of the row that stood there before.
    """

    produced: Sequence[Produced] = ()
    topics: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    calls: Sequence[Call] = ()
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    ledger: Sequence[Committed] = ()
    plan: Sequence[Row] = ()
    lag: Mapping[str, int] = field(default_factory=dict)
    stills: Sequence[Still] = ()
    leaks: Sequence[str] = ()
    jvm_logs: Sequence[str] = ()
    rows_made_twice: bool = False
    limits: Limits = field(default_factory=Limits)

    def table(self, name: str) -> Sequence[Row]:
        return self.tables.get(name, ())

    def topic(self, role: str) -> Sequence[Told]:
        return self.topics.get(role, ())

    def letters(self, pipeline: str) -> list[Row]:
        """The dead letters of one job."""
        return [row for row in self.table("dead_letters") if row["pipeline"] == pipeline]

    def produced_on(self, role: str) -> list[Produced]:
        return [one for one in self.produced if one.place[0] == role]


def place_of(row: Row) -> Place:
    """The coordinates of a table's row."""
    return (row["source_topic"], row["source_partition"], row["source_offset"])


def several(what: str, ids: Sequence[object], limit: int = 5) -> list[str]:
    """One sentence for all ids that break a rule; none where there are none."""
    if not ids:
        return []
    shown = ", ".join(map(str, list(ids)[:limit]))
    return [f"{what}: {shown}{f' and {len(ids) - limit} more' if len(ids) > limit else ''}"]
