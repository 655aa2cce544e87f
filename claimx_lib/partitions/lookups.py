"""Look-ups of one partition: each id once, several at a time, within pace, budget and patience."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import NamedTuple, Self

from claimx_lib.domain import circuit as breaker
from claimx_lib.domain.api import ANSWERED, ApiAnswer, ApiOutcome
from claimx_lib.domain.circuit import Circuit, CircuitPolicy
from claimx_lib.domain.clock import Clock
from claimx_lib.domain.enrichment import EnrichPolicy
from claimx_lib.domain.retry import Attempts, RetryPolicy, call_with_retries
from claimx_lib.partitions.cache import Entry, Key
from claimx_lib.partitions.worker import Session

TASK = "task"
PROJECT = "project"

_NOT_CALLED = {
    ApiOutcome.CIRCUIT_OPEN: ApiAnswer(kind=ApiOutcome.CIRCUIT_OPEN, error="circuit-open: nobody called"),
    ApiOutcome.OUT_OF_TIME: ApiAnswer(kind=ApiOutcome.OUT_OF_TIME, error="out-of-time: nobody called"),
    ApiOutcome.UNAUTHORIZED: ApiAnswer(kind=ApiOutcome.UNAUTHORIZED, error="unauthorized: nobody called after a 401"),
}


class ApiCall(NamedTuple):
    """One call that was made: whether the API answered (200 or 404), and after how long."""

    is_answered: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What is known of one id: how it was answered, when, and by which calls made just now (none from the cache)."""

    entry: Entry
    calls: tuple[ApiCall, ...] = ()


class PartitionLookups:
    """Asks for each id at most once in the life of the partition, failures included.

    Stops asking at the first 401 and after `stop_after_failures` failed look-ups in a row, with no answer between
    them: what is left is answered `unauthorized` or `circuit-open` without a call. A ClaimX that does not answer is
    given up after `budget_seconds`, one that does after `most_seconds`. Use as a context: its threads end with it.
    """

    def __init__(self, session: Session, policy: EnrichPolicy, clock: Clock, chance: Callable[[], float]) -> None:
        self._session = session
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._started = self._answered_at = clock.monotonic()
        self._failed: dict[Key, Entry] = {}
        self._lock = threading.Lock()
        self._circuit = Circuit()
        self._circuit_policy = CircuitPolicy(failure_threshold=policy.stop_after_failures, reset_seconds=math.inf)
        self._stopped_by = ApiOutcome.CIRCUIT_OPEN if policy.call_nobody else None
        self._is_to_probe = policy.is_probing
        self._workers = policy.threads
        self._pool = ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="claimx-lookup")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop(ApiOutcome.OUT_OF_TIME)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def answers(self, keys: Iterable[Key]) -> Mapping[Key, Lookup]:
        """A look-up for each of the distinct `keys`; calls are made for those alone that nobody has asked for yet."""
        found: dict[Key, Lookup] = {}
        unknown: list[Key] = []
        for key in keys:
            entry = self._session.cache.get(key, self._started, self._policy.cache_ttl_seconds) or self._failed.get(key)
            if entry is None:
                unknown.append(key)
            else:
                found[key] = Lookup(entry=entry)
        known = self._from_others(unknown)
        asked = [key for key in unknown if key not in known]
        made = known | dict(zip(asked, self._asked(asked), strict=True))
        for key, lookup in made.items():
            self._remember(key, lookup.entry)
        self._share({key: made[key].entry for key in asked})
        return found | made

    def _from_others(self, keys: list[Key]) -> dict[Key, Lookup]:
        """What another worker of this executor has asked for lately."""
        shared = self._session.shared
        found = {} if shared is None else shared.get(keys, self._started, self._policy.cache_ttl_seconds)
        return {key: Lookup(entry=entry) for key, entry in found.items()}

    def _share(self, entries: Mapping[Key, Entry]) -> None:
        if self._session.shared is not None and self._policy.cache_ttl_seconds:
            now = self._clock.monotonic()
            self._session.shared.put(entries, as_of=now, ttl_seconds=self._policy.cache_ttl_seconds)

    def _remember(self, key: Key, entry: Entry) -> None:
        if entry.answer.kind in ANSWERED:
            self._session.cache.put(key, entry)
        else:
            self._failed[key] = entry

    def _asked(self, keys: list[Key]) -> list[Lookup]:
        """Threads take the ids one by one, so that a slow call holds up nobody else; in hand are never more ids than
        `lookup_batch_size`.
        """
        found: dict[Key, Lookup] = {}
        waiting = iter(keys)
        while self._is_to_probe and (first := next(waiting, None)) is not None:
            found[first] = self._probe(first)
        turn = threading.Lock()

        def work() -> None:
            while True:
                with turn:
                    key = next(waiting, None)
                if key is None:
                    return
                found[key] = self._look_up(key)

        workers = [self._pool.submit(work) for _ in range(min(self._workers, len(keys)))]
        for worker in workers:
            worker.result()
        return [found[key] for key in keys]

    def _probe(self, key: Key) -> Lookup:
        """One call, alone: a failure that may speak of the server ends all calling. An id that nobody is called for
        leaves it to the next one.
        """
        lookup = self._look_up(key, replace(self._policy.retry, max_retries=0))
        self._is_to_probe = not lookup.calls
        if lookup.entry.answer.is_outage or lookup.entry.answer.kind is ApiOutcome.ODD_BODY:
            self._stop(ApiOutcome.CIRCUIT_OPEN)
        return lookup

    def _look_up(self, key: Key, retry: RetryPolicy | None = None) -> Lookup:
        calls: list[ApiCall] = []
        deadline = self._deadline()
        attempts = call_with_retries(
            lambda: self._one_call(key, calls, deadline),
            retry or self._policy.retry,
            self._clock,
            deadline,
            random=self._chance,
            is_cancelled=self._is_stopped,
        )
        if _has_failed(attempts):
            self._count_failure()
        at_micros = int(self._clock.now().timestamp() * 1_000_000)
        entry = Entry(answer=attempts.last, kept_at=self._clock.monotonic(), at_micros=at_micros)
        return Lookup(entry=entry, calls=tuple(calls))

    def _deadline(self) -> float:
        """The point of `clock.monotonic()` at which patience ends: with the last answer's, or with the partition's."""
        policy = self._policy
        most = policy.budget_seconds if policy.most_seconds is None else policy.most_seconds
        return min(self._started + most, self._answered_at + policy.budget_seconds)

    def _one_call(self, key: Key, calls: list[ApiCall], deadline: float) -> ApiAnswer:
        if self._is_stopped() or not self._session.limiter.acquire(deadline, self._is_stopped):
            return _NOT_CALLED[self._stopped_by or ApiOutcome.OUT_OF_TIME]
        timeout = min(self._policy.timeout_seconds, deadline - self._clock.monotonic())
        kind, id_ = key
        get = self._session.client.get_task if kind == TASK else self._session.client.get_project
        answer = get(id_, timeout_seconds=max(timeout, 0.001))
        if answer.is_call:
            calls.append(ApiCall(answer.kind in ANSWERED, answer.seconds))
            self._learn(answer, deadline)
        return answer

    def _learn(self, answer: ApiAnswer, deadline: float) -> None:
        if answer.kind is ApiOutcome.UNAUTHORIZED:
            self._stop(ApiOutcome.UNAUTHORIZED)
        elif answer.kind is ApiOutcome.RATE_LIMITED:
            self._slow_down(answer.retry_after_seconds or 0.0, deadline)
        elif not answer.is_outage and answer.kind is not ApiOutcome.ODD_BODY:  # which proves nothing of ClaimX
            self._count_answer()

    def _slow_down(self, seconds: float, deadline: float) -> None:
        """All wait as a 429 asks, unless it asks for more than this look-up has: then its own row fails alone, and
        many in a row end all calling.
        """
        fits = self._clock.monotonic() + seconds < deadline
        if not fits:
            self._count_failure()
        elif seconds <= self._policy.retry.backoff_max_seconds:
            self._session.limiter.hold(seconds)

    def _count_answer(self) -> None:
        """At once, not when the look-up ends: one honest answer forgives all failures before it."""
        with self._lock:
            self._circuit = breaker.after_success(self._circuit)
            self._answered_at = self._clock.monotonic()

    def _count_failure(self) -> None:
        """Once a look-up, however often it asked: a failure that the next try mends says nothing of the server."""
        with self._lock:
            self._circuit = breaker.after_failure(self._circuit, self._circuit_policy, self._clock.monotonic())
            is_open = self._circuit.opened_at is not None
        if is_open:
            self._stop(ApiOutcome.CIRCUIT_OPEN)

    def _stop(self, by: ApiOutcome) -> None:
        with self._lock:
            self._stopped_by = self._stopped_by or by

    def _is_stopped(self) -> bool:
        return self._stopped_by is not None


def _has_failed(attempts: Attempts) -> bool:
    """Whether the last answer that really came speaks of an outage, used up or cut short alike."""
    real = [answer for answer in attempts.answers if answer.is_call]
    return bool(real) and real[-1].is_outage
