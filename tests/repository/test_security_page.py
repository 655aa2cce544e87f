"""docs/security.md: every answer to a threat is held by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_every_threat_is_answered_by_tests_that_are_there() -> None:
    """Each row of the table names at least one test file, and each test named is in its file."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| Threat")]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, test in named:
            text = (ROOT / file).read_text("utf-8")
            assert not test or f"def {test}(" in text, (file, test)
