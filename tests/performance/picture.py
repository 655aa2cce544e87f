"""The picture of docs/performance.md: how each ratio stands to its goal, from docs/benchmarks/latest.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "performance-ratios.svg"
WORST, BEST = 0.125, 8.0
"""The ends of the axis, in goals; what lies beyond stands at the end."""

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 980, 470, 840, 64, 30
_STYLE = """
  .paper { fill: #ffffff } text { fill: #1f2328; font: 13px system-ui, sans-serif } .quiet { fill: #59636e }
  .grid { stroke: #d1d9e0 } .goal { stroke: #59636e; stroke-dasharray: 4 3 }
  .met { stroke: #1a7f5a; fill: #1a7f5a } .missed { stroke: #c4432b; fill: #c4432b }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } text { fill: #f0f6fc } .quiet { fill: #9198a1 }
    .grid { stroke: #3d444d } .goal { stroke: #9198a1 }
    .met { stroke: #3fb984; fill: #3fb984 } .missed { stroke: #ff7b66; fill: #ff7b66 }
  }
"""


def write(entries: Mapping[str, Any]) -> None:
    """The picture is of all entries."""
    PICTURE.write_text(drawn(entries), "utf-8")


def drawn(entries: Mapping[str, Any]) -> str:
    """SVG: a line each, its median as a dot, its range as a bar; right of the goal is better."""
    height = _TOP + _ROW * len(entries) + 16
    rows = [_row(number, name, entry) for number, (name, entry) in enumerate(entries.items())]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Each ratio against its goal">\n<style>{_STYLE}</style>\n'
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>\n'
        f"{_axis(height)}\n{chr(10).join(rows)}\n</svg>\n"
    )


def _axis(height: int) -> str:
    ticks = [WORST * 2**n for n in range(int(math.log2(BEST / WORST)) + 1)]
    lines = [
        f'<line class="{"goal" if tick == 1 else "grid"}" x1="{_x(tick):.0f}" x2="{_x(tick):.0f}" y1="{_TOP - 8}" '
        f'y2="{height - 12}"/>'
        f'<text class="quiet" x="{_x(tick):.0f}" y="{_TOP - 14}" text-anchor="middle">{_times(tick)}</text>'
        for tick in ticks
    ]
    heads = (
        f'<text x="16" y="26">Median and range of the pairs, both sides in one run</text>'
        f'<text class="quiet" x="{_x(1) - 12:.0f}" y="26" text-anchor="end">short of the goal</text>'
        f'<text class="quiet" x="{_x(1) + 12:.0f}" y="26">better than the goal</text>'
    )
    return "\n".join([heads, *lines])


def _times(tick: float) -> str:
    if tick == 1:
        return "goal"
    return f"{tick:.0f}×" if tick > 1 else f"1/{1 / tick:.0f}"  # noqa: RUF001 - a factor


def _row(number: int, name: str, entry: Mapping[str, Any]) -> str:
    y = _TOP + _ROW * number + _ROW // 2
    kind = "met" if entry["holds"] else "missed"
    middle, low, high = (_x(_in_goals(entry, entry[key])) for key in ("figure", "low", "high"))
    return (
        f'<text x="16" y="{y + 4}">{name}</text><text class="quiet" x="52" y="{y + 4}">{escape(_short(entry["what"]))}</text>'
        f'<line class="{kind}" stroke-width="6" stroke-opacity="0.35" x1="{min(low, high):.1f}" '
        f'x2="{max(low, high):.1f}" y1="{y}" y2="{y}"/>'
        f'<circle class="{kind}" cx="{middle:.1f}" cy="{y}" r="5"/>'
        f'<text x="{_RIGHT + 16}" y="{y + 4}">{entry["figure"]:.2f}</text>'
        f'<text class="quiet" x="{_RIGHT + 64}" y="{y + 4}">{escape(_goal(entry))}</text>'
    )


def _goal(entry: Mapping[str, Any]) -> str:
    return " ".join(entry["goal"].split()[:2]).replace(">=", "≥").replace("<=", "≤")


def _short(what: str) -> str:
    longest = 62
    return what if len(what) <= longest else f"{what[: longest - 1]}…"


def _in_goals(entry: Mapping[str, Any], figure: float) -> float:
    """1 is the goal, 2 twice as good."""
    bound, limit = entry["goal"].split()[:2]
    return figure / float(limit) if bound == ">=" else float(limit) / max(figure, 1e-9)


def _x(goals: float) -> float:
    share = math.log(min(max(goals, WORST), BEST) / WORST) / math.log(BEST / WORST)
    return _LEFT + share * (_RIGHT - _LEFT)
