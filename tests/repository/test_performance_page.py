"""docs/performance.md shows what was measured."""

from __future__ import annotations

from tests.performance import document, picture


def test_the_table_of_ratios_is_that_of_the_measurements() -> None:
    """The page's table is the one that docs/benchmarks/latest.json gives; `make bench` writes both."""
    text = document.DOCUMENT.read_text("utf-8")
    assert f"{document.BEGIN}\n{document.rendered(document.entries())}\n{document.END}" in text


def test_the_picture_is_that_of_the_measurements() -> None:
    """The picture shows every entry of docs/benchmarks/latest.json as it is there."""
    assert picture.PICTURE.read_text("utf-8") == picture.drawn(document.entries())


def test_each_ratio_is_explained() -> None:
    """Every ratio of the table, measured or not, has its line of what it means."""
    meaning = document.DOCUMENT.read_text("utf-8").partition("## What each means")[2]
    assert [name for name in document.RATIOS if f"| {name} |" not in meaning] == []


def test_an_unmeasured_ratio_is_told_as_such() -> None:
    """A ratio without an entry stands in the table as not measured."""
    assert "| R14 | not measured |" in document.rendered({})
