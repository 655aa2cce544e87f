"""Sends that may have been carried out: looked up, adopted, or found to be absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from claimx_lib.domain.api import ApiAnswer, ApiOutcome, TaskSearch
from claimx_lib.domain.creation.entries import Work, work_row
from claimx_lib.domain.creation.ledger import FREE, NOT_THERE, KeyState, LedgerRow, State
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.reasons import Reason

BETWEEN_LOOKS_SECONDS = 1.0
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A task, and the project that ClaimX has it in."""

    task_id: str
    project_id: int | None


ABSENT = Found(task_id="", project_id=None)
"""ClaimX honestly has none in any project that it may be in."""


class Finder(Protocol):
    """The call that settles a doubt."""

    def find_tasks(self, project_id: str, external_reference: str) -> TaskSearch:
        """The project's tasks with this external reference."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Looks tasks up by `external_reference`; the rows that it returns end the doubts that it could settle."""

    api: Finder
    policy: Policy
    states: Mapping[str, KeyState]
    now: Callable[[], datetime]
    pause: Callable[[float], object]
    threads: int
    hold: Callable[[Work, float | None], None]

    def adopted(self, works: Sequence[Work]) -> list[LedgerRow]:
        """Early looks: a task that is there is adopted, one that is not may still come."""
        return [row for work, found in self._looked(works) for row in self._verdict(work, found, is_settled=False)]

    def settled(self, works: Sequence[Work]) -> list[LedgerRow]:
        """Looks after the time in which a send could still be carried out: absent only if two looks say so."""
        found = {id(work): told for work, told in self._looked(works)}
        absent = [work for work in works if found[id(work)] == ABSENT]
        if absent:
            self.pause(min(BETWEEN_LOOKS_SECONDS, self.policy.settle_seconds))
        found |= {id(work): again for work, again in self._looked(absent)}
        return [row for work in works for row in self._verdict(work, found[id(work)], is_settled=True)]

    def closed_unknown(self, work: Work) -> list[LedgerRow]:
        """The rows for a doubt that nobody can settle."""
        return self._closed(work, State.UNKNOWN, reason=str(Reason.TASK_UNKNOWN))

    def _verdict(self, work: Work, found: Found | ApiAnswer, *, is_settled: bool) -> list[LedgerRow]:
        if isinstance(found, ApiAnswer):
            self.hold(work, found.retry_after_seconds)
            is_too_old = is_settled and self.policy.is_too_old(work.subject.first_seen_at, self.now())
            was_asked = found.is_call and found.kind is not ApiOutcome.UNAUTHORIZED
            return self.closed_unknown(work) if is_too_old and was_asked else []
        if found == ABSENT:
            return self._closed(work, State.NOT_SENT, reason=NOT_THERE) if is_settled else []
        closed = self._closed(work, State.ADOPTED, task_id=found.task_id)
        return [row for row in closed if row.project_id == found.project_id][:1]

    def _closed(
        self, work: Work, state: State, *, task_id: str | None = None, reason: str | None = None
    ) -> list[LedgerRow]:
        return [
            replace(
                work_row(work, state, doubt.attempt_id, self.now()),
                project_id=doubt.project_id,
                claimx_task_id=task_id,
                reason=reason,
            )
            for doubt in self._doubts(work)
        ]

    def _doubts(self, work: Work) -> tuple[LedgerRow, ...]:
        """The open INTENTs of a key; for one that was closed as UNKNOWN, the row that says so."""
        kept = self.states.get(work.task.key, FREE)
        return kept.open_intents or tuple(row for row in kept.rows if row.state is State.UNKNOWN)

    def _looked(self, works: Sequence[Work]) -> list[tuple[Work, Found | ApiAnswer]]:
        return list(zip(works, each(works, self._look, threads=self.threads), strict=True))

    def _look(self, work: Work) -> Found | ApiAnswer:
        """The task, or ABSENT; where ClaimX can't tell, its answer."""
        for project_id in dict.fromkeys(row.project_id for row in self._doubts(work)):
            search = self.api.find_tasks(str(project_id), work.task.key)
            if search.task_ids:
                return Found(task_id=search.task_ids[0], project_id=project_id)
            if not search.is_none:
                return search.answer
        return ABSENT


def each(items: Sequence[Item], call: Callable[[Item], Result], *, threads: int) -> list[Result]:
    """The call's result for each item, in order, `threads` at a time; log lines of a call carry what the caller's do."""
    if not items:
        return []
    ours = copy_context()
    with ThreadPoolExecutor(max_workers=min(threads, len(items)), thread_name_prefix="claimx-create") as pool:
        return list(pool.map(lambda item: ours.copy().run(call, item), items))
