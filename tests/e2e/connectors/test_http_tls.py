"""TLS: both transports verify, and nothing switches that off."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator

import pytest

from claimx_lib.config.load import load
from claimx_lib.connectors.api_settings import ApiSettings, api_settings
from claimx_lib.connectors.claimx_api import KeepAliveClaimX, RequestsClaimX
from claimx_lib.domain.api import ApiOutcome
from claimx_lib.domain.secret import Secret


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an object."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments: object) -> None:
        """Silent."""


class Server(http.server.ThreadingHTTPServer):
    """A server that expects its clients to hang up on it."""

    def handle_error(self, *_arguments: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def base_url(certificate) -> Iterator[str]:
    """An HTTPS server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("client_class", [RequestsClaimX, KeepAliveClaimX])
def test_an_unknown_certificate_is_refused_and_nothing_sent(base_url, client_class):
    """The token does not go to a server that can't prove its name."""
    answer = client_class(ApiSettings(base_url=base_url, token=Secret("t"), timeout_seconds=60)).get_task("1")
    assert answer.kind is ApiOutcome.NOT_SENT
    assert answer.error.endswith("certificate refused")


@pytest.mark.parametrize("client_class", [RequestsClaimX, KeepAliveClaimX])
def test_a_bundle_of_ones_own_is_trusted(base_url, certificate, client_class):
    """A company's own certificates are named by a setting; several calls share the connection."""
    sets = [f"claimx.base_url={base_url}", "claimx.timeout_seconds=60", f"claimx.ca_bundle={certificate[0]}"]
    client = client_class(api_settings(load(sets=sets).claimx, Secret("t")))
    assert [client.get_task(str(n)).kind for n in range(3)] == [ApiOutcome.OK] * 3
    client.close()


@pytest.mark.parametrize("client_class", [RequestsClaimX, KeepAliveClaimX])
def test_a_certificate_for_another_name_is_refused(base_url, certificate, client_class):
    """Trusted, but not for this host."""
    elsewhere = base_url.replace("localhost", "127.0.0.1")
    settings = ApiSettings(base_url=elsewhere, token=Secret("t"), timeout_seconds=60, ca_bundle=str(certificate[0]))
    assert client_class(settings).get_task("1").kind is ApiOutcome.NOT_SENT
