from __future__ import annotations

from dataclasses import replace

from tests.faults.plan import SIGNALS, TERM, crash_points
from tests.faults.results import Entry, rendered


def entry(name: str, seed: int, hits: dict[str, int], violations: list[str] | None = None) -> Entry:
    return Entry(seed=seed, name=name, date="2026-01-10", seconds=60, hits=hits, misses={}, figures={"records": 9},
                 violations=violations or [], jvm="kept", commit="abc1234")  # fmt: skip


def test_every_fault_has_its_line_even_where_it_never_hit() -> None:
    """What was not tried stands in the table with 0, so that nobody takes it for tried."""
    table = rendered([])
    assert table.startswith("0 kills inside a batch in 0 worlds, 0 violations.")
    for pipeline, points in crash_points().items():
        assert all(f"| {pipeline} | `{point}` | 0 |" in table for point in points)
        assert all(f"| {pipeline} | {name} | 0 |" in table for name in SIGNALS[pipeline])


def test_hits_of_all_worlds_add_up_and_a_sigterm_is_no_kill() -> None:
    """Kills are counted over worlds; a driver that ends in order and a scenario are none of them."""
    table = rendered([
        entry("identity", 1, {"post-sent": 2, TERM: 1}),
        entry("identity", 2, {"post-sent": 1}, ["I2: more than one task of one reference: x"]),
        entry("broker-restart", 3, {"broker stopped and started": 1}),
    ])  # fmt: skip
    assert table.startswith("3 kills inside a batch in 2 worlds, 1 violations.")
    assert "| identity | `post-sent` | 3 |" in table
    assert "| broker-restart | 3 | 2026-01-10 | abc1234 | kept | - | 9 |" in table
    assert "have not run: api-outage, bad-answers," in table


def test_what_was_planned_and_never_hit_is_told() -> None:
    """A fault that came too late each time stands below the tables, with its world."""
    late = replace(entry("identity", 7, {}), never_hit=["post-sent:3"])
    assert "Planned, and never hit: post-sent:3 (identity, seed 7)." in rendered([late])
    assert "never hit" not in rendered([entry("identity", 7, {})])


def test_dropped_answers_are_told_with_what_became_of_them() -> None:
    """Tasks and answers dropped after the commit add up; an event with two tasks, or without any, is told."""
    figures = {"tasks": 40, "dropped_answers": 4}
    sound = replace(entry("identity", 1, {}), figures=figures)
    assert "80 tasks, of which ClaimX dropped 8 answers after the commit: each event" in rendered([sound, sound])
    assert "1 breaches" in rendered([sound, replace(sound, violations=["I2: more than one task of one reference: x"])])
