from __future__ import annotations

import random
import xml.etree.ElementTree as ET

import pytest

from tests.soak.picture import CHARTS, picture
from tests.soak.verdict import LIMITS, WARM_UP_MINUTES, slope, trends, unjudged

MINUTES = [minute / 6 for minute in range(6 * 44)]
"""A life of 44 minutes, a sample every ten seconds."""


def noisy(level: float, growth_an_hour: float) -> list[tuple[float, float]]:
    chance = random.Random(1)
    return [(at, level + growth_an_hour * at / 60 + chance.gauss(0, 0.05 * level)) for at in MINUTES]


@pytest.mark.parametrize(("growth", "is_flat"), [(0.0, True), (-40.0, True), (60.0, False)])
def test_a_leak_is_told_from_noise(growth: float, *, is_flat: bool) -> None:
    """Memory of 200 MB that jumps about by 5 % is flat; the same that grows by 60 MB an hour is not."""
    (found,) = trends("python_mb", 3, noisy(200, growth))
    assert found.is_flat is is_flat
    assert found.growth_an_hour == pytest.approx(growth, abs=20)


def test_outliers_do_not_move_the_slope() -> None:
    """A tenth of the samples may be anything."""
    points = [(at, 1000.0 if n % 10 == 0 else 5.0 + at) for n, at in enumerate(MINUTES)]
    assert slope(points) == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize(("leaked_an_hour", "is_flat"), [(0, True), (20, False)])
def test_pools_that_fill_and_empty_are_judged_by_their_peaks(leaked_an_hour: float, *, is_flat: bool) -> None:
    """Threads between 20 and 48 are flat, wherever a sample meets a batch; 20 that stay behind in an hour are not."""
    chance = random.Random(1)
    points = [(at, chance.randint(20, 48) + leaked_an_hour * at / 60) for at in MINUTES]
    (found,) = trends("python_threads", 3, points)
    assert found.is_flat is is_flat


@pytest.mark.parametrize(("leaked_an_hour", "is_flat"), [(0, True), (40, False)])
def test_a_heap_is_judged_by_its_troughs(leaked_an_hour: float, *, is_flat: bool) -> None:
    """150 MB with what a batch holds on top in most looks, up to as much again, are flat; what rises below them is not."""
    chance = random.Random(1)
    points = [(at, 150 + chance.choice([0, 5, 20, 150]) + leaked_an_hour * at / 60) for at in range(44)]
    (found,) = trends("jvm_heap_mb", 3, points)
    assert found.is_flat is is_flat


def test_what_grows_while_warming_up_is_not_held_against_it() -> None:
    """Only what comes after the warm-up counts."""
    (found,) = trends("jvm_threads", 1, [(at, min(at, 0.4 * MINUTES[-1])) for at in MINUTES])
    assert found.is_flat
    assert found.growth_an_hour == 0


def test_a_short_life_is_not_judged() -> None:
    """Ten minutes past the warm-up are the least; a series without a limit is never judged."""
    assert trends("python_mb", 1, [(at, 100 * at) for at in MINUTES if at < WARM_UP_MINUTES + 8]) == []
    assert trends("lag", 1, noisy(1, 100)) == []


def test_what_nobody_sampled_is_told() -> None:
    """A series with a limit and no trend is not taken for flat."""
    found = [trend for name in LIMITS if name != "jvm_heap_mb" for trend in trends(name, 3, noisy(200, 0))]
    assert unjudged(found) == ["jvm_heap_mb"]


def test_the_picture_has_a_chart_for_each_series() -> None:
    """It is well-formed, and every series that was sampled has its line in each life."""
    names = [name for chart in CHARTS for name in chart.series]
    samples = [{"minute": at, "life": 1 + (at > 20), **dict.fromkeys(names, 1 + at)} for at in MINUTES[::6]]
    drawn = ET.fromstring(picture(samples, [(20.0, "SIGTERM")]))  # noqa: S314 # our own
    lines = [e for e in drawn.iter("{http://www.w3.org/2000/svg}path") if e.get("class", "").startswith("line")]
    assert len(lines) == 2 * len(names)
