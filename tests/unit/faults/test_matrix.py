"""How a world is led through its faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from claimx_lib.devstack.simulator.faults import FaultKind
from claimx_lib.devstack.simulator.request_log import RequestLog
from claimx_lib.devstack.simulator.wire import Request
from tests.faults import matrix as of_matrix
from tests.faults.driver import Driver
from tests.faults.matrix import TRIES, Matrix
from tests.faults.plan import Fault


def matrix(**more: Any) -> Matrix:
    """A matrix of a world that is not there."""
    return Matrix(**{"world": None, "warm": None, "say": lambda _: None, **more})


def test_a_fault_that_never_hits_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried thrice, and told with its place; one that hits in the end is a hit."""
    befallen = {"late": iter([False] * TRIES), "slow": iter([False, True])}
    monkeypatch.setattr(Matrix, "begin", lambda _: None)
    monkeypatch.setattr(Matrix, "check", lambda _: None)
    monkeypatch.setattr(Matrix, "_befall", lambda _, fault: next(befallen[fault.name]))
    outcome = matrix().run([Fault(name="late", nth=2), Fault(name="slow")])
    assert outcome.never_hit == ["late:2"]
    assert dict(outcome.misses) == {"late": TRIES, "slow": 1}
    assert dict(outcome.hits) == {"slow": 1}


@dataclass(slots=True)
class Steps:
    """A driver that never ends and its world: at each look `lag`, the newest batch and whether it goes on are the next."""

    looks: list[tuple[int, int, bool]]
    bursts: int = 0
    status: int | None = None

    def begun(self) -> dict[str, int]:
        return {"job": self.looks[0][1]}

    def is_in_batch(self, _: dict[str, int]) -> bool:
        return self.looks[0][2]

    def send_burst(self) -> None:
        self.bursts += 1

    def until(self, condition: Callable[[], bool], _: float) -> bool:
        self.looks.pop(0)
        return condition()


@pytest.mark.parametrize(
    ("looks", "bursts"),
    [
        ([(0, 4, False), (0, 4, False)], 1),  # idle from the start
        ([(9, 4, False), (9, 4, False)], 0),  # a burst waits, or is in a batch of before
        ([(9, 4, True), (0, 4, False)], 1),  # a batch of before is done
        ([(9, 4, False), (9, 5, True), (9, 5, False)], 1),  # a new one goes on, and is done
    ],
)
def test_a_driver_is_fed_until_the_condition_holds(
    monkeypatch: pytest.MonkeyPatch, looks: list[tuple[int, int, bool]], bursts: int
) -> None:
    """A burst comes once the one before is done with, and where there was none."""
    steps = Steps([*looks, (0, 9, False)])
    monkeypatch.setattr(of_matrix.gather, "lags", lambda _: {"job": steps.looks[0][0]})
    assert matrix(world=steps).feed_until(cast("Driver", steps), lambda: len(steps.looks) == 1)
    assert steps.bursts == bursts


def test_faults_are_counted_by_claimxs_own_log(tmp_path: Path) -> None:
    """A line without a fault counts for none, and neither does what stands in a body."""
    log = RequestLog(tmp_path / "requests.jsonl")
    request = Request(method="POST", path="/", query={}, headers={}, body=b'{"fault": "drip"}')
    for fault in (FaultKind.HANG, None, FaultKind.CUT_SHORT, FaultKind.HANG):
        log.write(request, 1.0, {"fault": fault, "status": None})
    world = SimpleNamespace(simulator=SimpleNamespace(request_log=tmp_path / "requests.jsonl"))
    assert matrix(world=world).befallen() == {"hang": 2, "cut_short": 1}
