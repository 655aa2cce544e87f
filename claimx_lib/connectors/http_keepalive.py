"""The leanest transport of the standard library: kept-alive connections of `http.client`.

About a tenth of the processor time of requests for each call, which is what an executor with 32 calls in flight
has to spare. Behaves as the requests transport does; one suite holds both to it.
"""

from __future__ import annotations

import os
import select
import ssl
import time
from collections import deque
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from urllib.parse import urlsplit

import certifi

from claimx_lib.connectors.http import CUT_SHORT, TOO_LARGE, Exchange, WholeAnswerTimeout
from claimx_lib.domain.api import ApiOutcome


class _Plain(WholeAnswerTimeout):
    """A connection over TCP."""


class _Tls(WholeAnswerTimeout, HTTPSConnection):
    """A connection over TLS, verified."""


class KeepAliveTransport:
    """See `Transport`. Thread-safe: a connection belongs to one call at a time; as many as calls are in flight."""

    def __init__(self, base_url: str, *, max_response_bytes: int, ca_bundle: str | None = None) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "", parts.port
        self._tls = _tls_context(ca_bundle) if parts.scheme == "https" else None
        self._max_response_bytes = max_response_bytes
        self._idle: deque[HTTPConnection] = deque()

    def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> Exchange:
        """The exchange; the connection is kept only when its answer was read whole."""
        until = time.monotonic() + timeout_seconds
        connection = self._connection(timeout_seconds)
        try:
            if connection.sock is None:
                connection.connect()
        except (OSError, ValueError) as error:
            connection.close()
            return Exchange(failure=ApiOutcome.NOT_SENT, detail=_connect_detail(error))
        try:
            exchange, is_reusable = self._exchange(connection, method, target, dict(headers), body, until)
        except (OSError, HTTPException, ValueError) as error:
            exchange, is_reusable = _failed(error), False
        self._give_back(connection, is_reusable=is_reusable)
        return exchange

    def close(self) -> None:
        """Ends the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        until: float,
    ) -> tuple[Exchange, bool]:
        connection.timeout = max(until - time.monotonic(), 0.001)
        connection.sock.settimeout(connection.timeout)
        connection.request(method, target, body, headers)
        with connection.getresponse() as response:
            content = response.read(self._max_response_bytes + 1)
            if len(content) > self._max_response_bytes:
                return TOO_LARGE, False
            if response.length:
                return CUT_SHORT, False
            return _answered(response, content), not response.will_close

    def _connection(self, timeout_seconds: float) -> HTTPConnection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if _is_alive(connection):
                return connection
            connection.close()
        if self._tls is None:
            return _Plain(self._host, self._port, timeout=timeout_seconds)
        return _Tls(self._host, self._port, timeout=timeout_seconds, context=self._tls)

    def _give_back(self, connection: HTTPConnection, *, is_reusable: bool) -> None:
        if is_reusable and connection.sock is not None:
            self._idle.append(connection)
        else:
            connection.close()


def _tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """The certificates that requests trusts, so that both transports trust the same ones."""
    context = ssl.create_default_context(cafile=ca_bundle or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_alive(connection: HTTPConnection) -> bool:
    """False when the server has closed it meanwhile: an idle connection has nothing to read."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _answered(response: HTTPResponse, content: bytes) -> Exchange:
    return Exchange(
        status=response.status,
        body=content,
        retry_after=response.getheader("Retry-After"),
        link=response.getheader("Link"),
    )


def _failed(error: Exception) -> Exchange:
    if isinstance(error, TimeoutError):
        return Exchange(failure=ApiOutcome.TIMEOUT)
    if isinstance(error, IncompleteRead):
        return CUT_SHORT
    if isinstance(error, OSError):  # RemoteDisconnected included
        return Exchange(failure=ApiOutcome.RESET)
    return Exchange(failure=ApiOutcome.BAD_BODY, detail="not HTTP")


def _connect_detail(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate refused"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower() if error.errno > 0 else "name not resolved"
    return "no connection"
