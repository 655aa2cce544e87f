"""ClaimX without a network: the simulator's rules behind a transport that stays in this process.

The client above it is the real one, the rules below it are the simulator's: nothing is left that could drift but the
few lines that turn a manner of answering into an exchange, and the behaviour suite holds those to the real transports.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import ClaimXClient
from claimx_lib.connectors.http import CUT_SHORT, TOO_LARGE, Exchange
from claimx_lib.devstack.simulator.answers import Ending, Manner
from claimx_lib.devstack.simulator.control import SimulatorControl
from claimx_lib.devstack.simulator.faults import Fault, FaultKind
from claimx_lib.devstack.simulator.request_log import RequestLog
from claimx_lib.devstack.simulator.server import Simulator
from claimx_lib.devstack.simulator.wire import Answer, Request
from claimx_lib.domain.api import ApiOutcome
from claimx_lib.domain.secret import Secret
from tests.fakes.clock import FakeClock

TOKEN = "sentinel-token"


class MemoryLog(RequestLog):
    """The request log, in memory."""

    def __init__(self) -> None:
        super().__init__(None)
        self._lines: list[bytes] = []

    def write(self, request: Request, at: float, facts: dict[str, Any]) -> None:
        super().write(request, at, facts)
        self._lines.append(self._line(request, at, facts))

    def content(self) -> bytes:
        return b"".join(self._lines)


class FakeTransport:
    """Turns what the simulator would do to a connection into the exchange that a client would see."""

    def __init__(self, simulator: Simulator, clock: FakeClock, max_response_bytes: int) -> None:
        self._simulator = simulator
        self._clock = clock
        self._max_response_bytes = max_response_bytes
        self.is_refusing = False
        self.is_closed = False
        self.spoilt: Callable[[str, str], bytes | None] = lambda *_: None
        """By method and path: the body in place of that of an answer of 2xx; all is done as if it were well."""

    def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None, timeout_seconds: float
    ) -> Exchange:
        if self.is_refusing:
            return Exchange(failure=ApiOutcome.NOT_SENT, detail="connection refused")
        path, _, query = target.partition("?")
        lowered = {name.lower(): value for name, value in headers.items()}
        request = Request(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), lowered, body or b"")
        latency, fault = self._simulator.script.befalling(method, request.path)
        latency += self._simulator.state.switches.latency_seconds
        manner = self._simulator.act(request, fault, self._clock.now().timestamp())
        exchange = self._seen(manner, fault, latency, timeout_seconds)
        spoilt = self.spoilt(method, request.path) if exchange.status in {200, 201} else None
        return exchange if spoilt is None else replace(exchange, body=spoilt)

    def _seen(self, manner: Manner, fault: Fault | None, latency: float, timeout_seconds: float) -> Exchange:
        late = fault.seconds if fault and fault.kind is FaultKind.LATE_COMMIT else 0.0
        needed = latency + late + manner.seconds_between_bytes * len(manner.payload)
        if manner.ending is Ending.SILENCE or needed >= timeout_seconds:
            self._clock.sleep(timeout_seconds)
            return Exchange(failure=ApiOutcome.TIMEOUT)
        self._clock.sleep(needed)
        if manner.ending is Ending.RESET:
            return Exchange(failure=ApiOutcome.RESET)
        if manner.status is None:
            return Exchange(failure=ApiOutcome.BAD_BODY, detail="not HTTP")
        return self._read(manner)

    def _read(self, manner: Manner) -> Exchange:
        head, _, body = manner.payload.partition(b"\r\n\r\n")
        if len(body) > self._max_response_bytes:
            return TOO_LARGE
        if manner.ending is Ending.CLOSE:
            return CUT_SHORT
        lines = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        found = {name.decode().lower(): value.decode() for name, _, value in lines}
        return Exchange(status=manner.status, body=body, retry_after=found.get("retry-after"), link=found.get("link"))

    def close(self) -> None:
        self.is_closed = True


class FakeControl(SimulatorControl):
    """The simulator's control, without HTTP."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__("http://fake")
        self._simulator = simulator

    def _send(self, method: str, name: str, body: object = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        answer = self._simulator.admin_answer(Request(method, f"/_sim/{name}", {}, {}, content))
        assert answer.status == 200, answer.body
        return _Told(answer)


class _Told:
    def __init__(self, answer: Answer) -> None:
        self.content = answer.body

    def json(self) -> Any:
        return json.loads(self.content)


class FakeClaimX(ClaimXClient):
    """The real client over the fake transport; `control` sets the world, `clock` passes when somebody waits."""

    def __init__(self, *, clock: FakeClock | None = None, token: str = TOKEN, **settings: Any) -> None:
        self.clock = clock or FakeClock()
        simulator = Simulator(TOKEN, MemoryLog())
        self.control = FakeControl(simulator)
        given = ApiSettings(base_url="http://fake", token=Secret(token), **settings)
        self.transport = FakeTransport(simulator, self.clock, given.max_response_bytes)
        super().__init__(given, self.transport, self.clock)
