"""docs/reliability.md: every fault is tried somewhere, by a scenario or a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text("utf-8")
ROWS = [line for line in TEXT.partition("## Where each fault is tried")[2].partition("\n## ")[0].splitlines()
        if line.startswith("| ") and not line.startswith("| fault")]  # fmt: skip


def test_every_fault_is_tried_by_what_is_there() -> None:
    """Each row names the matrix, every world, a scenario or a test; each scenario and each test named exists."""
    assert len(ROWS) > 20
    for row in ROWS:
        where = row.split(" | ")[1]
        scenarios = re.findall(r"scenario `([\w-]+)`", where)
        tests = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", where)
        assert scenarios or tests or "matrix" in where, row
        assert set(scenarios) <= set(SCENARIOS), row
        for file, test in tests:
            text = (ROOT / file).read_text("utf-8")
            assert not test or f"def {test}(" in text, (file, test)


def test_every_scenario_is_in_the_table() -> None:
    """No scenario is left out."""
    assert {name for name in SCENARIOS if f"scenario `{name}`" not in "".join(ROWS)} == set()
