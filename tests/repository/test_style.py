from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = sorted(path for folder in ("claimx_lib", "jobs", "bootstrap") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_LINES = 250
MAX_TEST_LINES = 400
MAX_FUNCTION_LINES = 40
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_stay_small() -> None:
    """A file can be read in one go."""
    lines = {relative(path): len(path.read_text().splitlines()) for path in [*CODE, *TESTS]}
    limits = {relative(path): MAX_TEST_LINES if path in TESTS else MAX_LINES for path in [*CODE, *TESTS]}
    assert {name: count for name, count in lines.items() if count > limits[name]} == {}


def test_functions_stay_small() -> None:
    """A function can be seen at a glance."""
    long = [
        f"{relative(path)}: {node.name}"
        for path in [*CODE, *TESTS]
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


def test_each_test_states_its_guarantee() -> None:
    """A test's docstring is the sentence that it proves."""
    mute = [
        f"{relative(path)}: {node.name}"
        for path in TESTS
        for node in functions(path)
        if path.name.startswith("test_")
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").rstrip().endswith(".")
    ]
    assert mute == []


def test_names_say_what_is_inside() -> None:
    """No module or folder is named for not having been thought about."""
    parts = {part for path in CODE for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
    assert parts & NAMES_THAT_SAY_NOTHING == set()
