"""What the driver learns of ClaimX from the figures of a batch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from claimx_lib.config.load import load
from claimx_lib.streams import tracking_lookup
from claimx_lib.streams.tracking_lookup import Calls
from tests.fakes.clock import FakeClock

SETTINGS = load(sets=["claimx.circuit.failures=20"], environ={"CLAIMX_API_TOKEN": "t"})


@pytest.mark.parametrize(
    ("errors", "tries", "answered", "is_open"),
    [
        (["odd-body"] * 20, 80, 0, True),
        (["odd-body"] * 19, 76, 0, False),
        (["odd-body"] * 30, 120, 1, False),
        (["odd-body", *["timeout"] * 5], 24, 0, True),
    ],
    ids=["a page for all", "fewer look-ups than failures", "beside an answer", "beside an outage"],
)
def test_odd_answers_count_once_a_look_up_and_only_alone(
    errors: list[str], tries: int, answered: int, *, is_open: bool
) -> None:
    """A page before ClaimX opens the circuit in the end; odd ids beside one honest answer do not."""
    calls = Calls(clock=FakeClock())
    context: Any = SimpleNamespace(settings=SETTINGS)
    figures: Any = {"errors": errors, "calls": tries + answered, "api_errors": tries}
    tracking_lookup._learn(figures, context, calls)
    assert (calls.circuit.opened_at is not None) is is_open


def test_details_of_a_job_that_failed_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies ends this job; the others run on in the same JVM, which must not hold its rows for them."""

    class Frame:
        is_kept = False

        def persist(self) -> Frame:
            self.is_kept = True
            return self

        def unpersist(self) -> None:
            self.is_kept = False

    def failing(*_: object) -> None:
        assert frame.is_kept
        raise OSError("a worker ended")

    frame, context = Frame(), SimpleNamespace(settings=SETTINGS)
    monkeypatch.setattr(tracking_lookup, "figures", failing)
    with pytest.raises(OSError, match="a worker ended"):
        tracking_lookup._persisted(frame, context)
    assert not frame.is_kept
