from __future__ import annotations

from claimx_lib.console.charts import length, shares, stacked


def test_columns_stand_upon_each_other() -> None:
    """The parts of a column touch, none overlaps, and together they are as tall as their sum on the axis."""
    chart = stacked(["a", "b"], {"enriched": [3, 0], "failed": [2, 0]}, width=248, height=132)
    lower, upper = chart.bars
    assert lower.y == upper.y + upper.height
    assert lower.height + upper.height == 100.0
    assert [tick.label for tick in chart.y_ticks] == ["0", "2.5", "5"]


def test_a_line_breaks_where_nothing_is_known() -> None:
    """A day without a value is a gap, never a zero."""
    chart = shares(["a", "b", "c", "d", "e"], [1.0, 0.5, None, 0.0, 0.25])
    assert [len(part.split()) for part in chart.parts] == [2, 2]
    assert [dot.told for dot in chart.dots] == ["a: 100.0 %", "b: 50.0 %", "d: 0.0 %", "e: 25.0 %"]


def test_no_data_is_an_empty_chart() -> None:
    """An empty table draws axes and fails at nothing."""
    assert stacked([], {"enriched": []}).bars == ()
    assert shares([], []).parts == ()
    assert (length(0, 0), length(1, 10_000), length(5, 5)) == (0.0, 1.0, 100.0)
