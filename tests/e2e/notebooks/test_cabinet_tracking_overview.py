"""The overview: its cells on the tests' own Spark session, and as it opens locally, in a kernel and session of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.readers.notebooks import Shown, shown, shown_here

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module", params=["cells", pytest.param("kernel", marks=pytest.mark.long)])
def overview(request: pytest.FixtureRequest, environment: dict[str, str]) -> Shown:
    """The notebook, run once, without a server."""
    if request.param == "kernel":
        return shown("cabinet_tracking_overview", environment)
    spark: SparkSession = request.getfixturevalue("spark")
    before = spark.conf.getAll
    with pytest.MonkeyPatch.context() as around:
        for name in ("CLAIMX_WAREHOUSE", "CLAIMX_CONF"):
            around.setenv(name, environment[name])
        try:
            return shown_here("cabinet_tracking_overview")
        finally:
            for setting in (name for name, value in before.items() if spark.conf.get(name) != value):
                spark.conf.set(setting, before[setting])


def test_it_counts_what_is_tracked(overview: Shown) -> None:
    """Events, tasks and projects, the first and last event in the reader's time zone."""
    assert overview.table("events", "tasks", "projects", "first_event_at", "last_event_at") == [
        {
            "events": "46",
            "tasks": "23",
            "projects": "1",
            "first_event_at": "2026-01-10 17:00:00",  # 08:00 UTC, in Tokyo
            "last_event_at": "2026-01-12 19:00:00",
        }
    ]
    assert overview.texts[0].endswith("Asia/Tokyo'")


def test_it_draws_the_days_of_the_reader(overview: Shown) -> None:
    """Events, tasks begun and finished fall on the days of the reader's time zone."""
    assert overview.values("Events and tasks by day") == {
        "events": {"2026-01-10": 28, "2026-01-11": 16, "2026-01-12": 2},
        "tasks_started": {"2026-01-10": 22, "2026-01-11": 0, "2026-01-12": 1},
        "tasks_finished": {"2026-01-10": 6, "2026-01-11": 15, "2026-01-12": 0},
    }
    assert overview.figure("Events and tasks by day").layout.xaxis.title.text == "day (Asia/Tokyo)"


def test_it_draws_statuses_delays_and_errors(overview: Shown) -> None:
    """Where each task stands, how late rows came, and what failed or was refused, with its share."""
    assert overview.values("Tasks by their current status") == {"": {"completed": 20, "assigned": 2, "in_progress": 1}}
    delays = overview.values("Rows by the time")[""]
    assert {took: rows for took, rows in delays.items() if rows} == {"1 to 5 s": 45, "1 to 24 h": 1}
    assert overview.values("Failed enrichments") == {
        "failed": {"2026-01-10": 0, "2026-01-11": 0, "2026-01-12": 1},
        "refused": {"2026-01-10": 1, "2026-01-11": 0, "2026-01-12": 0},
    }
    assert overview.table("rows", "error_share")[2] == {"rows": "2", "error_share": "0.500000"}
