"""What `make bench` makes of its benchmarks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.performance import r07_mapping_scale, run
from tests.performance.frame import Bound, Goal, Result


def result(figure: float) -> Result:
    return Result(name="R1", what="a ratio", goal=Goal(bound=Bound.AT_MOST, limit=1), figure=figure, low=figure, high=figure,
                  unit="seconds", ours=[1], other=[1])  # fmt: skip


@pytest.mark.parametrize(("figures", "status"), [([0.5, 0.5], 0), ([0.5, 2.0], 1), ([None, 0.5], 1)])
def test_one_that_fails_ends_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], figures: list[float | None], status: int
) -> None:
    """It has its line, the others are measured and kept, and the whole ends with 1 as for a goal that is missed."""
    left, kept = list(figures), list[Result]()

    def measure() -> Result:
        figure = left.pop(0)
        if figure is None:
            raise RuntimeError("no broker")
        return result(figure)

    monkeypatch.setattr(run.importlib, "import_module", lambda _: SimpleNamespace(measure=measure))
    monkeypatch.setattr(run, "keep", lambda one, **_: kept.append(one))
    assert run.main(["R1", "R2"]) == status
    assert [one.figure for one in kept] == [figure for figure in figures if figure is not None]
    assert capsys.readouterr().out.count("FAILED") == figures.count(None)


def test_the_range_of_slopes_is_told_in_one_measure() -> None:
    """The local slope, whose goal is lower, is scaled in the figure's range as in the figure."""
    random_taken = {10**n: [(1.0, 10 ** (0.3 * n))] for n in (4, 5)}
    local_taken = {10**n: [(1.0, 10 ** (0.12 * n))] for n in (4, 5)}
    told = r07_mapping_scale.result({False: random_taken, True: local_taken})
    scaled = 0.12 * 0.35 / 0.15
    assert (told.figure, told.low, told.high) == pytest.approx((0.3, scaled, 0.3))
