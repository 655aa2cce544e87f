"""Runs a notebook as JupyterLab does, and reads what it shows: plots with their data, tables as text."""

from __future__ import annotations

import ast
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb")))
PLOT = "application/vnd.plotly.v1+json"
CELL_SECONDS = 400
Table = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one run of a notebook shows: plots by title, tables and texts in their order."""

    figures: dict[str, go.Figure]
    tables: list[Table]
    texts: list[str]

    def figure(self, title: str) -> go.Figure:
        """The plot whose title begins like this."""
        return next(figure for name, figure in self.figures.items() if name.startswith(title))

    def values(self, title: str) -> dict[str, dict[Any, Any]]:
        """What a plot draws: x → y for each of its traces by name, label → value for a pie."""
        return {trace.name or "": _pairs(trace) for trace in self.figure(title).data}

    def table(self, *columns: str) -> Table:
        """The one table that has these columns, cut to them."""
        found = next(table for table in self.tables if table and set(columns) <= table[0].keys())
        return [{column: row[column] for column in columns} for row in found]


def read(name: str) -> NotebookNode:
    """The notebook as it is in the repository."""
    import nbformat  # compiles a grammar for seconds, which whoever collects the tests has no use for

    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def shown(name: str, environment: Mapping[str, str]) -> Shown:
    """Run every cell in a kernel of its own with this environment; raises CellExecutionError where one fails."""
    from nbclient import NotebookClient

    notebook = read(name)
    place = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=place).execute(env=environment)
    outputs = [o["data"] for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
    figures = [_figure(data[PLOT]) for data in outputs if PLOT in data]
    return Shown(
        figures={figure.layout.title.text: figure for figure in figures},
        tables=[_table(data["text/html"]) for data in outputs if "text/html" in data],
        texts=[data["text/plain"] for data in outputs if data.keys() == {"text/plain"}],
    )


def shown_here(name: str) -> Shown:
    """Run every code cell in this process, on its own Spark session; what a cell ends with is what it shows."""
    import pandas as pd
    import plotly.graph_objects as go

    names: dict[str, Any] = {}
    values = [_run(cell.source, names) for cell in read(name).cells if cell.cell_type == "code"]
    figures = [_figure(json.loads(value.to_json())) for value in values if isinstance(value, go.Figure)]
    return Shown(
        figures={figure.layout.title.text: figure for figure in figures},
        tables=[_table(value.to_html()) for value in values if isinstance(value, pd.DataFrame)],
        texts=[repr(value) for value in values if isinstance(value, str)],
    )


def _run(source: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last expression."""
    tree = ast.parse(source)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr), "a cell that shows nothing"
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102  our own notebook
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307


def _figure(plot: Mapping[str, Any]) -> go.Figure:
    import plotly.graph_objects as go

    return go.Figure({"data": plot["data"], "layout": plot["layout"]})


def _pairs(trace: Any) -> dict[Any, Any]:
    if trace.type == "indicator":
        return {"value": trace.value}
    across, up = (trace.labels, trace["values"]) if trace.type == "pie" else (trace.x, trace.y)
    if getattr(trace, "orientation", None) == "h":
        across, up = up, across
    return dict(zip(_listed(across), _listed(up), strict=True)) if trace.type != "box" else _box(trace)


def _box(trace: Any) -> dict[Any, Any]:
    """A box is drawn from its quantiles: status → (5 %, quarter, median, three quarters, 95 %)."""
    quantiles = (trace.lowerfence, trace.q1, trace.median, trace.q3, trace.upperfence)
    return dict(zip(_listed(trace.x), zip(*map(_listed, quantiles), strict=True), strict=True))


def _listed(values: Any) -> list[Any]:
    """Plotly sends numbers as bytes."""
    import numpy as np

    if isinstance(values, Mapping):
        numbers = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
        return list(numbers.tolist())
    return np.asarray(values).tolist() if values is not None else []


class _Cells(HTMLParser):
    """The texts of a table's cells, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "tr":
            self.rows.append([])
        self._is_cell = tag in {"td", "th"}
        if self._is_cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_cell = self._is_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self.rows[-1][-1] += data


def _table(html: str) -> Table:
    """The rows that pandas shows, without their numbers."""
    cells = _Cells()
    cells.feed(html)
    names, *rows = cells.rows
    return [dict(zip(names[1:], row[1:], strict=True)) for row in rows]
