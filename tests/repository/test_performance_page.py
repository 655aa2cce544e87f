"""docs/performance.md and README.md show what was measured."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.performance import document, picture

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
FIGURES = {
    match[1]: tuple(cell.strip() for cell in match[0].strip("| ").split(" | "))
    for match in re.finditer(r"^\| (R\d+) .*$", README, re.MULTILINE)
}
"""The rows of README's table of figures: words, figure and range, goal."""
HOW = "README.md's figures are written by hand: after `make bench` put there what docs/benchmarks/latest.json says"
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


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


def test_the_figures_of_the_readme_are_those_of_the_measurements() -> None:
    """Figure and range of each row are those of docs/benchmarks/latest.json."""
    kept = document.entries()
    assert len(FIGURES) > 5
    wanted = {name: _figure(kept[name]) for name in FIGURES}
    wrong = {name: f"to be {wanted[name]}" for name, cells in FIGURES.items() if cells[1] != wanted[name]}
    assert wrong == {}, HOW


def test_the_goals_of_the_readme_are_those_of_the_measurements() -> None:
    """Each row's goal is the benchmark's, and a goal that is missed is told as missed."""
    kept = document.entries()
    wanted = {name: (_limits(kept[name]), not kept[name]["holds"]) for name in FIGURES}
    assert {name: _goal(cells[2]) for name, cells in FIGURES.items()} == wanted, HOW


def test_what_the_readme_says_beside_a_figure_is_in_its_notes() -> None:
    """A figure in the words of a row (what the bare side reaches, what larger batches give) is one of the notes'."""
    kept = document.entries()
    for name, (words, *_) in FIGURES.items():
        noted = set(_numbers(kept[name]["notes"]))
        strange = [text for text in re.findall(r"\d+\.\d+", words) if text not in {f"{n:.2f}" for n in noted}]
        assert strange == [], f"{name}: {HOW}"


def _figure(entry: Mapping[str, Any]) -> str:
    """The cell that the README has for this entry; of R7 the slopes of random and of neighbouring claims."""
    if "random" in entry["notes"]:
        slopes = [entry["notes"][kind]["slope"] for kind in ("random", "local")]
        last = [math.log10(entry[side][-1] / entry[side][-2]) for side in ("ours", "other")]
        first, then = (" / ".join(f"{value:.2f}" for value in pair) for pair in (slopes, last))
        return f"{first}; 10⁶ to 10⁷ alone {then}".replace("-", MINUS)
    figure = entry["figure"]
    decimals = 2 if figure < 2 else 1 if figure < 10 else 0
    low, high = (f"{entry[end]:.{decimals}f}" for end in ("low", "high"))
    return f"{figure:.{decimals}f} ({low}{DASH}{high})"


def _goal(cell: str) -> tuple[list[tuple[str, float]], bool]:
    limits = [({"≥": ">=", "≤": "<="}[sign], float(number)) for sign, number in re.findall(r"([≥≤]) ([\d.]+)", cell)]
    return limits, "**missed**" in cell


def _limits(entry: Mapping[str, Any]) -> list[tuple[str, float]]:
    notes = entry["notes"]
    goals = [notes[kind]["goal"] for kind in ("random", "local")] if "random" in notes else [entry["goal"]]
    return [(sign, float(number)) for sign, number in (goal.split()[:2] for goal in goals)]


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        yield float(value)
