"""One HTTP exchange as a value: what every transport of this product promises."""

from __future__ import annotations

import io
import socket
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any, Protocol, cast

from claimx_lib.domain.api import ApiOutcome

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An answer (`status` is there) or a failure (`failure` is there); `detail` is a constant, safe to log."""

    status: int | None = None
    body: bytes = b""
    retry_after: str | None = None
    link: str | None = None
    failure: ApiOutcome | None = None
    detail: str = ""


class Transport(Protocol):
    """Sends a request once and never raises: no redirect followed, no retry, no more than the allowed bytes read,
    no longer than the allowed time in all, a server that drips its answer byte by byte included.
    """

    def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> Exchange:
        """The exchange for `target`, a path with its query below the transport's origin."""
        ...

    def close(self) -> None:
        """Ends the idle connections."""
        ...


TOO_LARGE = Exchange(failure=ApiOutcome.BAD_BODY, detail="too large")
CUT_SHORT = Exchange(failure=ApiOutcome.BAD_BODY, detail="cut short")

IDLE_SECONDS = 30.0
"""No connection that was idle for longer is used again: a firewall on the way forgets it, and tells nobody."""

_GZIP_OR_ZLIB, _RAW = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
_GZIP_MAGIC, _MOST_MEMBERS = b"\x1f\x8b", 100
_SUCCESS = range(200, 300)


def unpacked(exchange: Exchange, encoding: str | None, *, most_bytes: int) -> Exchange:
    """The exchange with its body as it was before a server compressed it that nobody had asked to; never raises.

    A success in an encoding other than gzip and deflate, or that is not what it says, is `BAD_BODY`.
    """
    named = (encoding or "identity").strip().lower()
    if named == "identity" or not exchange.body or exchange.status not in _SUCCESS:
        return exchange
    if named not in {"gzip", "x-gzip", "deflate"}:
        return Exchange(failure=ApiOutcome.BAD_BODY, detail="unknown content encoding")
    for bits in (_GZIP_OR_ZLIB, _RAW) if named == "deflate" else (_GZIP_OR_ZLIB,):
        with suppress(zlib.error):
            return _inflated(exchange, bits, most_bytes)
    return Exchange(failure=ApiOutcome.BAD_BODY, detail="not in its content encoding")


def _inflated(exchange: Exchange, bits: int, most_bytes: int) -> Exchange:
    """A gzip body may have several members (RFC 1952, 2.2), a deflate one no zlib around it (RFC 9110, 8.4.1.2)."""
    body, rest = b"", exchange.body
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(bits)
        body += unpacker.decompress(rest, most_bytes + 1 - len(body))
        if len(body) > most_bytes:
            return TOO_LARGE
        if not unpacker.eof:
            return CUT_SHORT
        rest = unpacker.unused_data
        if not rest.startswith(_GZIP_MAGIC):
            return replace(exchange, body=body)
    return TOO_LARGE


class _WithinDeadline(io.RawIOBase):
    """A socket's bytes, all of them within `seconds`: a timeout for each read alone lets a server drip for ever."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """As much of a socket as `HTTPResponse` asks for."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_WithinDeadline(self._sock, self._seconds))


class WholeAnswerTimeout(HTTPConnection):
    """Mixed into a connection: its `timeout` bounds the whole answer, from status line to last byte."""

    def response_class(self, sock: socket.socket, **options: Any) -> HTTPResponse:  # type: ignore[override]
        """The response, read through a socket that knows the time."""
        seconds = cast("float", self.timeout)
        return HTTPResponse(_DeadlineSocket(sock, seconds), **options)  # type: ignore[arg-type]
