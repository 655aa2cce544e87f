"""How a world is led through its faults."""

from __future__ import annotations

from typing import Any

import pytest

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
