"""What task_creation's recipe asks of the outside: tables, topics, and the API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from claimx_lib.domain.api import TaskCreation, TaskSearch
from claimx_lib.domain.creation.decisions import Decision
from claimx_lib.domain.creation.effects import Effects
from claimx_lib.domain.creation.headers import Replay
from claimx_lib.domain.creation.intake import Known, Letter, PendingRow
from claimx_lib.domain.creation.ledger import LedgerRow
from claimx_lib.domain.mapping_lookup import Candidate as Mapped

if TYPE_CHECKING:
    from claimx_lib.streams.context import BatchRef


class Ledger(Protocol):
    """`xact_task_ledger` as creating needs it."""

    def version(self) -> int:
        """The table's newest version."""
        ...

    def rows(self, keys: Iterable[str]) -> list[LedgerRow]:
        """All rows of these keys, of this version or a later one."""
        ...

    def append(self, rows: Sequence[LedgerRow]) -> None:
        """Commits the rows; they are durable and ordered when this returns."""
        ...

    def appended_since(self, version: int, keys: Iterable[str]) -> list[tuple[int, LedgerRow]]:
        """Rows of these keys committed after `version`, by whomever, each with the version that committed it."""
        ...


class Api(Protocol):
    """The calls that creating makes."""

    @property
    def is_blocked(self) -> bool:
        """Whether the next call would be withheld."""
        ...

    @property
    def is_unsure(self) -> bool:
        """Whether one call should go ahead of all others."""
        ...

    def find_tasks(self, project_id: str, external_reference: str) -> TaskSearch:
        """The project's tasks with this external reference."""
        ...

    def create_task(self, project_id: str, body: str, key: str, *, send_before: datetime) -> TaskCreation:
        """One POST, never sent from `send_before` on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A batch's decisions, and the version of the mapping that they have seen."""

    decisions: tuple[Decision, ...]
    mapping_version: int | None


class Store(Protocol):
    """The tables and topics of task_creation; each method reads or commits at once."""

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        ...

    def plan(self, batch: BatchRef) -> Plan | None:
        """The plan that was made for this batch, if one was."""
        ...

    def save_plan(self, batch: BatchRef, plan: Plan) -> None:
        """Commits the plan; a second call for the batch changes nothing."""
        ...

    def planned_mapping_version(self, query_id: str) -> int | None:
        """The mapping version of this query's last plan."""
        ...

    def mapping_version(self) -> int:
        """The mapping's newest version."""
        ...

    def mapping_changes(self, after: int | None, to: int) -> frozenset[str] | None:
        """The claim keys that changed in versions after `after`, up to `to`; None where that can't be told any more."""
        ...

    def mapping(self, keys: set[str], digits: set[str]) -> list[Mapped]:
        """The mapping's rows of these claim keys, and of these digits with any letters before them."""
        ...

    def due(self, now: datetime, limit: int | None) -> list[PendingRow]:
        """Pending rows whose time has come, the longest due first."""
        ...

    def waiting(self, keys: frozenset[str] | None) -> list[PendingRow]:
        """Pending rows of these claim keys; of all claims for None."""
        ...

    def recoverable(self, keys: frozenset[str] | None) -> list[Letter]:
        """Letters of these claims that are not closed and that a mapping can settle; of all claims for None."""
        ...

    def known(self, event_ids: set[str], replays: set[Replay]) -> Known:
        """What the tables know of these events."""
        ...

    def apply(self, batch: BatchRef, effects: Effects, now: datetime) -> None:
        """Letters, then pending rows, then changes of letters, then Kafka; each leaves out what is done already."""
        ...
