"""A server of bare sockets, for what no server of HTTP would do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], None]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def talking(talk: Talk) -> Iterator[int]:
    """The port of a server on 127.0.0.1 that leaves each connection to `talk`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=_held, args=(talk, listener.accept()[0]), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _held(talk: Talk, sock: socket.socket) -> None:
    with suppress(OSError), sock:
        talk(sock)


def request_from(sock: socket.socket) -> bytes:
    """One request, head and body; b"" at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := sock.recv(65_536)):
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    named = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(named[0] if named else 0):
        body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body
