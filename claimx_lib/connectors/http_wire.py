"""HTTP/1.1 on a socket, without the general case: one request out, one answer in, within a time and a size."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from typing import NamedTuple

_MOST_HEAD_BYTES = 65_536
_PIECE_BYTES = 65_536
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: [^\r\n]*)?")
_TARGET = re.compile(r"/[!-~]*", re.ASCII)
_HEADER = re.compile(r"[!-9;-~]+: [^\r\n\x00]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;|$)")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_LONGEST_SECONDS = 86_400.0
_AS_IT_IS = b"identity"
_WITHOUT_BODY = frozenset({204, 304})
_INTERIM = range(100, 200)


class NotHttp(ValueError):
    """What came is no HTTP/1.1 answer."""


class CutShort(EOFError):
    """The answer ended before its length."""


class TooLarge(ValueError):
    """The body is longer than allowed."""


class WireAnswer(NamedTuple):
    """A whole answer; header names in lower case; `is_reusable` when the connection may carry another request."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    is_reusable: bool


def rendered_headers(headers: Mapping[str, str]) -> bytes:
    """A request's headers, up to the empty line; ValueError for any that could start a line of its own."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if not all(_HEADER.fullmatch(line) for line in lines):
        raise ValueError("a header of a form that is not allowed")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def rendered_line(method: str, target: str) -> bytes:
    """A request's first line; ValueError for a target that could end it early."""
    if not _TARGET.fullmatch(target):
        raise ValueError("a target of a form that is not allowed")
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii")


def received(sock: socket.socket, seconds: float) -> bytes:
    """The next bytes, b"" at the end; TimeoutError when none come within `seconds`.

    On a plain socket the kernel keeps the time: Python's own timeout gives up the interpreter lock twice for each call,
    which 32 threads feel.
    """
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(seconds)
        return sock.recv(_PIECE_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))
    try:
        return sock.recv(_PIECE_BYTES)
    except BlockingIOError as error:
        raise TimeoutError from error


def send_all(sock: socket.socket, data: bytes, seconds: float) -> None:
    """All of it is with the operating system; TimeoutError when a piece is not taken within `seconds`.

    A plain socket is to be in blocking mode, as `received` needs it too.
    """
    if isinstance(sock, ssl.SSLSocket):
        sock.settimeout(seconds)
        sock.sendall(data)
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))
    try:
        sock.sendall(data)
    except BlockingIOError as error:
        raise TimeoutError from error


def _timeval(seconds: float) -> bytes:
    seconds = min(seconds, _LONGEST_SECONDS)
    whole = int(seconds)
    return struct.pack("ll", whole, max(int((seconds - whole) * 1_000_000), 0 if whole else 1))


class AnswerReader:
    """Reads one answer from `sock`, all of it before `until` (a point of `time.monotonic`).

    Raises TimeoutError, ConnectionResetError where nothing came at all, `CutShort`, `NotHttp`, `TooLarge`.
    """

    def __init__(self, sock: socket.socket, *, until: float, most_body_bytes: int) -> None:
        self._sock = sock
        self._until = until
        self._most_body_bytes = most_body_bytes
        self._buffer = bytearray()
        self._has_begun = False

    def answer(self) -> WireAnswer:
        """The answer; interim ones (1xx) are passed over."""
        while True:
            minor, status, headers = _head(self._up_to(b"\r\n\r\n"))
            if status not in _INTERIM:
                break
        body, has_end = self._body(status, headers)
        is_kept = minor == b"1" and headers.get(b"connection", b"").lower() != b"close"
        return WireAnswer(status, headers, body, has_end and is_kept and not self._buffer)

    def _body(self, status: int, headers: dict[bytes, bytes]) -> tuple[bytes, bool]:
        if status in _WITHOUT_BODY:
            return b"", True
        encoding = headers.get(b"transfer-encoding", _AS_IT_IS).lower()
        if encoding == b"chunked":
            return self._chunks(), True
        if encoding != _AS_IT_IS:
            raise NotHttp("unknown transfer encoding")
        if b"content-length" not in headers:
            return self._rest(), False
        length = _length(headers[b"content-length"])
        self._bound(length)
        return self._exactly(length), True

    def _chunks(self) -> bytes:
        whole = bytearray()
        while True:
            told = _CHUNK_SIZE.match(self._up_to(b"\r\n"))
            if told is None:
                raise NotHttp("no chunk size")
            size = int(told.group(1), 16)
            if size == 0:
                break
            self._bound(len(whole) + size)
            whole += self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise NotHttp("no end of chunk")
        while self._up_to(b"\r\n"):  # trailers, up to an empty line
            pass
        return bytes(whole)

    def _rest(self) -> bytes:
        self._bound(len(self._buffer))
        while self._more():
            self._bound(len(self._buffer))
        return self._taken(len(self._buffer))

    def _up_to(self, mark: bytes) -> bytes:
        """What stands before the mark, which is taken too."""
        looked = 0
        while (at := self._buffer.find(mark, looked)) < 0:
            looked = max(0, len(self._buffer) - len(mark) + 1)
            if looked > _MOST_HEAD_BYTES:
                raise NotHttp("a head without end")
            self._need()
        found = self._taken(at)
        del self._buffer[: len(mark)]
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._need()
        return self._taken(count)

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _need(self) -> None:
        if not self._more():
            raise CutShort if self._has_begun else ConnectionResetError

    def _more(self) -> bool:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        piece = received(self._sock, left)
        self._buffer += piece
        self._has_begun = self._has_begun or bool(piece)
        return bool(piece)

    def _bound(self, size: int) -> None:
        if size > self._most_body_bytes:
            raise TooLarge


def _length(told: bytes) -> int:
    """The length in bytes; told several times (`5, 5`, where a proxy joins headers) it has to be one and the same."""
    lengths = {one.strip() for one in told.split(b",")}
    if len(lengths) != 1 or not _LENGTH.fullmatch(length := lengths.pop()):
        raise NotHttp("no length")
    return int(length)


def _head(head: bytes) -> tuple[bytes, int, dict[bytes, bytes]]:
    """Minor version, status and headers; of several headers of one name the first counts, but lengths have to agree."""
    first, *lines = head.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise NotHttp("no status line")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name[:1] in b" \t":
            raise NotHttp("no header")
        kept = headers.setdefault(name.lower(), value.strip())
        if kept != value.strip() and name.lower() == b"content-length":
            raise NotHttp("several lengths")
    return found.group(1), int(found.group(2)), headers
