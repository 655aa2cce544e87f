"""Calls from the driver: one pace, one circuit, one token."""

from __future__ import annotations

from datetime import timedelta

import pytest

from claimx_lib.domain.api import ApiAnswer, ApiOutcome, ProjectSearch, TaskCreation
from claimx_lib.domain.circuit import CircuitPolicy
from claimx_lib.domain.rate import RateLimiter
from claimx_lib.streams.creation_calls import Calls
from tests.fakes.clock import FakeClock


class Scripted:
    """ClaimX that answers with one outcome, and counts."""

    def __init__(self, kind: ApiOutcome, *, retry_after: float | None = None) -> None:
        self.kind, self.retry_after, self.calls = kind, retry_after, 0

    def find_projects(self, claim_number: str) -> ProjectSearch:  # noqa: ARG002 - any claim
        self.calls += 1
        return ProjectSearch(answer=ApiAnswer(kind=self.kind, retry_after_seconds=self.retry_after))

    def create_task(self, project_id: str, body: str, key: str) -> TaskCreation:  # noqa: ARG002 - any task
        self.calls += 1
        return TaskCreation(answer=ApiAnswer(kind=self.kind))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def calls_of(clock: FakeClock, *apis: Scripted, per_second: float = float("inf"), stopping=lambda: False) -> Calls:
    """Calls whose token is read anew each time: the next of the given APIs, the last one for ever."""
    left = list(apis)
    calls = Calls(
        lambda: left.pop(0) if len(left) > 1 else left[0],
        limiter=RateLimiter(per_second, clock),
        circuit=CircuitPolicy(failure_threshold=2, reset_seconds=30.0),
        clock=clock,
        is_stopping=stopping,
    )
    calls.begin()
    return calls


def test_failures_open_the_circuit_and_a_probe_closes_it(clock):
    """After the threshold nobody is called until the time has passed; then one probe decides."""
    api = Scripted(ApiOutcome.TIMEOUT)
    calls = calls_of(clock, api)
    kinds = [calls.find_projects("C").answer.kind for _ in range(3)]
    assert kinds == [ApiOutcome.TIMEOUT, ApiOutcome.TIMEOUT, ApiOutcome.CIRCUIT_OPEN]
    assert (calls.open_until, calls.is_blocked, api.calls) == (30.0, True, 2)
    clock.advance(30)
    api.kind = ApiOutcome.OK
    assert calls.find_projects("C").answer.is_ok
    assert calls.open_until is None


def test_a_new_token_is_tried_once(clock):
    """After a 401 the token is read again; another one is used at once, the same one is not."""
    refused, good = Scripted(ApiOutcome.UNAUTHORIZED), Scripted(ApiOutcome.OK)
    assert calls_of(clock, refused, good).find_projects("C").answer.is_ok
    calls = calls_of(clock, refused)
    before = refused.calls
    assert calls.find_projects("C").answer.kind is ApiOutcome.UNAUTHORIZED
    assert calls.find_projects("C").answer.kind is ApiOutcome.UNAUTHORIZED
    assert (refused.calls - before, calls.is_refused) == (1, True)


def test_a_second_try_with_a_new_token_keeps_the_pace(clock):
    """It waits for its turn as any other call, and is withheld where its time has passed meanwhile."""
    refused, good = Scripted(ApiOutcome.UNAUTHORIZED), Scripted(ApiOutcome.OK)
    calls = calls_of(clock, refused, good, per_second=1.0)
    assert calls.find_projects("C").answer.is_ok
    assert clock.monotonic() >= 1.0
    calls = calls_of(clock, refused, good, per_second=1.0)
    until = clock.now() + timedelta(seconds=0.5)
    assert calls.create_task("5", "{}", "k", send_before=until).answer.kind is ApiOutcome.OUT_OF_TIME
    assert good.calls == 1


def test_a_refused_token_rests_from_batch_to_batch(clock):
    """Nobody is called with it before the time of an open circuit has passed; another token is used at once."""
    refused, good = Scripted(ApiOutcome.UNAUTHORIZED), Scripted(ApiOutcome.OK)
    calls = calls_of(clock, refused)
    calls.find_projects("C")
    clock.advance(10)
    calls.begin()
    assert (calls.refused_for, calls.is_unsure) == (20.0, True)
    assert calls.find_projects("C").answer.kind is ApiOutcome.UNAUTHORIZED
    assert refused.calls == 1
    clock.advance(20)
    calls.begin()
    assert calls.refused_for is None
    calls.find_projects("C")
    assert refused.calls == 2
    renewed = calls_of(clock, refused, refused, good)
    renewed.find_projects("C")
    renewed.begin()
    assert renewed.refused_for is None
    assert renewed.find_projects("C").answer.is_ok
    assert not renewed.is_unsure


def test_nothing_is_sent_after_its_time(clock):
    """A POST whose permit would come after `send_before` is withheld, and was not sent."""
    api = Scripted(ApiOutcome.OK)
    calls = calls_of(clock, api, per_second=1.0)
    until = clock.now() + timedelta(seconds=1)
    kinds = [calls.create_task("5", "{}", "k", send_before=until).answer.kind for _ in range(3)]
    assert kinds == [ApiOutcome.OK, ApiOutcome.OUT_OF_TIME, ApiOutcome.OUT_OF_TIME]
    assert api.calls == 1


def test_a_stop_withholds_all_calls(clock):
    """Once a stop is asked for nobody is called."""
    api = Scripted(ApiOutcome.OK)
    assert calls_of(clock, api, stopping=lambda: True).find_projects("C").answer.kind is ApiOutcome.OUT_OF_TIME
    assert api.calls == 0


def test_a_429_holds_everybody(clock):
    """After a 429 the next call waits for what it asked."""
    api = Scripted(ApiOutcome.RATE_LIMITED, retry_after=7.0)
    calls = calls_of(clock, api, per_second=1000.0)
    calls.find_projects("C")
    calls.find_projects("C")
    assert clock.monotonic() >= 7.0
    assert calls.open_until is None
