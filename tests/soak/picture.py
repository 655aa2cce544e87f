"""The soak as a picture: one small chart a series over the whole time, lines where a driver was ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from tests.soak.gauges import Sample

WIDTH, HEIGHT, GAP, LEFT, TOP = 390, 132, 26, 46, 34
COLUMNS = 2
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 }
.axis { stroke: #bbb; fill: none } .end { stroke: #d95f02; stroke-dasharray: 3 3 }
.a { stroke: #1b6fb3 } .b { stroke: #b34a1b } .c { stroke: #3a8a3a } .d { stroke: #7a4fb5 }
.line { fill: none; stroke-width: 1.5 } .label.a { fill: #1b6fb3; stroke: none } .label.b { fill: #b34a1b; stroke: none }
.label.c { fill: #3a8a3a; stroke: none } .label.d { fill: #7a4fb5; stroke: none }
@media (prefers-color-scheme: dark) {
text { fill: #ddd } .axis { stroke: #666 } .a { stroke: #6fb6f2 } .b { stroke: #f29a6f } .c { stroke: #85d185 }
.d { stroke: #bda0f0 } .label.a { fill: #6fb6f2 } .label.b { fill: #f29a6f } .label.c { fill: #85d185 }
.label.d { fill: #bda0f0 } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A title and its series, each with the word that names it."""

    title: str
    series: dict[str, str]


CHARTS = (
    Chart(title="Memory, MB", series={"jvm_mb": "JVM", "python_mb": "driver", "workers_mb": "workers"}),
    Chart(title="JVM after a full collection, MB", series={"jvm_heap_mb": "heap", "jvm_classes_mb": "classes", "jvm_code_mb": "code"}),
    Chart(title="Threads", series={"jvm_threads": "JVM", "python_threads": "driver"}),
    Chart(title="Open files", series={"open_files": "all processes"}),
    Chart(title="Files", series={"checkpoint_files": "checkpoints", "spark_files": "Spark's own"}),
    Chart(title="Files of the tables", series={"table_log_files": "logs", "table_data_files": "data"}),
    Chart(title="Seconds a batch", series={f"batch_seconds_{job}": job for job in
          ("task_trigger", "task_tracking", "mapping_sync", "task_creation")}),
    Chart(title="Processor seconds a batch", series={"processor_seconds_a_batch": "all jobs"}),
)  # fmt: skip


def picture(samples: Sequence[Sample], ends: Sequence[tuple[float, str]]) -> str:
    """An SVG that reads on light and on dark ground."""
    rows = -(-len(CHARTS) // COLUMNS)
    width, height = COLUMNS * (WIDTH + LEFT + GAP), rows * (HEIGHT + TOP + GAP)
    last = max((sample["minute"] for sample in samples), default=1.0)
    parts = [_chart(chart, samples, ends, last, number) for number, chart in enumerate(CHARTS)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    return f"{head}<title>Soak</title><style>{STYLE}</style>{''.join(parts)}</svg>\n"


def _chart(chart: Chart, samples: Sequence[Sample], ends: Sequence[tuple[float, str]], last: float, number: int) -> str:
    x = LEFT + (number % COLUMNS) * (WIDTH + LEFT + GAP)
    y = TOP + (number // COLUMNS) * (HEIGHT + TOP + GAP)
    top = max((sample[name] for sample in samples for name in chart.series if name in sample), default=1.0) * 1.1 or 1.0
    body = [f'<text class="title" x="0" y="-20">{escape(chart.title)}</text>', *_legend(chart), *_axes(top, last)]
    for at, _ in ends:
        body.append(f'<line class="end" x1="{_x(at, last)}" x2="{_x(at, last)}" y1="0" y2="{HEIGHT}"/>')
    for name, letter in zip(chart.series, "abcd", strict=False):
        body += [f'<path class="line {letter}" d="{path}"/>' for path in _paths(samples, name, top, last)]
    return f'<g transform="translate({x} {y})">{"".join(body)}</g>'


def _legend(chart: Chart) -> Iterator[str]:
    at = 0
    for word, letter in zip(chart.series.values(), "abcd", strict=False):
        yield f'<text class="label {letter}" x="{at}" y="-5">{escape(word)}</text>'
        at += 8 * len(word) + 12


def _axes(top: float, last: float) -> Iterator[str]:
    yield f'<path class="axis" d="M0 0V{HEIGHT}H{WIDTH}"/>'
    shown = f"{top:.0f}" if top >= 10 else f"{top:.1f}"
    yield f'<text x="-6" y="10" text-anchor="end">{shown}</text><text x="-6" y="{HEIGHT}" text-anchor="end">0</text>'
    yield f'<text x="{WIDTH}" y="{HEIGHT + 15}" text-anchor="end">{last:.0f} min</text>'


def _paths(samples: Sequence[Sample], name: str, top: float, last: float) -> Iterator[str]:
    """One path a life."""
    for life in dict.fromkeys(sample["life"] for sample in samples):
        at = [(s["minute"], s[name]) for s in samples if s["life"] == life and name in s]
        if at:
            yield "M" + "L".join(f"{_x(minute, last)} {HEIGHT * (1 - value / top):.1f}" for minute, value in at)


def _x(minute: float, last: float) -> str:
    return f"{WIDTH * minute / last:.1f}"
