"""Every request as one line of JSON, on disk before its answer leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from claimx_lib.devstack.simulator.wire import Request

_KEPT_HEADERS = ("idempotency-key", "user-agent", "accept")


class RequestLog:
    """Appends and flushes a line for each request; without a file it only counts.

    A line has seq, at (seconds since 1970, arrival), method, path, query, headers, body, authorized, fault, status
    (None: no answer), created_task_id, in_flight. No token is ever written.
    """

    def __init__(self, file: Path | None) -> None:
        self._path = file
        self._file = file.open("ab") if file else None
        self.served = 0
        self.in_flight = 0
        self.max_in_flight = 0

    def arrived(self) -> None:
        """A request is here; counts until `left`."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def left(self) -> None:
        """Its answer is out, or never will be."""
        self.in_flight -= 1

    def write(self, request: Request, at: float, facts: dict[str, Any]) -> None:
        """The line is with the operating system when this returns."""
        self.served += 1
        if self._file is not None:
            self._file.write(self._line(request, at, facts))
            self._file.flush()

    def _line(self, request: Request, at: float, facts: dict[str, Any]) -> bytes:
        line = {
            "seq": self.served,
            "at": at,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers},
            "body": request.body.decode("utf-8", "replace"),
            "in_flight": self.in_flight,
            **facts,
        }
        return json.dumps(line).encode() + b"\n"

    def content(self) -> bytes:
        """All lines so far."""
        return self._path.read_bytes() if self._path else b""
