"""Geometry of the charts: numbers in, rectangles and points out; the templates draw them as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle, its series and what it tells."""

    x: float
    y: float
    width: float
    height: float
    series: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis, at its coordinate."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Stacked columns over a common scale; coordinates in a box of `width` by `height`."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that breaks where there is no value: one list of points for each unbroken part, and its dots."""

    width: float
    height: float
    parts: tuple[str, ...]
    dots: tuple[Bar, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]


LEFT, BOTTOM, TOP, RIGHT = 44.0, 24.0, 8.0, 4.0


def stacked(
    labels: Sequence[str], series: Mapping[str, Sequence[int]], *, width: float = 640, height: float = 200
) -> Columns:
    """Return stacked columns, one a label, the series from the bottom up in their order."""
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    top = _round_up(max(totals, default=0))
    step = (width - LEFT - RIGHT) / max(len(labels), 1)
    inner = height - TOP - BOTTOM
    bars = []
    for i, label in enumerate(labels):
        base = height - BOTTOM
        for name, values in series.items():
            tall = inner * values[i] / top
            if values[i]:
                told = f"{label}: {values[i]:,} {name.replace('_', ' ')}"
                bars.append(_bar(LEFT + i * step + step * 0.15, base - tall, step * 0.7, tall, name, told))
            base -= tall
    y_ticks = tuple(Tick(at=height - BOTTOM - inner * share, label=_short(top * share)) for share in (0, 0.5, 1))
    return Columns(width=width, height=height, bars=tuple(bars), y_ticks=y_ticks, x_ticks=_x_ticks(labels, step))


def shares(labels: Sequence[str], values: Sequence[float | None], *, width: float = 640, height: float = 200) -> Line:
    """Return a line of shares between 0 and 1."""
    step = (width - LEFT - RIGHT) / max(len(labels), 1)
    inner = height - TOP - BOTTOM
    parts: list[list[str]] = [[]]
    dots = []
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        if value is None:
            parts.append([])
            continue
        x, y = LEFT + (i + 0.5) * step, TOP + inner * (1 - value)
        parts[-1].append(f"{x:.1f},{y:.1f}")
        dots.append(_bar(x, y, 0, 0, "rate", f"{label}: {value * 100:.1f} %"))
    ticks = tuple(Tick(at=TOP + inner * (1 - share), label=f"{share:.0%}") for share in (0, 0.5, 1))
    lines = tuple(" ".join(part) for part in parts if len(part) > 1)
    return Line(
        width=width, height=height, parts=lines, dots=tuple(dots), y_ticks=ticks, x_ticks=_x_ticks(labels, step)
    )


def length(value: float, largest: float) -> float:
    """Return the length of a lying bar in percent; anything above zero is seen."""
    return max(100.0 * value / largest, 1.0) if value and largest else 0.0


def _bar(x: float, y: float, width: float, height: float, series: str, told: str) -> Bar:
    return Bar(x=round(x, 2), y=round(y, 2), width=round(width, 2), height=round(height, 2), series=series, told=told)


def _x_ticks(labels: Sequence[str], step: float) -> tuple[Tick, ...]:
    every = max(len(labels) // 6, 1)
    return tuple(
        Tick(at=round(LEFT + (i + 0.5) * step, 2), label=label) for i, label in enumerate(labels) if i % every == 0
    )


def _round_up(value: int) -> int:
    """The next small number times a power of ten, so that the axis has round numbers."""
    size = 1
    while True:
        for factor in (1, 2, 3, 4, 5, 6, 8):
            if value <= factor * size:
                return factor * size
        size *= 10


def _short(value: float) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
