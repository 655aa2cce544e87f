"""Calls to ClaimX from the driver: one pace, one circuit, one token for all of them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from claimx_lib.domain import circuit as breaker
from claimx_lib.domain.api import OUTAGE, ApiAnswer, ApiOutcome, ClaimXApi, ProjectSearch, TaskCreation, TaskSearch
from claimx_lib.domain.circuit import Circuit, CircuitPolicy, Phase
from claimx_lib.domain.clock import Clock
from claimx_lib.domain.rate import RateLimiter

Told = TypeVar("Told", ProjectSearch, TaskSearch, TaskCreation)
DEFAULT_HOLD_SECONDS = 1.0
NO_PROJECT = "0"
"""An id that no project has: a server that is well says 404."""
_NOT_CLAIMX = OUTAGE | {ApiOutcome.ODD_BODY}
"""What counts as a failure here: a page in place of JSON is no proof that a create would be carried out."""
_WITHHELD = {
    kind: ApiAnswer(kind=kind, error=f"{kind}: nobody called")
    for kind in (ApiOutcome.CIRCUIT_OPEN, ApiOutcome.OUT_OF_TIME, ApiOutcome.UNAUTHORIZED)
}


class Calls:
    """ClaimX for many threads: never above the pace, nobody while the circuit is open or after a refused token.

    What is not called is answered at once (`circuit-open`, `out-of-time`, `unauthorized`), and was not sent. Lives
    as long as the job, so that pace, circuit and refusal hold across batches; `begin` takes the token of a new batch.
    """

    def __init__(
        self,
        open_api: Callable[[], ClaimXApi],
        *,
        limiter: RateLimiter,
        circuit: CircuitPolicy,
        clock: Clock,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._open_api = open_api
        self._limiter = limiter
        self._policy = circuit
        self._clock = clock
        self._is_stopping = is_stopping
        self._lock = threading.Lock()
        self._circuit = Circuit()
        self._is_probing = False
        self._api: ClaimXApi | None = None
        self._has_renewed = False
        self._refused_api: ClaimXApi | None = None
        self._refused_at = self._asked_at = -math.inf
        self.is_refused = False

    def begin(self) -> None:
        """A new batch: the token is read again; one that was refused rests as long as an open circuit does."""
        with self._lock:
            self._api = None
            self._has_renewed = False
            self.is_refused = self._rest() > 0 and self._open_api() is self._refused_api
            has_failed_since = self._circuit.failures > self._policy.failure_threshold
            is_suspect = has_failed_since and self._phase() is Phase.HALF_OPEN
            is_due = self._clock.monotonic() - self._asked_at >= self._policy.reset_seconds
        if is_suspect and is_due and not self.is_refused:
            self._asked_at = self._clock.monotonic()
            self._ask_neutrally()

    def _ask_neutrally(self) -> None:
        """After a probe that failed, ask for what no claim has a part in: one claim that always fails would keep the
        circuit open for all others. An answer closes it; a failure tells no more than is known.
        """
        answer = self._current().get_project(NO_PROJECT) if self._turn(None) is None else None
        if answer is not None and answer.kind not in _NOT_CLAIMX:
            self._learn(answer)

    def find_projects(self, claim_number: str) -> ProjectSearch:
        """As `ClaimXApi.find_projects`."""
        return self._called(lambda api: api.find_projects(claim_number), lambda a: ProjectSearch(answer=a))

    def find_tasks(self, project_id: str, external_reference: str) -> TaskSearch:
        """As `ClaimXApi.find_tasks`; a 404 counts as "none" only where the project is gone too.

        The contract's answer is a list: a 404 for a project that is there speaks of the route, and tells nothing.
        """
        search = self._called(
            lambda api: api.find_tasks(project_id, external_reference), lambda a: TaskSearch(answer=a)
        )
        if search.answer.kind is not ApiOutcome.NOT_FOUND or self._is_gone(project_id):
            return search
        return TaskSearch(answer=replace(search.answer, kind=ApiOutcome.BAD_BODY))

    def _is_gone(self, project_id: str) -> bool:
        found = self._called(
            lambda api: ProjectSearch(answer=api.get_project(project_id)), lambda a: ProjectSearch(answer=a)
        )
        return found.answer.kind is ApiOutcome.NOT_FOUND

    def create_task(self, project_id: str, body: str, key: str, *, send_before: datetime) -> TaskCreation:
        """As `ClaimXApi.create_task`, but nothing is sent from `send_before` on: looked at right before sending."""
        return self._called(
            lambda api: api.create_task(project_id, body, key),
            lambda a: TaskCreation(answer=a),
            send_before=send_before,
        )

    @property
    def open_until(self) -> float | None:
        """Seconds for which nobody is called; None where calls may go out (a probe counts as one)."""
        with self._lock:
            if self._phase() is not Phase.OPEN:
                return None
            opened_at = self._circuit.opened_at or 0.0
            return max(opened_at + self._policy.reset_seconds - self._clock.monotonic(), 0.0)

    @property
    def refused_for(self) -> float | None:
        """Seconds for which nobody is called with a token that was refused; None where it is another, or not refused."""
        with self._lock:
            return max(self._rest(), 0.0) if self.is_refused else None

    @property
    def is_unsure(self) -> bool:
        """Whether the last word was no good one: the next call tells whether others are worth preparing."""
        with self._lock:
            return self._phase() is Phase.HALF_OPEN or self._refused_api is not None

    @property
    def is_blocked(self) -> bool:
        """Whether the next call would be withheld."""
        return self.is_refused or self._is_stopping() or self.open_until is not None

    def _called(
        self,
        call: Callable[[ClaimXApi], Told],
        told: Callable[[ApiAnswer], Told],
        *,
        send_before: datetime | None = None,
    ) -> Told:
        withheld = self._permit(send_before)
        if withheld is not None:
            return told(_WITHHELD[withheld])
        api = self._current()
        result = call(api)
        if result.answer.kind is ApiOutcome.UNAUTHORIZED and self._renewed(api):
            withheld = self._turn(send_before)  # the second call waits for its turn, and is in time, as any other
            if withheld is not None:
                return told(_WITHHELD[withheld])
            result = call(self._current())
        self._learn(result.answer)
        return result

    def _permit(self, send_before: datetime | None) -> ApiOutcome | None:
        if not self._enter():
            return ApiOutcome.UNAUTHORIZED if self.is_refused else ApiOutcome.CIRCUIT_OPEN
        return self._turn(send_before)

    def _turn(self, send_before: datetime | None) -> ApiOutcome | None:
        deadline = math.inf
        if send_before is not None:
            deadline = self._clock.monotonic() + (send_before - self._clock.now()).total_seconds()
        if self._is_stopping() or not self._limiter.acquire(deadline, self._is_unwanted):
            self._leave()
            return ApiOutcome.UNAUTHORIZED if self.is_refused else ApiOutcome.OUT_OF_TIME
        if send_before is not None and self._clock.now() >= send_before:
            self._leave()
            return ApiOutcome.OUT_OF_TIME
        return None

    def _is_unwanted(self) -> bool:
        return self._is_stopping() or self.is_refused or self._is_open()

    def _is_open(self) -> bool:
        """Opened while this call waited for its turn; the probe itself is wanted."""
        return self._phase() is Phase.OPEN

    def _phase(self) -> Phase:
        return breaker.phase(self._circuit, self._policy, self._clock.monotonic())

    def _enter(self) -> bool:
        with self._lock:
            if self.is_refused:
                return False
            phase = self._phase()
            if phase is Phase.HALF_OPEN and not self._is_probing:
                self._is_probing = True
                return True
            return phase is Phase.CLOSED

    def _leave(self) -> None:
        with self._lock:
            self._is_probing = False

    def _rest(self) -> float:
        return self._refused_at + self._policy.reset_seconds - self._clock.monotonic()

    def _current(self) -> ClaimXApi:
        with self._lock:
            if self._api is None:
                self._api = self._open_api()
            return self._api

    def _renewed(self, used: ClaimXApi) -> bool:
        """Whether there is another token than the one just refused; it is read again once a batch."""
        with self._lock:
            if self._api is used and not self._has_renewed:
                self._has_renewed = True
                self._api = self._open_api()
            return self._api is not used

    def _learn(self, answer: ApiAnswer) -> None:
        with self._lock:
            self._is_probing = False
            if answer.kind is ApiOutcome.UNAUTHORIZED:
                self.is_refused = True
                self._refused_api, self._refused_at = self._api, self._clock.monotonic()
            elif answer.kind in _NOT_CLAIMX:
                self._circuit = breaker.after_failure(self._circuit, self._policy, self._clock.monotonic())
            elif answer.is_call:
                self._circuit = breaker.after_success(self._circuit)
                self._refused_api = None
        if answer.kind is ApiOutcome.RATE_LIMITED:
            self._limiter.hold(min(answer.retry_after_seconds or DEFAULT_HOLD_SECONDS, self._policy.reset_seconds))
