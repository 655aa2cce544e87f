"""The enrichment kernel over real HTTP."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import OpenClaimX
from claimx_lib.domain.secret import Secret
from claimx_lib.partitions.enrich import enrich_batches
from claimx_lib.partitions.worker import WorkerMemory
from tests.fakes.claimx import TOKEN
from tests.fakes.partition import POLICY, record_batch


@pytest.fixture
def enriched(simulator):
    """Runs partitions against the simulator, in one worker's memory."""
    memory = WorkerMemory()
    opener = OpenClaimX(settings=ApiSettings(base_url=simulator.base_url, token=Secret(TOKEN), timeout_seconds=30))
    simulator.control.switch(any_task=True)

    def run(*batches, **policy):
        stream = enrich_batches(
            map(record_batch, batches),
            open_client=opener,
            policy=replace(POLICY, **{"max_concurrency": 16, "budget_seconds": 600, **policy}),
            memory=memory,
        )
        return [row for batch in stream for row in batch.to_pylist()]

    return run


def calls(simulator) -> int:
    """How many requests the API has seen."""
    return simulator.control.state()["served"]


def test_r6_no_id_is_asked_for_twice(simulator, enriched):
    """R6: calls made ÷ distinct uncached ids is 1.00 within a batch, by the API's own log, and 0 while the cache lasts."""
    chance = random.Random(7)
    ids = [str(n) for n in range(60)]
    rows = [[(chance.choice(ids), None) for _ in range(100)] for _ in range(5)]
    distinct = {task for batch in rows for task, _ in batch}
    before = calls(simulator)
    told = sum(row["api_calls"] for row in enriched(*rows))
    assert calls(simulator) - before == told == len(distinct)
    assert {row["enrichment_status"] for row in enriched(*rows)} == {"enriched"}
    assert calls(simulator) - before == len(distinct)


def test_calls_in_flight_are_bounded_and_used(simulator, enriched):
    """As many at once as the policy allows, and no more."""
    simulator.control.switch(any_task=True, latency_seconds=0.05)
    enriched([(str(n), None) for n in range(64)], max_concurrency=8)
    told = simulator.control.requests()[-64:]
    assert max(line["in_flight"] for line in told) == 8


def test_the_limit_holds_by_the_clock_of_the_api(simulator, enriched):
    """I11: in no second does the API see more calls than allowed, across partitions too."""
    before = calls(simulator)
    for start in (0, 30, 60):
        enriched([(str(n), None) for n in range(start, start + 30)], requests_per_second=30)
    instants = [line["at"] for line in simulator.control.requests()[-(calls(simulator) - before) :]]
    assert len(instants) == 90
    assert max(sum(start <= at < start + 1 for at in instants) for start in instants) <= 30


@pytest.mark.parametrize("fault", ["hang", "reset", "drip", "garbage", "html", "truncated_json", "cut_short"])
def test_one_broken_answer_costs_its_own_retry_only(simulator, enriched, fault):
    """Over real sockets: what broke is asked again, everything is enriched, everything is counted."""
    simulator.control.fault(fault, count=1, seconds=1.0)
    retry = replace(POLICY.retry, backoff_base=0.1)
    rows = enriched([(str(n), None) for n in range(20)], retry=retry, timeout_seconds=2.0)
    assert {row["enrichment_status"] for row in rows} == {"enriched"}
    assert (sum(row["api_calls"] for row in rows), sum(row["api_errors"] for row in rows)) == (21, 1)


def test_a_dead_api_costs_a_bounded_time(simulator, enriched):
    """Everything hangs: the rows are there, failed, when the patience of the partition is over."""
    simulator.control.fault("hang")
    started = time.monotonic()
    rows = enriched(
        [(str(n), None) for n in range(5000)], timeout_seconds=0.3, stop_after_failures=16, budget_seconds=600
    )
    assert time.monotonic() - started < 30
    assert {row["enrichment_status"] for row in rows} == {"failed"}
    assert len(rows) == 5000
