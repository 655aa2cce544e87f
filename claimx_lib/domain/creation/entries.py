"""Ledger rows as a batch writes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from claimx_lib.domain.creation.decisions import Create, Subject
from claimx_lib.domain.creation.ledger import LedgerRow, State
from claimx_lib.domain.creation.policy import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One task of one create decision."""

    create: Create
    task: Task

    @property
    def subject(self) -> Subject:
        """The event it is for."""
        return self.create.subject


def skipped_row(subject: Subject, task: Task, attempt_id: str, at: datetime, reason: str) -> LedgerRow:
    """The row of a task that is left out on purpose."""
    return replace(_row(subject, task, State.SKIPPED, attempt_id, at), reason=reason)


def work_row(work: Work, state: State, attempt_id: str, at: datetime) -> LedgerRow:
    """A step of creating a task in the decision's project; what else is to be told is the caller's to replace."""
    row = _row(work.subject, work.task, state, attempt_id, at)
    return replace(row, project_id=work.create.project_id, resolved_by=work.create.resolved_by)


def _row(subject: Subject, task: Task, state: State, attempt_id: str, at: datetime) -> LedgerRow:
    record = subject.event.record
    return LedgerRow(
        idempotency_key=task.key,
        event_id=subject.event.event_id,
        state=state,
        claim_number=subject.event.claim_number,
        attempt_id=attempt_id,
        rule=task.rule,
        source_topic=record.topic,
        source_partition=record.partition,
        source_offset=record.offset,
        at=at,
    )
