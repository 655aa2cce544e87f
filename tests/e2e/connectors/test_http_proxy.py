"""A proxy is the one of the settings, or none."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from pathlib import Path

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.api_settings import ApiSettings, api_settings
from claimx_lib.connectors.claimx_api import KeepAliveClaimX, OpenClaimX, RequestsClaimX
from claimx_lib.domain.api import ApiOutcome, is_in_doubt
from claimx_lib.domain.secret import Secret
from tests.fakes.claimx import TOKEN
from tests.fakes.sockets import ANSWER, request_from, talking


@pytest.fixture
def proxy():
    """A proxy that answers by itself; it remembers what it was asked for."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        asked: list[str] = []  # noqa: RUF012 # one class for each test

        def do_GET(self) -> None:
            self.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Proxy.asked
    server.shutdown()
    server.server_close()


def test_a_proxy_of_the_settings_is_used(proxy):
    """Partitions behind a proxy have the client that knows one."""
    url, asked = proxy
    sets = ["claimx.base_url=http://claimx.invalid", "claimx.allow_plaintext=true", f"claimx.proxy_url={url}"]
    client = OpenClaimX(settings=api_settings(load(sets=sets).claimx, Secret("t")))()
    assert client.get_task("5").is_ok
    assert asked == ["http://claimx.invalid/api/v1/tasks/5"]
    client.close()


@pytest.mark.parametrize("client_class", [RequestsClaimX, KeepAliveClaimX])
def test_the_environment_sends_nobody_through_a_proxy(proxy, simulator, client_class, monkeypatch):
    """HTTP_PROXY of whoever starts the job does not see the token."""
    url, asked = proxy
    monkeypatch.setenv("HTTP_PROXY", url)
    monkeypatch.setenv("http_proxy", url)
    simulator.control.put_tasks([{"id": 5}])
    client = client_class(ApiSettings(base_url=simulator.base_url, token=Secret(TOKEN)))
    assert client.get_task("5").is_ok
    assert asked == []
    client.close()


class Dropping:
    """A proxy, and ClaimX behind it in one: it answers a GET, and hangs up once it has read a POST."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        self.posts = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*certificate)

    def __call__(self, sock: socket.socket) -> None:
        while request := request_from(sock):
            if request.startswith(b"POST"):
                self.posts += 1
                return
            if request.startswith(b"CONNECT"):
                sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                sock = self._tls.wrap_socket(sock, server_side=True)
            else:
                sock.sendall(ANSWER)


@pytest.mark.parametrize("is_reused", [False, True])
@pytest.mark.parametrize("base_url", ["http://localhost:1", "https://localhost:1"])
def test_a_post_that_a_proxy_passed_on_is_in_doubt(certificate, base_url, is_reused):
    """ClaimX read it and hung up: the task may be there, with a proxy on the way as without one."""
    proxy = Dropping(certificate)
    with talking(proxy) as port:
        client = proxied(base_url, port, ca_bundle=str(certificate[0]))
        assert not is_reused or client.get_task("1").is_ok
        answer = client.create_task("1", "{}", "k").answer
        client.close()
    assert (answer.kind, is_in_doubt(answer), proxy.posts) == (ApiOutcome.RESET, True, 1)


@pytest.mark.parametrize("base_url", ["http://localhost:1", "https://localhost:1"])
def test_a_proxy_that_is_not_there_sent_nothing(base_url, free_port):
    """Nobody had the POST: it may go out again at once."""
    assert proxied(base_url, free_port).create_task("1", "{}", "k").answer.kind is ApiOutcome.NOT_SENT


def test_a_proxy_that_opens_no_tunnel_sent_nothing():
    """It answered the CONNECT with a refusal; the POST never left."""

    def refuse(sock: socket.socket) -> None:
        request_from(sock)
        sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with talking(refuse) as port:
        assert proxied("https://localhost:1", port).create_task("1", "{}", "k").answer.kind is ApiOutcome.NOT_SENT


def proxied(base_url: str, port: int, **settings: str) -> RequestsClaimX:
    """A client behind the proxy at that port."""
    return RequestsClaimX(
        ApiSettings(base_url=base_url, token=Secret("t"), proxy_url=f"http://127.0.0.1:{port}", **settings)
    )
