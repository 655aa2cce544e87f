"""Connections to a name of several addresses, of which one may be silent."""

from __future__ import annotations

import socket
import time
from typing import Any

_MOST_SECONDS = 3.0  # a lost packet is sent again after one
_AVOIDED_SECONDS = 60.0

_silent: dict[Any, float] = {}
"""Addresses that did not answer lately, and until when they come last."""


def connected(host: str, port: int, *, until: float) -> socket.socket:
    """A connection to the first address that takes one before `until` (a point of `time.monotonic`), else an OSError.

    Each address but the last has a share of the time only, which leaves some to the others and to the call itself.
    """
    now = time.monotonic()
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found.sort(key=lambda info: _silent.get(info[4], now) > now)
    failure: OSError = TimeoutError()
    for others, (family, kind, protocol, _, address) in zip(reversed(range(len(found))), found, strict=True):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            sock = _opened(socket.socket(family, kind, protocol), address, _share(left, others))
        except OSError as error:
            failure = error
            if isinstance(error, TimeoutError):
                _silent[address] = time.monotonic() + _AVOIDED_SECONDS
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure


def _share(left: float, others: int) -> float:
    return min(_MOST_SECONDS, left / (others + 1)) if others else left


def _opened(sock: socket.socket, address: Any, seconds: float) -> socket.socket:
    try:
        sock.settimeout(seconds)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock
