"""The simulator's connections: one protocol for each, requests answered in order."""

from __future__ import annotations

import asyncio
import hmac
import socket
import struct
import time
from typing import Any, cast

from claimx_lib.devstack.simulator.admin import PREFIX, Admin
from claimx_lib.devstack.simulator.answers import Ending, Manner, manner_of
from claimx_lib.devstack.simulator.faults import Fault, FaultKind, FaultScript
from claimx_lib.devstack.simulator.request_log import RequestLog
from claimx_lib.devstack.simulator.routes import Result, result_of
from claimx_lib.devstack.simulator.state import State
from claimx_lib.devstack.simulator.wire import Answer, BadRequest, Request, json_answer, read_request, rendered

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NOTHING_DONE = {FaultKind.STATUS, FaultKind.HANG, FaultKind.RESET, FaultKind.REDIRECT}


class Simulator:
    """ClaimX as seen from a connection: state, faults and log in one."""

    def __init__(self, token: str, log: RequestLog) -> None:
        self.state = State()
        self.script = FaultScript()
        self.log = log
        self._admin = Admin(self.state, self.script, log)
        self._authorization = f"Bearer {token}".encode()

    def admin_answer(self, request: Request) -> Answer:
        """The answer to an admin request; these are neither logged nor hit by faults."""
        try:
            return self._admin.answer(request)
        except BadRequest as error:
            return json_answer(400, {"error": str(error)})

    def act(self, request: Request, fault: Fault | None, at: float) -> Manner:
        """Does what is asked, writes the log line, and says how to answer."""
        given = request.headers.get("authorization", "").encode("latin-1", "replace")
        is_authorized = hmac.compare_digest(given, self._authorization)
        result = self._result(request, fault, is_authorized=is_authorized)
        manner = manner_of(fault, result.answer)
        facts: dict[str, Any] = {
            "authorized": is_authorized,
            "fault": fault.kind if fault else None,
            "status": manner.status,
            "created_task_id": result.created_task_id,
        }
        self.log.write(request, at, facts)
        return manner

    def _result(self, request: Request, fault: Fault | None, *, is_authorized: bool) -> Result:
        if not is_authorized:
            return Result(json_answer(401, {"error": "unauthorized"}))
        if fault and fault.kind in _NOTHING_DONE:
            return Result(json_answer(503, {"error": "not done"}))
        try:
            return result_of(
                request, self.state, ignores_filter=fault is not None and fault.kind is FaultKind.IGNORE_FILTER
            )
        except ValueError as error:  # BadRequest included
            return Result(json_answer(400, {"error": str(error)}))


class Connection(asyncio.Protocol):
    """One client's connection; while an answer is due, what follows waits in the buffer."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._buffer = bytearray()
        self._is_busy = False
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_busy:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio calls it so
        if self._is_busy:
            self._is_busy = False
            self._simulator.log.left()

    def _next(self) -> None:
        try:
            request = read_request(self._buffer)
        except BadRequest as error:
            self._transport.write(rendered(json_answer(400, {"error": str(error)})))
            self._transport.close()
            return
        if request is None:
            return
        if request.path.startswith(PREFIX):
            self._transport.write(rendered(self._simulator.admin_answer(request)))
            self._next()
            return
        self._begin(request)

    def _begin(self, request: Request) -> None:
        self._is_busy = True
        self._simulator.log.arrived()
        at = time.time()
        latency, fault = self._simulator.script.befalling(request.method, request.path)
        latency += self._simulator.state.switches.latency_seconds
        if fault and fault.kind is FaultKind.LATE_COMMIT:
            self._loop.call_later(fault.seconds, lambda: self._act(request, fault, at, latency))
        else:
            self._act(request, fault, at, latency)

    def _act(self, request: Request, fault: Fault | None, at: float, latency: float) -> None:
        manner = self._simulator.act(request, fault, at)
        if latency:
            self._loop.call_later(latency, self._answer, manner)
        else:
            self._answer(manner)

    def _answer(self, manner: Manner) -> None:
        if not self._is_busy or manner.ending is Ending.SILENCE:
            return  # the client has gone, or is to wait for ever
        if manner.seconds_between_bytes:
            self._drip(manner.payload, manner.seconds_between_bytes)
            return
        self._transport.write(manner.payload)
        self._finish(manner.ending)

    def _drip(self, left: bytes, seconds: float) -> None:
        if not self._is_busy:
            return
        if not left:
            self._finish(Ending.KEEP)
            return
        self._transport.write(left[:1])
        self._loop.call_later(seconds, self._drip, left[1:], seconds)

    def _finish(self, ending: Ending) -> None:
        self._is_busy = False
        self._simulator.log.left()
        if ending is Ending.KEEP:
            self._next()
        elif ending is Ending.CLOSE:
            self._transport.close()
        else:
            self._reset()

    def _reset(self) -> None:
        sock = cast("socket.socket | None", self._transport.get_extra_info("socket"))
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
