"""The leanest transport: kept-alive sockets and no more HTTP than ClaimX needs.

A sixth of the processor time of requests for each call, which is what an executor with 32 calls in flight has to
spare. Behaves as the requests transport does; one suite holds both to it.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import certifi

from claimx_lib.connectors.http import CUT_SHORT, IDLE_SECONDS, TOO_LARGE, Exchange, unpacked
from claimx_lib.connectors.http_connect import connected
from claimx_lib.connectors.http_wire import (
    AnswerReader,
    CutShort,
    TooLarge,
    WireAnswer,
    rendered_headers,
    rendered_line,
    send_all,
)
from claimx_lib.domain.api import ApiOutcome

_PORTS = {"http": 80, "https": 443}


class KeepAliveTransport:
    """See `Transport`. Thread-safe: a connection belongs to one call at a time; as many as calls are in flight."""

    def __init__(self, base_url: str, *, max_response_bytes: int, ca_bundle: str | None = None) -> None:
        parts = urlsplit(base_url)
        self._address = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
        self._own_headers = {"Host": parts.netloc, "Accept-Encoding": "identity"}
        self._rendered: tuple[Mapping[str, str] | None, bytes] = (None, b"")  # the same headers go with every read
        self._tls = _tls_context(ca_bundle) if parts.scheme == "https" else None
        self._max_response_bytes = max_response_bytes
        self._idle: deque[tuple[socket.socket, float]] = deque()  # with the time of the last answer

    def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> Exchange:
        """The exchange; the connection is kept only when its answer was read whole."""
        until = time.monotonic() + timeout_seconds
        try:
            request = self._request(method, target, headers, body)
        except ValueError:
            return Exchange(failure=ApiOutcome.BAD_BODY, detail="request of a form that is not allowed")
        try:
            idle = self._live_connection()
            sock = idle or self._connected(until)
        except (OSError, ValueError) as error:
            return Exchange(failure=ApiOutcome.NOT_SENT, detail=_connect_detail(error))
        exchange, is_reusable = self._exchange(sock, request, until)
        if is_reusable:
            self._idle.append((sock, time.monotonic()))
            return exchange
        sock.close()
        if idle is not None and exchange.failure is not None:
            self.close()  # what ended this one may have ended all: the next try is not to meet another
        return exchange

    def close(self) -> None:
        """Ends the idle connections."""
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                self._idle.pop()[0].close()

    def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        if body is not None:
            own = rendered_headers({**self._own_headers, "Content-Length": str(len(body)), **headers})
            return rendered_line(method, target) + own + body
        known, rendered = self._rendered
        if known is not headers:
            rendered = rendered_headers({**self._own_headers, **headers})
            self._rendered = (headers, rendered)
        return rendered_line(method, target) + rendered

    def _exchange(self, sock: socket.socket, request: bytes, until: float) -> tuple[Exchange, bool]:
        """The exchange, and whether the connection may carry another one."""
        try:
            send_all(sock, request, max(until - time.monotonic(), 0.001))
            answer = AnswerReader(sock, until=until, most_body_bytes=self._max_response_bytes).answer()
        except (OSError, ValueError, EOFError) as error:
            return _failed(error), False
        return _answered(answer, self._max_response_bytes), answer.is_reusable

    def _live_connection(self) -> socket.socket | None:
        """One that waits idle, not for long, and that the server has not closed meanwhile."""
        while self._idle:
            try:
                sock, since = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if time.monotonic() - since < IDLE_SECONDS and not _has_something_to_read(sock):
                return sock
            sock.close()
        return None

    def _connected(self, until: float) -> socket.socket:
        sock = connected(*self._address, until=until)
        if self._tls is None:
            sock.settimeout(None)  # the operating system keeps the time from here on
            return sock
        try:
            sock.settimeout(max(until - time.monotonic(), 0.001))
            return self._tls.wrap_socket(sock, server_hostname=self._address[0])
        except BaseException:
            sock.close()
            raise


def _tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """The certificates that requests trusts, so that both transports trust the same ones."""
    context = ssl.create_default_context(cafile=ca_bundle or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _has_something_to_read(sock: socket.socket) -> bool:
    """An idle connection has not: what can be read is its end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _answered(answer: WireAnswer, most_bytes: int) -> Exchange:
    exchange = Exchange(
        status=answer.status,
        body=answer.body,
        retry_after=_text(answer.headers.get(b"retry-after")),
        link=_text(answer.headers.get(b"link")),
    )
    return unpacked(exchange, _text(answer.headers.get(b"content-encoding")), most_bytes=most_bytes)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _failed(error: Exception) -> Exchange:
    if isinstance(error, TimeoutError):
        return Exchange(failure=ApiOutcome.TIMEOUT)
    if isinstance(error, CutShort):
        return CUT_SHORT
    if isinstance(error, TooLarge):
        return TOO_LARGE
    if isinstance(error, OSError):
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
