"""The settings of task creation as the pure code sees them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from claimx_lib.domain.creation.events import XactEvent
from claimx_lib.domain.creation.keys import idempotency_key

_OVERFLOWS_FROM_RETRY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A task to create for an event; `task_data` is JSON text."""

    name: str
    task_type: str
    task_data: str
    once_per: Literal["event", "estimate", "claim"] = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task that an event asks for: its key, and the body that creates it."""

    rule: str
    key: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long, how often and in which mode; durations in seconds, the ages in hours."""

    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    mode: Literal["live", "shadow"] = "live"
    events_since: datetime | None = None
    on_unresolved: Literal["retry", "skip", "dead_letter"] = "retry"
    max_retries: int = 3
    retry_delay_seconds: float = 30.0
    retry_backoff_factor: float = 2.0
    retry_delay_max_seconds: float = 3600.0
    has_jitter: bool = True
    max_age_hours: float = 72.0
    settle_seconds: float = 30.0
    intent_ttl_seconds: float = 60.0
    early_look_seconds: float = 5.0
    supports_external_reference: bool = True
    look_before_creating: bool = False
    dead_letter_limit: float = 0.95
    dead_letter_limit_min_claims: int = 200

    def delay_seconds(self, retry: int, random: Callable[[], float]) -> float:
        """Seconds before `retry` (from 1): delay times factor to the power of retry - 1, at most the maximum.

        With jitter anything between 0 and that (full jitter), but none with factor 1: the document's fixed delay.
        """
        exponent = min(retry - 1, _OVERFLOWS_FROM_RETRY)
        whole = min(self.retry_delay_seconds * self.retry_backoff_factor**exponent, self.retry_delay_max_seconds)
        return whole * random() if self.has_jitter and self.retry_backoff_factor > 1 else whole

    def is_exhausted(self, attempts: int) -> bool:
        """Whether the first try and all retries are used up."""
        return attempts > self.max_retries

    def is_too_old(self, first_seen_at: datetime, now: datetime) -> bool:
        """Whether a claim has waited for a failing API for longer than it may."""
        return now - first_seen_at > timedelta(hours=self.max_age_hours)

    def tasks_of(self, event: XactEvent) -> tuple[Task, ...]:
        """The tasks that the event asks for, each with its key and body."""
        return tuple(self._task(event, rule) for rule in self.rules.get(event.event_type, ()))

    def _task(self, event: XactEvent, rule: Rule) -> Task:
        key = idempotency_key(event, rule.name, rule.once_per)
        data = {"task_type": rule.task_type, "task_data": json.loads(rule.task_data)}
        if self.supports_external_reference:
            data["external_reference"] = key
        return Task(rule=rule.name, key=key, body=json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def header_seconds(seconds: float) -> str:
    """Whole seconds for `x-retry-after`, rounded up, so that nobody comes too early."""
    return str(math.ceil(seconds))
