"""How an answer leaves: whole, spoiled, slowly, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto, unique
from typing import NamedTuple

from claimx_lib.devstack.simulator.faults import Fault, FaultKind
from claimx_lib.devstack.simulator.wire import Answer, json_answer, rendered

_PAGE = Answer(200, b"<html><body>Down for maintenance</body></html>", content_type="text/html")
_NOISE = bytes(range(128, 256))


@unique
class Ending(Enum):
    """What becomes of the connection afterwards."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()


class Manner(NamedTuple):
    """The bytes to send, how, and the status that the client sees (None: none)."""

    payload: bytes
    status: int | None
    ending: Ending = Ending.KEEP
    seconds_between_bytes: float = 0.0


def manner_of(fault: Fault | None, answer: Answer) -> Manner:
    """How `answer` leaves under `fault`."""
    spoil = _SPOILED.get(fault.kind) if fault else None
    return spoil(fault, answer) if fault and spoil else _whole(answer)


def _whole(answer: Answer) -> Manner:
    return Manner(rendered(answer), answer.status)


def _status(fault: Fault, _: Answer) -> Manner:
    headers = () if fault.retry_after is None else (("Retry-After", fault.retry_after),)
    return _whole(json_answer(fault.status, {"error": "scripted"}, headers))


def _redirect(fault: Fault, _: Answer) -> Manner:
    return _whole(Answer(302, headers=(("Location", fault.location),)))


def _silence(_: Fault, __: Answer) -> Manner:
    return Manner(b"", None, Ending.SILENCE)


def _reset(_: Fault, __: Answer) -> Manner:
    return Manner(b"", None, Ending.RESET)


def _drip(fault: Fault, answer: Answer) -> Manner:
    return _whole(answer)._replace(seconds_between_bytes=fault.seconds)


def _cut_short(_: Fault, answer: Answer) -> Manner:
    payload = rendered(answer)
    return Manner(payload[: len(payload) - max(1, len(answer.body) // 2)], answer.status, Ending.CLOSE)


_SPOILED: dict[FaultKind, Callable[[Fault, Answer], Manner]] = {
    FaultKind.STATUS: _status,
    FaultKind.REDIRECT: _redirect,
    FaultKind.HANG: _silence,
    FaultKind.HANG_AFTER_COMMIT: _silence,
    FaultKind.RESET: _reset,
    FaultKind.DROP_AFTER_COMMIT: _reset,
    FaultKind.DRIP: _drip,
    FaultKind.CUT_SHORT: _cut_short,
    FaultKind.GARBAGE: lambda _, __: _whole(Answer(200, _NOISE)),
    FaultKind.NOT_HTTP: lambda _, __: Manner(_NOISE + b"\r\n\r\n", None, Ending.CLOSE),
    FaultKind.HTML: lambda _, __: _whole(_PAGE),
    FaultKind.TRUNCATED_JSON: lambda _, answer: _whole(answer._replace(body=answer.body[: len(answer.body) // 2])),
}
