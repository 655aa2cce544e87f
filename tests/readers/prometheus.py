"""Questions to a running Prometheus."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from claimx_lib.devstack.waiting import wait_until

GRAFANA = {"$__range": "2m", "$__rate_interval": "30s", "$__interval": "5s"}
"""What Grafana puts in place of its variables, for a look at the last two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusApi:
    """The HTTP API at `url`."""

    url: str

    def query(self, expr: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Each series of the answer, by its labels without the name; a query that is refused raises HTTPError."""
        for variable, value in GRAFANA.items():
            expr = expr.replace(variable, value)
        data = self._get("query", query=expr)
        return {
            tuple(sorted((k, v) for k, v in found["metric"].items() if k != "__name__")): float(found["value"][1])
            for found in data["result"]
        }

    def number(self, expr: str) -> float:
        """The one value of the answer, NaN where there is none."""
        values = list(self.query(expr).values())
        assert len(values) <= 1, f"{expr}: {len(values)} series"
        return values[0] if values else math.nan

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule, with the error of its last evaluation."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def wait_for(self, expr: str, value: float, *, timeout_seconds: float = 120.0) -> None:
        """Return once the query's one value is this one."""
        wait_until(lambda: self.number(expr) == value, what=f"{expr} is {value:g}", timeout_seconds=timeout_seconds)

    def _get(self, path: str, **arguments: str) -> Any:
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(arguments)}", timeout=60) as answer:  # noqa: S310
            return json.load(answer)["data"]
