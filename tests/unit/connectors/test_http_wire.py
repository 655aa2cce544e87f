"""HTTP/1.1 on a socket: the standard library's client is the oracle."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import math
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimx_lib.connectors.http_wire import (
    AnswerReader,
    CutShort,
    NotHttp,
    TooLarge,
    WireAnswer,
    received,
    rendered_headers,
    rendered_line,
    send_all,
)

MOST = 1_000
BODY = b'{"id": 1, "name": "K\xc3\xbcche"}'


class Pieces:
    """A socket that hands out what it was given, piece by piece, and then ends."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])

    def setsockopt(self, _level: int, _option: int, value: bytes) -> None:
        assert any(value), "no time at all means for ever"

    def recv(self, _size: int) -> bytes:
        return next(self._pieces, b"")


class Whole:
    """The same for `http.client`."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def read(*pieces: bytes, most: int = MOST, until: float = math.inf) -> WireAnswer:
    """What the reader makes of these pieces."""
    return AnswerReader(Pieces(list(pieces)), until=until, most_body_bytes=most).answer()


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The data in pieces."""
    marks = sorted({min(mark, len(data)) for mark in at} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


CHUNKED = b"5;x=y\r\n" + BODY[:5] + b"\r\n%X\r\n" % len(BODY[5:]) + BODY[5:] + b"\r\n0\r\nX-Trailer: t\r\n\r\n"
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nRetry-After: 7\r\n\r\n%s" % (len(BODY), BODY),
    "identity": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "until the end": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "close": b"HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length:%d\r\n\r\n%s" % (len(BODY), BODY),
    "no reason": b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("data", ANSWERS.values(), ids=ANSWERS)
@given(at=st.lists(st.integers(0, 200)))
def test_every_answer_reads_as_the_standard_library_reads_it(data, at):
    """Status, headers and body are the same however the bytes arrive."""
    ours = read(*cut(data, at))
    oracle = http.client.HTTPResponse(Whole(data))
    oracle.begin()
    assert (ours.status, ours.body) == (oracle.status, oracle.read())
    assert {name: value.decode() for name, value in ours.headers.items()} == {
        name.lower().encode(): value for name, value in oracle.headers.items()
    }
    assert ours.is_reusable == (not oracle.will_close)


@pytest.mark.parametrize("told", [b"Content-Length: 2, 2", b"Content-Length: 2\r\nContent-Length: 2"])
def test_a_length_may_be_told_twice(told):
    """As the requests transport has it: a proxy that repeats an equal length spoils no answer, and no connection."""
    answer = read(b"HTTP/1.1 200 OK\r\n" + told + b"\r\n\r\n{}")
    assert (answer.body, answer.is_reusable) == (b"{}", True)


@given(st.binary(max_size=300) | st.builds(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail, st.binary(max_size=300)))
def test_any_bytes_end_in_an_answer_or_a_known_failure(data):
    """Garbage raises what the transport expects, and nothing else."""
    with contextlib.suppress(ConnectionResetError, CutShort, NotHttp, TooLarge):
        assert 200 <= read(data).status <= 999


@pytest.mark.parametrize("name", ["length", "chunked"])
def test_an_answer_that_ends_early_is_cut_short(name):
    """Wherever it ends, half an answer is never taken for a whole one."""
    data = ANSWERS[name]
    for end in range(1, len(data)):
        with pytest.raises(CutShort):
            read(data[:end])


def test_a_connection_that_says_nothing_was_reset():
    """No byte at all is another failure than too few of them."""
    with pytest.raises(ConnectionResetError):
        read()


@pytest.mark.parametrize("name", ["length", "chunked", "until the end"])
def test_a_body_beyond_the_bound_is_refused(name):
    """However its length is told."""
    with pytest.raises(TooLarge):
        read(ANSWERS[name], most=10)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1,\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
        b"a" * 100_000,
    ],
)
def test_what_is_not_http_says_so(head):
    """Nothing is guessed."""
    with pytest.raises(NotHttp):
        read(head)


def test_a_spent_time_reads_nothing():
    """The deadline holds before each piece."""
    with pytest.raises(TimeoutError):
        read(ANSWERS["length"], until=0.0)


@pytest.mark.parametrize("seconds", [1e-9, 0.05])
def test_the_operating_system_keeps_the_time(seconds):
    """However short it is, a wait for bytes or for room ends."""
    here, there = socket.socketpair()
    with here, there, pytest.raises(TimeoutError):
        received(here, seconds)
    here, there = socket.socketpair()
    with here, there, pytest.raises(TimeoutError):
        send_all(here, b"x" * 50_000_000, seconds)


def test_an_answer_followed_by_more_is_not_reused():
    """What nobody asked for must not become the next answer."""
    assert read(ANSWERS["length"] + b"HTTP/1.1 200").is_reusable is False


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/ü", "http://evil/", "", "/a\x00"])
def test_a_target_that_could_break_out_is_refused(target):
    """No request is made of it."""
    with pytest.raises(ValueError, match="not allowed"):
        rendered_line("GET", target)


@pytest.mark.parametrize(
    ("name", "value"), [("A", "1\r\nB: 2"), ("A\r\nB", "1"), ("A B", "1"), ("A", "\x00"), ("", "1")]
)
def test_a_header_that_could_break_out_is_refused(name, value):
    """Nor of such a header."""
    with pytest.raises(ValueError, match="not allowed"):
        rendered_headers({name: value})
