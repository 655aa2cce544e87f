"""HTTP/1.1 as far as a simulator needs it: requests with a length, answers with a length, connections kept alive."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

MOST_BODY_BYTES = 16_000_000

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_END_OF_HEAD = b"\r\n\r\n"


class BadRequest(ValueError):
    """What came is no request that the simulator reads."""


class Request(NamedTuple):
    """One request; header names in lower case, path and query decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        """The body's value; raises `BadRequest`."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadRequest("body is no JSON") from error


class Answer(NamedTuple):
    """What to send back; `headers` without length and type."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


def json_answer(status: int, value: object, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, json.dumps(value).encode(), headers)


def read_request(buffer: bytearray) -> Request | None:
    """The first whole request of the buffer, taken out of it; None while it is not whole. Raises `BadRequest`."""
    end = buffer.find(_END_OF_HEAD)
    if end < 0:
        return None
    lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    start = end + len(_END_OF_HEAD)
    length = _length(headers)
    if len(buffer) < start + length:
        return None
    body = bytes(buffer[start : start + length])
    del buffer[: start + length]
    method, _, rest = lines[0].partition(" ")
    target, _, version = rest.rpartition(" ")
    if not version.startswith("HTTP/1."):
        raise BadRequest("no HTTP/1 request line")
    path, _, query = target.partition("?")
    return Request(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, body)


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not text.isdigit() or int(text) > MOST_BODY_BYTES:
        raise BadRequest("a request needs a Content-Length within bounds")
    return int(text)


def rendered(answer: Answer) -> bytes:
    """The answer's bytes."""
    lines = [
        b"HTTP/1.1 %d %s" % (answer.status, _REASONS.get(answer.status, b"Unknown")),
        b"Content-Type: " + answer.content_type.encode(),
        b"Content-Length: %d" % len(answer.body),
    ]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in answer.headers]
    return b"\r\n".join(lines) + _END_OF_HEAD + answer.body
