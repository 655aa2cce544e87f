"""What conf/monitoring says: alerts, panels, and the series that their queries name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from claimx_lib.observability.names import METRICS, Metric

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "conf" / "monitoring"
RULES = MONITORING / "alerts.yml"
CASES = sorted((MONITORING / "tests").glob("*.yml"))
DASHBOARDS = sorted((MONITORING / "grafana").glob("*.json"))
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
NOT_OURS = {"up", "push_time_seconds"}
"""Series that Prometheus and a Pushgateway make."""
_WORDS = {"and", "or", "unless", "offset", "by", "on", "bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alerting rule."""

    name: str
    expr: str
    severity: str
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel and its queries."""

    dashboard: str
    title: str
    kind: str
    exprs: tuple[str, ...]
    json: dict[str, Any]


def alerts() -> list[Alert]:
    """Every alert, in the file's order."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [
        Alert(
            name=rule["alert"], expr=rule["expr"], severity=rule["labels"]["severity"], annotations=rule["annotations"]
        )
        for group in groups
        for rule in group["rules"]
    ]


def dashboards() -> dict[str, dict[str, Any]]:
    """Each dashboard's JSON by its title."""
    read = [json.loads(file.read_text(encoding="utf-8")) for file in DASHBOARDS]
    return {dashboard["title"]: dashboard for dashboard in read}


def panels() -> list[Panel]:
    """Every panel of every dashboard."""
    return [
        Panel(
            dashboard=title,
            title=panel["title"],
            kind=panel["type"],
            exprs=tuple(target["expr"] for target in panel["targets"]),
            json=panel,
        )
        for title, dashboard in dashboards().items()
        for panel in dashboard["panels"]
    ]


def metric_of(series: str) -> Metric | None:
    """The declared metric of a series' name, `_bucket`, `_sum` and `_count` of a histogram included."""
    if series in BY_NAME:
        return BY_NAME[series] if BY_NAME[series].kind != "histogram" else None
    metric = BY_NAME.get(re.sub(r"_(bucket|sum|count)$", "", series))
    return metric if metric is not None and metric.kind == "histogram" else None


def series_in(expr: str) -> set[str]:
    """The names of all series that a query reads."""
    bare = re.sub(r"#.*|\{[^}]*\}|\[[^\]]*\]|\b(by|on|without|ignoring)\s*\([^)]*\)", " ", expr)
    return {word for word in re.findall(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()", bare) if word not in _WORDS}


def selectors_in(expr: str) -> list[str]:
    """Each series of a query with its label matchers, without range and offset."""
    found = re.findall(r"\b([a-z_][a-z0-9_]*)(\{[^}]*\})?", expr)
    return sorted({name + matchers for name, matchers in found if metric_of(name) or name in NOT_OURS})


def labels_in(selector: str) -> set[str]:
    """The label names that a selector's matchers name."""
    return set(re.findall(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"', selector))
