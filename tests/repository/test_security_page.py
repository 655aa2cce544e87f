"""docs/security.md: every answer to a threat is held by tests that exist, and the page says which of them CI leaves out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| Threat")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_threat_is_answered_by_tests_that_are_there() -> None:
    """Each row of the table names at least one test file, and each test named is in its file."""
    assert len(ROWS) > 10
    for row in ROWS:
        named = NAMED.findall(row)
        assert named, row
        for file, test in named:
            text = (ROOT / file).read_text("utf-8")
            assert not test or f"def {test}(" in text, (file, test)


def test_what_ci_leaves_out_is_named() -> None:
    """Of the tests in the table those marked `long`, and no others, are named above it: by file, or by the test."""
    above = TEXT[: TEXT.index("| Threat")]
    late = {(file, test) for row in ROWS for file, test in NAMED.findall(row) if test and _is_long(file, test)}
    assert late
    assert not [(file, test) for file, test in late if file not in above and test not in above]
    assert set(re.findall(r"tests/[\w/]+\.py", above)) <= {file for file, _ in late}
    assert set(re.findall(r"`(test_\w+)`", above)) <= {test for _, test in late}


def _is_long(file: str, test: str) -> bool:
    """Whether the whole module or the test itself is marked."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    marks = [ast.unparse(n.value) for n in tree.body if isinstance(n, ast.Assign) and _names(n) == ["pytestmark"]]
    marks += [
        ast.unparse(d) for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == test for d in n.decorator_list
    ]
    return any("pytest.mark.long" in mark for mark in marks)


def _names(assigned: ast.Assign) -> list[str]:
    return [target.id for target in assigned.targets if isinstance(target, ast.Name)]
