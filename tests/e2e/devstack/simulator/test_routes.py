"""The simulated ClaimX: the calls of the contract, as any HTTP client sees them."""

from __future__ import annotations

import pytest
import requests

from claimx_lib.devstack.waiting import wait_until
from claimx_lib.errors import DevStackError
from tests.fakes.claimx import TOKEN


@pytest.fixture
def http(simulator):
    """A plain HTTP client with the token."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"

    def send(method, path, timeout=60, **options):
        return session.request(method, f"{simulator.base_url}{path}", timeout=timeout, **options)

    yield send
    session.close()


def create(http, key="k", **headers):
    """A create with a reference and, if told, a key."""
    body = {"task_type": "T", "external_reference": key}
    return http("POST", "/api/v1/projects/5/tasks", json=body, headers=headers)


def test_a_project_search_answers_in_the_forms_of_the_contract(http, simulator):
    """One is `{"project_id": N}`, several a list, none a 404."""
    simulator.control.put_projects([{"project_id": n, "claim_number": c} for n, c in [(1, "A"), (2, "B"), (3, "B")]])
    assert http("GET", "/api/v1/projects?claim_number=A").json() == {"project_id": 1}
    assert [p["project_id"] for p in http("GET", "/api/v1/projects?claim_number=B").json()["projects"]] == [2, 3]
    assert http("GET", "/api/v1/projects?claim_number=C").status_code == 404


def test_an_idempotency_key_is_honoured_or_not(http, simulator):
    """On: the same task again. Off, as it starts: another one, as with a server that knows no keys."""
    simulator.control.put_project(5, "C")
    simulator.control.switch(idempotency=True)
    first, second = (create(http, **{"Idempotency-Key": "k"}).json()["id"] for _ in range(2))
    assert first == second
    simulator.control.switch(idempotency=False)
    assert create(http, **{"Idempotency-Key": "k"}).json()["id"] != first
    assert [line["created_task_id"] is None for line in simulator.control.requests()[-3:]] == [False, True, False]


def test_external_references_are_kept_or_not(http, simulator):
    """Off: the search answers with every task of the project, and none shows a reference."""
    simulator.control.put_project(5, "C")
    create(http, "one")
    create(http, "two")
    found = http("GET", "/api/v1/projects/5/tasks?external_reference=two").json()["tasks"]
    assert [task["external_reference"] for task in found] == ["two"]
    simulator.control.switch(external_reference=False)
    create(http, "three")
    found = http("GET", "/api/v1/projects/5/tasks?external_reference=three").json()["tasks"]
    assert [task.get("external_reference") for task in found] == ["one", "two", None]


def test_a_claim_number_may_come_later(http, simulator):
    """A project whose claim number is set or changed is found by the new one only."""
    simulator.control.put_project(5)
    simulator.control.put_project(5, "NEW")
    assert http("GET", "/api/v1/projects?claim_number=NEW").json() == {"project_id": 5}
    simulator.control.remove_project(5)
    assert http("GET", "/api/v1/projects?claim_number=NEW").status_code == 404


def test_a_fault_hits_by_method_path_skip_and_count(http, simulator):
    """Exactly the requests that the script means."""
    simulator.control.put_tasks([{"id": 1}, {"id": 2}])
    simulator.control.fault("status", method="GET", path="*/tasks/1", status=503, skip=1, count=2, retry_after="x")
    told = [http("GET", f"/api/v1/tasks/{n}").status_code for n in (1, 2, 1, 1, 2, 1)]
    assert told == [200, 200, 503, 503, 200, 200]


def test_a_seed_repeats_its_chances(http, simulator):
    """The same seed hits the same requests."""

    def hits():
        simulator.control.clear_faults()
        simulator.control.fault("status", status=500, probability=0.5, seed=3)
        return [http("GET", "/api/v1/tasks/1").status_code for _ in range(30)]

    first = hits()
    assert first == hits()
    assert set(first) == {404, 500}


def test_a_late_commit_happens_after_its_sender_has_gone(http, simulator):
    """The task appears though nobody waits for the answer any more."""
    simulator.control.put_project(5, "C")
    simulator.control.fault("late_commit", method="POST", seconds=0.5, count=1)
    with pytest.raises(requests.Timeout):
        http("POST", "/api/v1/projects/5/tasks", json={"task_type": "T"}, timeout=0.1)
    assert simulator.control.tasks() == []
    wait_until(lambda: len(simulator.control.tasks()) == 1, what="the late task", timeout_seconds=60)


def test_an_unknown_fault_is_refused(simulator):
    """A script with a slip of the pen is no script."""
    with pytest.raises(DevStackError, match="refused"):
        simulator.control.fault("no-such-fault")
    with pytest.raises(DevStackError, match="refused"):
        simulator.control.switch(no_such_switch=True)


def test_a_request_that_is_none_is_refused(http, simulator):
    """A body without task_type, or that is no JSON, creates nothing."""
    simulator.control.put_project(5, "C")
    assert http("POST", "/api/v1/projects/5/tasks", json={}).status_code == 400
    assert http("POST", "/api/v1/projects/5/tasks", data="{").status_code == 400
    assert simulator.control.tasks() == []
