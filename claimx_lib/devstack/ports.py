"""Free TCP ports on the loopback interface."""

from __future__ import annotations

import random
import socket

from claimx_lib.errors import DevStackError

LOOPBACK = "127.0.0.1"
_BELOW_EPHEMERAL = range(15_000, 32_000)
_TRIES = 200


def free_port(*, source: random.Random | None = None) -> int:
    """A port that nobody listens on now, below those that the system gives to outgoing connections.

    One of the latter could be taken by a client while its server is down; a client could even connect to itself.
    Raises DevStackError when none is found.
    """
    source = source or random.SystemRandom()
    for _ in range(_TRIES):
        port = source.choice(_BELOW_EPHEMERAL)
        if is_free(port):
            return port
    raise DevStackError("no free port on the loopback interface", cure="end what holds them, see: ss -ltn")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(port: int) -> None:
    """Return only where a server could listen on this port now; DevStackError says how to find who does."""
    if not is_free(port):
        raise DevStackError(f"port {port} is taken", cure=f"end what listens there: ss -ltnp | grep {port}")


def accepts(port: int, *, timeout_seconds: float = 0.5) -> bool:
    """Whether somebody takes connections on this port now."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_seconds).close()
    except OSError:
        return False
    return True
