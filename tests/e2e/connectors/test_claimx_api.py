"""One suite of behaviour for every ClaimX client: requests, kept-alive connections, and the fake."""

from __future__ import annotations

import json
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import ClaimXClient, KeepAliveClaimX, OpenClaimX, RequestsClaimX
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.devstack.simulator.process import Simulator
from claimx_lib.domain.api import ApiOutcome, is_in_doubt
from claimx_lib.domain.secret import Secret
from tests.fakes.claimx import TOKEN, FakeClaimX

REAL = {"requests": RequestsClaimX, "keepalive": KeepAliveClaimX}
KEY = "k" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A way to open clients, and the ClaimX that they talk to."""

    open: Callable[..., ClaimXClient]
    control: SimulatorControl


@pytest.fixture(params=["requests", "keepalive", "fake"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The same world for each client."""
    if request.param == "fake":
        fake = FakeClaimX()

        def again(**settings: Any) -> ClaimXClient:
            other = FakeClaimX(**settings)
            other.transport._simulator = fake.transport._simulator
            return other

        yield World(open=again, control=fake.control)
        return
    simulator: Simulator = request.getfixturevalue("simulator")
    opened: list[ClaimXClient] = []

    def real(token: str = TOKEN, **settings: Any) -> ClaimXClient:
        opened.append(REAL[request.param](ApiSettings(base_url=simulator.base_url, token=Secret(token), **settings)))
        return opened[-1]

    yield World(open=real, control=simulator.control)
    for client in opened:
        client.close()


def task_body(reference: str = KEY) -> str:
    """The body of a create."""
    return json.dumps({"task_type": "T", "task_data": {"customTaskId": 789}, "external_reference": reference})


def test_a_known_task_is_its_json_text(world):
    """A 200 with an object is OK and its body is what the server sent, with how long it took."""
    world.control.put_tasks([{"id": 789, "status": "assigned", "name": "Küche"}])
    answer = world.open().get_task("789")
    assert (answer.kind, answer.status) == (ApiOutcome.OK, 200)
    assert json.loads(answer.body or "") == {"id": 789, "status": "assigned", "name": "Küche"}
    assert answer.seconds >= 0
    assert answer.error == ""


def test_a_known_project_is_its_json_text(world):
    """The optional project look-up works as the task's does."""
    world.control.put_project(12345, "ABC123456", project_name="Home")
    body = world.open().get_project("12345").body
    assert json.loads(body or "") == {"project_id": 12345, "claim_number": "ABC123456", "project_name": "Home"}


def test_an_unknown_task_is_not_found(world):
    """A 404 is an answer of its own, not a failure to ask."""
    answer = world.open().get_task("1")
    assert (answer.kind, answer.status, answer.body) == (ApiOutcome.NOT_FOUND, 404, None)
    assert not answer.is_transient


def test_requests_carry_the_promised_headers(world):
    """User-Agent and Accept are the specification's, the bearer token is the one given."""
    world.control.put_tasks([{"id": 1}])
    world.open().get_task("1")
    line = world.control.requests()[-1]
    assert line["headers"] == {"user-agent": "ClaimXPipeline-iTel/1.0", "accept": "application/json"}
    assert line["authorized"] is True


def test_a_wrong_token_is_unauthorized(world):
    """401 has a kind of its own: it stops whoever asks."""
    assert world.open(token="old").get_task("1").kind is ApiOutcome.UNAUTHORIZED


@pytest.mark.parametrize(
    "id_", ["../admin", "%2e%2e%2f", "?x=", "#", "//host", "a\r\nb", "", ".", "a" * 65, "1 2", "ü"]
)
def test_an_id_that_is_none_is_never_sent(world, id_):
    """Ids outside the allow-list are refused before any request, in paths of every call."""
    client = world.open()
    before = len(world.control.requests())
    answers = [
        client.get_task(id_),
        client.get_project(id_),
        client.create_task(id_, "{}", KEY).answer,
        client.find_tasks(id_, KEY).answer,
    ]
    assert {answer.kind for answer in answers} == {ApiOutcome.REJECTED}
    assert not any(answer.is_call for answer in answers)
    assert len(world.control.requests()) == before


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ApiOutcome.REJECTED),
        (401, ApiOutcome.UNAUTHORIZED),
        (403, ApiOutcome.FORBIDDEN),
        (404, ApiOutcome.NOT_FOUND),
        (408, ApiOutcome.UNAVAILABLE),
        (409, ApiOutcome.REJECTED),
        (422, ApiOutcome.REJECTED),
        (425, ApiOutcome.UNAVAILABLE),
        (429, ApiOutcome.RATE_LIMITED),
        (500, ApiOutcome.UNAVAILABLE),
        (503, ApiOutcome.UNAVAILABLE),
    ],
)
def test_each_status_has_its_kind(world, status, kind):
    """A status becomes the same kind for a read and for a create."""
    world.control.fault("status", status=status, count=2)
    client = world.open()
    assert client.get_task("1").kind is kind
    assert client.create_task("1", task_body(), KEY).answer.kind is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-5", None), ("soon", None), ("99999999999999", 86_400.0), (None, None)],
)
def test_retry_after_is_read_from_429_and_503(world, header, seconds):
    """Seconds, missing, negative, huge and garbage all end in a number within a day, or in none."""
    client = world.open()
    for status in (429, 503):
        world.control.fault("status", status=status, retry_after=header, count=1)
        assert client.get_task("1").retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("hang", ApiOutcome.TIMEOUT),
        ("drip", ApiOutcome.TIMEOUT),
        ("reset", ApiOutcome.RESET),
        ("garbage", ApiOutcome.ODD_BODY),
        ("not_http", ApiOutcome.BAD_BODY),
        ("html", ApiOutcome.ODD_BODY),
        ("truncated_json", ApiOutcome.ODD_BODY),
        ("cut_short", ApiOutcome.BAD_BODY),
        ("redirect", ApiOutcome.BAD_BODY),
    ],
)
def test_a_broken_answer_is_a_value_and_the_client_goes_on(world, fault, kind):
    """Nothing raises, nothing follows a redirect or waits beyond the timeout, and the next call works."""
    world.control.put_tasks([{"id": 1, "status": "assigned"}])
    world.control.fault(fault, count=1, seconds=1.0)
    client = world.open(timeout_seconds=1.0)
    started = time.monotonic()
    answer = client.get_task("1")
    assert time.monotonic() - started < 15
    assert (answer.kind, answer.body) == (kind, None)
    assert answer.is_transient
    assert client.get_task("1").is_ok


def test_a_call_may_be_given_less_time(world):
    """The caller's own timeout holds where it is shorter than the setting's."""
    world.control.fault("hang", count=1)
    started = time.monotonic()
    assert world.open(timeout_seconds=30.0).get_task("1", timeout_seconds=0.2).kind is ApiOutcome.TIMEOUT
    assert time.monotonic() - started < 15


def test_an_answer_that_is_too_large_is_not_read(world):
    """The size of an answer is bounded; the connection is not used again, the client is."""
    world.control.put_tasks([{"id": 1, "text": "x" * 5000}, {"id": 2}])
    client = world.open(max_response_bytes=1000)
    assert client.get_task("1").kind is ApiOutcome.BAD_BODY
    assert client.get_task("2").is_ok


def test_errors_name_no_id_url_token_or_body(world):
    """What a failed call says is outcome, status, method and path template; the same for all ids."""
    world.control.fault("status", status=500, count=1)
    answer = world.open().get_task("4711")
    assert answer.error == "unavailable 500 GET /api/v1/tasks/{task_id}"
    assert TOKEN not in repr(answer)


def test_projects_are_found_by_claim_number(world):
    """One project is its id, none is an honest none, several are all of them."""
    world.control.put_project(1, "ABC-1")
    world.control.put_projects([{"project_id": n, "claim_number": "TWICE"} for n in (2, 3)])
    client = world.open()
    assert client.find_projects("ABC-1").project_ids == (1,)
    assert client.find_projects("TWICE").project_ids == (2, 3)
    nobody = client.find_projects("abc-1")
    assert (nobody.is_none, nobody.project_ids, nobody.answer.kind) == (True, (), ApiOutcome.NOT_FOUND)


@pytest.mark.parametrize("claim", ["A B", "a&b=c", "ümlaut", "/../x", "#", "%41", "日本", "'\"", "\u202eabc"])
def test_a_claim_number_is_one_encoded_parameter(world, claim):
    """Whatever a claim number holds, the server sees exactly it."""
    world.control.put_project(9, claim)
    assert world.open().find_projects(claim).project_ids == (9,)
    assert world.control.requests()[-1]["query"] == {"claim_number": claim}


def test_a_server_that_ignores_the_filter_finds_nothing_wrong(world):
    """Answers are matched by equality in each object, for projects and for tasks."""
    world.control.put_projects([{"project_id": n, "claim_number": f"C{n}"} for n in range(1, 6)])
    client = world.open()
    client.create_task("1", task_body("other"), "other")
    world.control.fault("ignore_filter")
    assert client.find_projects("C3").project_ids == (3,)
    assert client.find_projects("C9").is_none
    assert client.find_tasks("1", KEY).is_none


def test_pages_are_followed_to_the_end(world):
    """A match on the last page counts like one on the first."""
    world.control.put_projects([{"project_id": n, "claim_number": "SAME"} for n in range(1, 8)])
    world.control.switch(page_size=3)
    assert world.open().find_projects("SAME").project_ids == (1, 2, 3, 4, 5, 6, 7)


def test_a_page_that_fails_fails_the_search(world):
    """Half an answer is no answer: it must not pass for "none" or for "one"."""
    world.control.put_projects([{"project_id": n, "claim_number": "SAME"} for n in range(1, 8)])
    world.control.switch(page_size=3)
    world.control.fault("status", status=500, skip=1, count=1)
    search = world.open().find_projects("SAME")
    assert (search.answer.kind, search.project_ids, search.is_none) == (ApiOutcome.UNAVAILABLE, (), False)


@pytest.mark.parametrize("project_id", ["12a", "", 0, -1, 1.5, True, 2**63, [1]])
def test_a_project_without_a_usable_id_is_no_none(world, project_id):
    """An id that is no BIGINT spoils the search instead of hiding the project."""
    world.control.switch(always_list=True)
    world.control.put_projects([{"project_id": project_id, "claim_number": "C"}])
    search = world.open().find_projects("C")
    assert (search.answer.kind, search.is_none) == (ApiOutcome.BAD_BODY, False)


def test_a_task_is_created_once_with_its_key(world):
    """A 201 gives the new task's id; key and reference reach the server, which knows the task afterwards."""
    world.control.put_project(5, "C")
    client = world.open()
    created = client.create_task("5", task_body(), KEY)
    assert (created.answer.status, created.task_id) == (201, str(world.control.tasks()[-1]["id"]))
    line = world.control.requests()[-1]
    assert (line["headers"]["idempotency-key"], json.loads(line["body"])["external_reference"]) == (KEY, KEY)
    assert client.find_tasks("5", KEY).task_ids == (created.task_id,)


def test_a_create_for_an_unknown_project_is_not_found(world):
    """404 on a create is told apart from other refusals: the project is resolved anew."""
    created = world.open().create_task("404", task_body(), KEY)
    assert (created.answer.kind, created.task_id) == (ApiOutcome.NOT_FOUND, None)


@pytest.mark.parametrize(
    "fault", ["drop_after_commit", "hang_after_commit", "garbage", "html", "truncated_json", "cut_short"]
)
def test_a_create_without_a_clear_answer_is_in_doubt_and_sent_once(world, fault):
    """The task is there, the client can't know: in doubt, no second POST, and the reference finds it."""
    world.control.put_project(5, "C")
    client = world.open(timeout_seconds=1.0)
    before = len(world.control.requests())
    world.control.fault(fault, method="POST", count=1)
    created = client.create_task("5", task_body(), KEY)
    assert is_in_doubt(created.answer)
    assert created.task_id is None
    assert len(world.control.requests()) == before + 1
    assert client.find_tasks("5", KEY).task_ids == (str(world.control.tasks()[0]["id"]),)


def test_a_create_that_came_to_nothing_is_in_doubt_and_settled_as_none(world):
    """A 500 may have created the task: in doubt; the reference then finds none."""
    world.control.put_project(5, "C")
    world.control.fault("status", status=500, count=1)
    client = world.open()
    assert is_in_doubt(client.create_task("5", task_body(), KEY).answer)
    assert client.find_tasks("5", KEY).is_none


@pytest.mark.parametrize("client_class", REAL.values(), ids=REAL)
def test_a_refused_connection_is_not_sent(client_class):
    """Nobody listens: nothing was sent, which is not in doubt."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = client_class(ApiSettings(base_url=f"http://127.0.0.1:{port}", token=Secret(TOKEN)))
    answer = client.create_task("1", "{}", KEY).answer
    assert (answer.kind, answer.is_transient, is_in_doubt(answer)) == (ApiOutcome.NOT_SENT, True, False)


@pytest.mark.parametrize("client_class", REAL.values(), ids=REAL)
def test_an_unknown_host_is_not_sent(client_class):
    """A name that resolves to nothing: nothing was sent."""
    client = client_class(ApiSettings(base_url="http://no-such-host.invalid", token=Secret(TOKEN), timeout_seconds=5))
    assert client.get_task("1").kind is ApiOutcome.NOT_SENT


def test_the_way_to_open_a_client_travels(simulator):
    """What opens a client is pickled with its token, shows none, and equals its copy: a worker finds its client."""
    simulator.control.put_tasks([{"id": 1}])
    opener = OpenClaimX(settings=ApiSettings(base_url=simulator.base_url, token=Secret(TOKEN)))
    copy = pickle.loads(pickle.dumps(opener))  # noqa: S301 # our own
    assert copy == opener
    assert hash(copy) == hash(opener)
    assert TOKEN not in repr(copy)
    client = copy()
    assert client.get_task("1").is_ok
    client.close()
