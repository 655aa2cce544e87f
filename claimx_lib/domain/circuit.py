"""A breaker whose state is a value, so that a driver can carry it from batch to batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique


@unique
class Phase(StrEnum):
    """Closed lets all calls pass, open none, half-open a probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitPolicy:
    """Opens after `failure_threshold` failures in a row, lets a probe pass after `reset_seconds`."""

    failure_threshold: int = 5
    reset_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What is known of the server's health; `opened_at` is a point of `Clock.monotonic()`."""

    failures: int = 0
    opened_at: float | None = None


def phase(circuit: Circuit, policy: CircuitPolicy, now: float) -> Phase:
    """The phase at `now`; open turns half-open by time alone."""
    if circuit.opened_at is None:
        return Phase.CLOSED
    if now - circuit.opened_at >= policy.reset_seconds:
        return Phase.HALF_OPEN
    return Phase.OPEN


def after_success(_circuit: Circuit) -> Circuit:
    """One honest answer closes the circuit, whatever came before."""
    return Circuit()


def after_failure(circuit: Circuit, policy: CircuitPolicy, now: float) -> Circuit:
    """Counts a failure; the one that reaches the threshold opens, a failed probe opens anew for the whole time."""
    failures = circuit.failures + 1
    if circuit.opened_at is None:
        opened_at = now if failures >= policy.failure_threshold else None
        return Circuit(failures=failures, opened_at=opened_at)
    if phase(circuit, policy, now) is Phase.HALF_OPEN:
        return replace(circuit, failures=failures, opened_at=now)
    return replace(circuit, failures=failures)


def after_batch(circuit: Circuit, policy: CircuitPolicy, *, answered: int, failed: int, now: float) -> Circuit:
    """The circuit after a batch whose partitions made their calls apart, in no common order.

    Any answer closes it; a batch of failures alone counts each of them; a batch without calls changes nothing.
    """
    if answered:
        return after_success(circuit)
    for _ in range(min(failed, policy.failure_threshold)):
        circuit = after_failure(circuit, policy, now)
    return circuit
