"""A ClaimX with several addresses, one of which is silent."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from claimx_lib.connectors import http_connect
from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import KeepAliveClaimX, RequestsClaimX
from claimx_lib.domain.api import ApiOutcome
from claimx_lib.domain.secret import Secret
from tests.fakes.sockets import ANSWER, request_from, talking

SECONDS = 12.0
CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{"id": "77"}'


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that no connection comes through to: its queue is full, and further packets are dropped."""
    with ExitStack() as held:
        listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, silent: int) -> Iterator[str]:
    """A name that stands for the silent port first, for a server second."""

    def answer(sock: socket.socket) -> None:
        while request := request_from(sock):
            sock.sendall(CREATED if request.startswith(b"POST") else ANSWER)

    monkeypatch.setattr(http_connect, "_silent", {})
    with talking(answer) as port:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", at)) for at in (silent, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: list(found))
        yield "http://claimx.test"


@pytest.mark.parametrize("client_class", [RequestsClaimX, KeepAliveClaimX])
def test_a_silent_address_leaves_time_for_the_next(named, client_class):
    """The POST goes to the one that answers, and its answer is read; the next connection does not wait at all."""
    for longest in (SECONDS, 2.5):
        client = client_class(ApiSettings(base_url=named, token=Secret("t"), timeout_seconds=SECONDS))
        began = time.monotonic()
        created = client.create_task("1", "{}", "k")
        client.close()
        assert (created.answer.kind, created.task_id) == (ApiOutcome.OK, "77")
        assert time.monotonic() - began < longest


@pytest.mark.parametrize("client_class", [RequestsClaimX, KeepAliveClaimX])
def test_an_address_that_is_silent_alone_was_sent_nothing(silent, client_class):
    """In time, and not in doubt."""
    began = time.monotonic()
    client = client_class(ApiSettings(base_url=f"http://127.0.0.1:{silent}", token=Secret("t"), timeout_seconds=1.0))
    assert client.create_task("1", "{}", "k").answer.kind is ApiOutcome.NOT_SENT
    assert time.monotonic() - began < SECONDS
