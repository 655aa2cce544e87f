"""A breaker whose state is a value."""

from __future__ import annotations

from claimx_lib.domain.circuit import Circuit, CircuitPolicy, Phase, after_batch, after_failure, after_success, phase

POLICY = CircuitPolicy(failure_threshold=3, reset_seconds=30)


def failed(times: int, circuit: Circuit | None = None, now: float = 0.0) -> Circuit:
    """The circuit after so many failures in a row."""
    circuit = circuit or Circuit()
    for _ in range(times):
        circuit = after_failure(circuit, POLICY, now)
    return circuit


def test_it_opens_at_the_threshold():
    """Failures in a row, as many as the policy says, and not one fewer."""
    assert phase(failed(2), POLICY, 0) is Phase.CLOSED
    assert phase(failed(3), POLICY, 0) is Phase.OPEN


def test_one_answer_forgets_all_failures():
    """Failures count in a row only."""
    assert phase(failed(2, after_success(failed(2))), POLICY, 0) is Phase.CLOSED


def test_time_alone_lets_a_probe_pass():
    """Open turns half-open after the reset time."""
    assert phase(failed(3), POLICY, 29.9) is Phase.OPEN
    assert phase(failed(3), POLICY, 30) is Phase.HALF_OPEN


def test_a_failed_probe_opens_for_the_whole_time_again():
    """Half-open and a failure: open, from now."""
    circuit = failed(1, failed(3), now=31)
    assert phase(circuit, POLICY, 60.9) is Phase.OPEN
    assert phase(circuit, POLICY, 61) is Phase.HALF_OPEN


def test_a_failure_while_open_does_not_prolong():
    """A call that was under way when the circuit opened changes nothing."""
    assert phase(failed(1, failed(3), now=10), POLICY, 30) is Phase.HALF_OPEN


def test_a_probe_that_is_answered_closes():
    """Half-open and an answer: closed."""
    assert phase(after_success(failed(3)), POLICY, 31) is Phase.CLOSED


def test_a_batch_of_failures_alone_opens():
    """What partitions counted apart opens the circuit when nobody had an answer."""
    assert phase(after_batch(Circuit(), POLICY, answered=0, failed=50, now=0), POLICY, 0) is Phase.OPEN


def test_a_batch_with_an_answer_closes():
    """A server that answers somebody is there."""
    assert after_batch(failed(3), POLICY, answered=1, failed=50, now=31) == Circuit()


def test_a_batch_without_calls_changes_nothing():
    """Nothing was learned."""
    assert after_batch(failed(3), POLICY, answered=0, failed=0, now=31) == failed(3)


def test_failures_of_small_batches_add_up():
    """Slow traffic opens the circuit too."""
    circuit = Circuit()
    for _ in range(3):
        circuit = after_batch(circuit, POLICY, answered=0, failed=1, now=0)
    assert phase(circuit, POLICY, 0) is Phase.OPEN
