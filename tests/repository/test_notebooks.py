"""The notebooks in the repository: without outputs, each with its question, without logic of their own."""

from __future__ import annotations

import ast

import pytest

from tests.readers.notebooks import NOTEBOOKS, read

LOGIC = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.comprehension)
QUESTIONS = {"cabinet_tracking_overview", "task_lifecycle_and_sla", "data_quality", "identity_resolution"}


def code(name: str) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in read(name).cells if cell.cell_type == "code"))


def test_there_is_one_for_each_question() -> None:
    """Overview, lifecycle and SLA, data quality, identity: these, no others."""
    assert set(NOTEBOOKS) == QUESTIONS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_stripped(name: str) -> None:
    """What a run showed, claim numbers perhaps, never gets into the repository."""
    cells = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_question_comes_first(name: str) -> None:
    """The title is a question, and every section's heading too, but for named queries."""
    titles = [cell.source.splitlines()[0] for cell in read(name).cells if cell.cell_type == "markdown"]
    assert titles[0].startswith("# ")
    assert [t for t in titles if not t.endswith("?") and "sample queries" not in t and "day by day" not in t] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_logic_is_in_the_library(name: str) -> None:
    """A notebook asks tested functions and draws: no function, condition or loop of its own, no Spark behind the desk."""
    tree = code(name)
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)] == []
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {(module or "").partition(".")[0] for module in modules} == {"claimx_lib", "plotly"}
