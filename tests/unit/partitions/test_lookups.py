"""How gently a partition asks, and when it stops."""

from __future__ import annotations

from collections import Counter

import pytest

from claimx_lib.domain.retry import RetryPolicy
from tests.fakes.claimx import FakeClaimX
from tests.fakes.partition import Worker


def statuses(rows) -> Counter[str]:
    """How many rows ended how."""
    return Counter(row["enrichment_status"] for row in rows)


def causes(rows) -> Counter[str]:
    """The first word of each error."""
    return Counter((row["enrichment_error"] or "-").split()[0].rstrip(":") for row in rows)


def tasks(count: int) -> list[tuple[str, None]]:
    """Rows for so many tasks."""
    return [(str(n), None) for n in range(count)]


def test_answers_are_kept_for_their_time_across_batches():
    """60 seconds: a second batch within them calls nobody, one after them calls again."""
    worker = Worker()
    worker.run(tasks(3))
    worker.claimx.clock.advance(59)
    rows = worker.run(tasks(3))
    assert (len(worker.calls()), {row["api_calls"] for row in rows}) == (3, {0})
    worker.claimx.clock.advance(1)
    worker.run(tasks(3))
    assert len(worker.calls()) == 6
    assert worker.opened == 1


def test_workers_of_one_executor_share_their_answers(tmp_path, monkeypatch):
    """What one has asked for no other asks for while it is fresh; then one of them does, for all."""
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    claimx = FakeClaimX()
    workers = [Worker(claimx, shared_cache="run") for _ in range(3)]
    for worker in workers:
        rows = worker.run(tasks(3))
        assert statuses(rows) == {"not_found": 3}
    assert len(workers[0].calls()) == 3
    claimx.clock.advance(60)
    for worker in workers:
        worker.run(tasks(3))
    assert len(workers[0].calls()) == 6
    Worker(claimx, shared_cache="another run").run(tasks(3))
    assert len(workers[0].calls()) == 9


def test_an_answer_does_not_grow_stale_within_a_partition():
    """A partition that takes longer than the cache's time still asks once for each id."""
    worker = Worker()
    stream = worker.stream(tasks(1), tasks(1))
    next(stream)
    worker.claimx.clock.advance(500)
    next(stream)
    assert len(worker.calls()) == 1


def test_failures_are_not_kept_for_the_next_batch():
    """An outage is forgotten with its partition."""
    worker = Worker()
    worker.claimx.control.fault("status", status=403, count=1)
    assert statuses(worker.run(tasks(1), tasks(1))) == {"failed": 2}
    assert len(worker.calls()) == 1
    assert statuses(worker.run(tasks(1))) == {"not_found": 1}


def test_a_401_stops_the_partition_at_once():
    """A refused token is not tried a second time, and every row left says so."""
    worker = Worker(FakeClaimX(token="old"))
    rows = worker.run(tasks(4), tasks(8))
    assert causes(rows) == {"unauthorized": 12}
    assert len(worker.calls()) == 1


def test_failures_in_a_row_stop_the_partition():
    """After five look-ups that used up their tries nobody is called any more; what is left fails as circuit-open."""
    worker = Worker()
    worker.claimx.control.fault("status", status=500)
    rows = worker.run(tasks(10), tasks(20))
    assert Counter(worker.calls()) == {f"tasks/{n}": 4 for n in range(5)}
    assert causes(rows) == {"unavailable": 10, "circuit-open": 20}
    assert sum(row["api_calls"] for row in rows) == 20


@pytest.mark.parametrize("times", [1, 2])
def test_failures_that_a_retry_mends_stop_nobody(times):
    """However many threads fail at once: a look-up counts when its tries are used up, not before."""
    worker = Worker(max_concurrency=32, stop_after_failures=20)
    for n in range(60):
        worker.claimx.control.fault("status", status=503, path=f"*/tasks/{n}", count=times)
    worker.claimx.control.put_tasks([{"id": n} for n in range(60)])
    rows = worker.run(tasks(60))
    assert statuses(rows) == {"enriched": 60}
    assert {(row["api_calls"], row["api_errors"]) for row in rows} == {(times + 1, times)}


def test_a_look_up_that_the_budget_cuts_counts_as_failed():
    """Its last answer was an outage, and no time is left for the next try: that speaks of the server all the same."""
    worker = Worker(budget_seconds=1)
    worker.claimx.control.fault("status", status=500)
    rows = worker.run(tasks(8))
    assert causes(rows) == {"unavailable": 5, "circuit-open": 3}
    assert len(worker.calls()) == 5


def test_an_answer_in_between_keeps_the_partition_calling():
    """Failures count in a row only: a server that answers is there."""
    worker = Worker(stop_after_failures=2, retry=RetryPolicy(max_retries=0))
    worker.claimx.control.fault("status", status=500, path="*/tasks/*[02468]")
    assert statuses(worker.run(tasks(20))) == {"not_found": 10, "failed": 10}


def test_429_slows_down_and_stops_nobody():
    """A server that asks for patience is alive: all wait, nobody fails."""
    worker = Worker()
    worker.claimx.control.fault("status", status=429, retry_after="7", count=20)
    assert statuses(worker.run(tasks(30), stop_after_failures=2, budget_seconds=10_000)) == {
        "not_found": 25,
        "failed": 5,
    }


def test_a_huge_retry_after_fails_its_own_row_only():
    """Who is told to come back tomorrow gives up, and holds up nobody else."""
    worker = Worker()
    worker.claimx.control.fault("status", status=429, retry_after="86400", count=1)
    rows = worker.run(tasks(5))
    assert statuses(rows) == {"failed": 1, "not_found": 4}
    assert worker.claimx.clock.monotonic() < 1


def test_an_open_circuit_of_the_driver_calls_nobody():
    """What the cache knows is still used."""
    worker = Worker()
    worker.run(tasks(1))
    rows = worker.run(tasks(3), call_nobody=True)
    assert causes(rows) == {"-": 1, "circuit-open": 2}
    assert len(worker.calls()) == 1


def test_the_budget_ends_the_calls():
    """A slow API takes its budget and no more; what is left says out-of-time."""
    worker = Worker(budget_seconds=10)
    worker.claimx.control.switch(latency_seconds=3.0)
    rows = worker.run(tasks(10))
    assert causes(rows) == {"-": 3, "timeout": 1, "out-of-time": 6}
    assert worker.claimx.clock.monotonic() <= 10.1


def test_a_hanging_api_takes_the_budget_only():
    """Every call hangs: the partition ends in time all the same."""
    worker = Worker(budget_seconds=45)
    worker.claimx.control.fault("hang")
    assert statuses(worker.run(tasks(1000))) == {"failed": 1000}
    assert worker.claimx.clock.monotonic() <= 45.1


def test_a_healthy_api_is_asked_to_the_end():
    """The budget is patience with silence: a batch that its pace alone makes longer than that is enriched whole."""
    worker = Worker(budget_seconds=6, requests_per_second=10)
    worker.policy = worker.policy.enough_for(1_000)
    assert statuses(worker.run(tasks(1_000))) == {"not_found": 1_000}
    assert worker.claimx.clock.monotonic() > 100


def test_a_hanging_api_takes_no_more_for_a_large_batch():
    """Who may ask for long still gives up a ClaimX that never answers after the budget."""
    worker = Worker(budget_seconds=45, most_seconds=10_000)
    worker.claimx.control.fault("hang")
    assert statuses(worker.run(tasks(1_000))) == {"failed": 1_000}
    assert worker.claimx.clock.monotonic() <= 45.1


def test_an_api_that_falls_silent_has_the_budget_from_its_last_answer():
    """Twenty answers, three seconds each, and silence from then on."""
    worker = Worker(budget_seconds=45, most_seconds=10_000)
    worker.claimx.control.switch(latency_seconds=3.0)
    worker.claimx.control.fault("hang", skip=20)
    assert statuses(worker.run(tasks(1_000))) == {"not_found": 20, "failed": 980}
    assert worker.claimx.clock.monotonic() <= 60 + 45.1


def test_a_slow_api_takes_the_most_and_no_more():
    """Answers keep coming, too slowly for all of them: the batch ends in time, what is left says out-of-time."""
    worker = Worker(budget_seconds=10, most_seconds=30)
    worker.claimx.control.switch(latency_seconds=3.0)
    rows = worker.run(tasks(100))
    assert causes(rows) == {"-": 9, "timeout": 1, "out-of-time": 90}
    assert worker.claimx.clock.monotonic() <= 30.1


def test_a_slow_pace_lets_no_thread_wait_beyond_its_patience():
    """A call in ten seconds and 32 threads: the last of them would have waited five minutes for its turn."""
    paces = {pace: Worker(max_concurrency=32, requests_per_second=pace).policy.threads for pace in (100, 0.1, 0.01)}
    assert paces == {100: 32, 0.1: 3, 0.01: 1}
    assert Worker(max_concurrency=32, lookup_batch_size=8).policy.threads == 8


def test_the_time_that_calls_need():
    """Half as much again as the pace asks for; a batch that is soon done has the budget."""
    policy = Worker(budget_seconds=60, requests_per_second=100).policy
    assert [policy.enough_for(calls).most_seconds for calls in (0, 4_000, 10_000)] == [60, 60, 150]


def test_a_failed_probe_is_the_only_call():
    """Half-open and still down: one call without a retry, and everything else fails as circuit-open."""
    worker = Worker(max_concurrency=8)
    worker.claimx.control.fault("status", status=500)
    worker.policy = worker.policy.probing()
    assert causes(worker.run(tasks(5), tasks(9))) == {"unavailable": 2, "circuit-open": 12}
    assert len(worker.calls()) == 1


def test_an_id_that_no_path_takes_is_no_probe():
    """Nobody was called for it, so that it says nothing of the server: the next one decides."""
    worker = Worker()
    worker.policy = worker.policy.probing()
    worker.claimx.control.fault("reset")
    rows = worker.run([("../x", None), ("a b", None), *tasks(6)])
    assert len(worker.calls()) == 1
    assert causes(rows) == {"rejected": 2, "reset": 1, "circuit-open": 5}


def test_an_answered_probe_lets_all_others_follow():
    """Half-open and well again: nothing is lost, and nobody goes one by one."""
    worker = Worker(max_concurrency=8)
    worker.policy = worker.policy.probing()
    assert statuses(worker.run(tasks(40))) == {"not_found": 40}


def test_the_share_of_a_partition():
    """Calls in flight and calls a second are divided; nobody is left with none."""
    share = Worker(max_concurrency=3, requests_per_second=100).policy.shared(4)
    assert (share.max_concurrency, share.requests_per_second) == (1, 25)


def test_the_pace_lasts_from_batch_to_batch():
    """I11: a new batch does not start with a fresh allowance."""
    worker = Worker(requests_per_second=10)
    for start in range(0, 40, 4):
        worker.run([(str(n), None) for n in range(start, start + 4)])
    instants = [line["at"] for line in worker.claimx.control.requests()]
    assert max(sum(start <= at < start + 1 for at in instants) for start in instants) <= 10


def test_a_server_that_asks_all_for_more_than_there_is_is_left_alone():
    """Each look-up is told to come back in an hour: after some in a row nobody is called any more."""
    worker = Worker(stop_after_failures=5)
    worker.claimx.control.fault("status", status=429, retry_after="3600")
    rows = worker.run(tasks(100))
    assert causes(rows)["circuit-open"] >= 60
    assert len(worker.calls()) < 40


def test_bodies_that_are_no_object_hold_up_nobody():
    """However many ids have a 200 with something else in it: theirs fail, and the others have their answers."""
    worker = Worker(stop_after_failures=2, retry=RetryPolicy(max_retries=0))
    for n in range(30):
        worker.claimx.control.fault("garbage", path=f"*/tasks/{n}")
    worker.claimx.control.put_tasks([{"id": n} for n in range(30, 40)])
    rows = worker.run(tasks(40))
    assert statuses(rows) == {"failed": 30, "enriched": 10}
    assert causes(rows)["odd-body"] == 30


def test_a_probe_that_meets_a_page_calls_nobody_else():
    """After an outage one call decides: a 200 with something else in it is no sign that ClaimX is back."""
    worker = Worker()
    worker.claimx.control.fault("html")
    rows = worker.run(tasks(10), is_probing=True)
    assert len(worker.calls()) == 1
    assert causes(rows) == {"odd-body": 1, "circuit-open": 9}
