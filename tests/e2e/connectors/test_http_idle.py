"""Connections that a firewall forgot while nobody used them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from claimx_lib.connectors import http_keepalive, http_requests
from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import ClaimXClient, KeepAliveClaimX, RequestsClaimX
from claimx_lib.domain.api import ApiOutcome
from claimx_lib.domain.secret import Secret
from tests.fakes.sockets import ANSWER, Talk, request_from, talking

Open = Callable[[Talk], ClaimXClient]
IDLE = 4


@pytest.fixture(params=[RequestsClaimX, KeepAliveClaimX])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a client of such a server."""
    ends: list[Callable[[], object]] = []

    def opening(talk: Talk) -> ClaimXClient:
        server = talking(talk)
        url = f"http://127.0.0.1:{server.__enter__()}"
        client: ClaimXClient = request.param(ApiSettings(base_url=url, token=Secret("t"), timeout_seconds=5))
        ends.extend([client.close, lambda: server.__exit__(None, None, None)])
        return client

    yield opening
    for end in ends:
        end()


def test_a_connection_that_was_idle_for_long_is_not_used_again(opened, monkeypatch):
    """The next call opens a new one, where a firewall would have dropped or refused the old one's next packet."""
    asked: list[int] = []

    def answer(sock: socket.socket) -> None:
        while request_from(sock):
            asked.append(sock.getpeername()[1])
            sock.sendall(ANSWER)

    client = opened(answer)
    assert [client.get_task(n).is_ok for n in "12"] == [True, True]
    for module in (http_keepalive, http_requests):
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
    assert client.get_task("3").is_ok
    assert (len(asked), len(set(asked))) == (3, 2)


def test_one_forgotten_connection_speaks_for_all(opened):
    """A burst leaves many idle; the first that is refused empties the pool, and the next try is answered."""
    together = threading.Barrier(IDLE)

    def forget(sock: socket.socket) -> None:
        request_from(sock)
        if not together.broken:
            together.wait(10)
        sock.sendall(ANSWER)
        if request_from(sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its end is a reset

    client = opened(forget)
    with ThreadPoolExecutor(IDLE) as pool:
        assert all(answer.is_ok for answer in pool.map(client.get_task, "1234"))
    together.abort()
    assert [client.get_task("5").kind, client.get_task("6").kind] == [ApiOutcome.RESET, ApiOutcome.OK]
