"""A proxy is the one of the settings, or none."""

from __future__ import annotations

import http.server
import threading

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.api_settings import ApiSettings, api_settings
from claimx_lib.connectors.claimx_api import KeepAliveClaimX, OpenClaimX, RequestsClaimX
from claimx_lib.domain.secret import Secret
from tests.fakes.claimx import TOKEN


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
