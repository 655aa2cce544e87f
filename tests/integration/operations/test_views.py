"""The SQL views tell what the frames of transforms/analysis tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from chispa import assert_df_equality

from claimx_lib.config.load import load
from claimx_lib.operations import views
from claimx_lib.operations.tracking_overview import StuckRules, tracking_overview
from claimx_lib.schemas.identity_views import VIEWS
from claimx_lib.schemas.tables import BY_NAME, TRACKING
from claimx_lib.transforms.analysis import activity, identity, lifecycle, quality, service_level
from tests.fakes import warehouse
from tests.fakes.analysis import AS_OF, event, frame, hour, letter, step, told

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from claimx_lib.config.settings import Settings

Tables = dict[str, "DataFrame"]
LIMITS = {"Assigned": 24.0, "in_progress": 5.0}
STORY = {
    TRACKING.name: [
        *(event(n, 0, "assigned", assignment=100 + n) for n in range(1, 7)),
        *(event(10 + n, n, "completed", assignment=100 + n, previous_status="assigned") for n in range(1, 7)),
        event(30, 0, "assigned", assigned_to_user_id=1),
        event(31, 30, "Completed", previous_status="in_progress"),
        event(32, 40, "in_progress", previous_status="completed", assigned_to_user_id=2),
        event(33, 41, "in_progress", previous_status="on_hold", enrichment_status="failed"),
        event(34, 20, "assigned", assignment=None, rescued_data='{"task.x":1}', enrichment_status="skipped"),
        event(35, 500, "assigned", assignment=3),
    ],
    "xact_task_ledger": [
        step("a", "INTENT", 1),
        step("a", "CREATED", 2),
        step("b", "ADOPTED", 9, claim_number="00x-1ß", project_id=9, resolved_by="mapping_key:remove_dashes"),
        step("c", "CREATED", 3, resolved_by="api:exact"),
        step("d", "CREATED", 3, resolved_by=None),
        step("e", "REJECTED", 3),
    ],
    "xact_task_plan": [
        {"event_id": "event-a", "decision": d, "payload": '{"subject":{"event":{"happened_at":"2026-01-10T08:00:00+00:00"}}}'}
        for d in ("Wait", "Create")
    ],
    "claim_project_mapping_history": [
        told(1, 1),
        told(2, 2, project=8, outcome="conflict"),
        told(3, 3, project=8, source="manual"),
        told(4, 1, claim="X1ß", project=9, source="xact"),
        told(5, 1, claim="Z-1"),
        told(6, 2, claim="Z-1", project=8, source="manual"),
        told(7, 3, claim="Z-1", project=None, source="manual", action="unset", outcome="withdrawn"),
    ],
    "xact_task_pending": [{"event_id": f"p{n}", "first_seen_at": hour(n), "last_reason": "r"} for n in (0, 50, 99.5)],
    "dead_letters": [letter("a", 1), letter("b", 99, state="RESOLVED"), letter("c", 80, reason="undecodable")],
}  # fmt: skip


def stays(t: Tables) -> DataFrame:
    return lifecycle.status_intervals(t[TRACKING.name], as_of=AS_OF)


FRAMES: dict[str, Callable[[Tables], DataFrame]] = {
    "cabinet_task_lifecycle": lambda t: lifecycle.task_lifecycle(t[TRACKING.name], task_id=32513),
    "cabinet_status_transitions": lambda t: lifecycle.status_counts(t[TRACKING.name], year=2026, month=1),
    "cabinet_status_stays": stays,
    "cabinet_time_in_status": lambda t: lifecycle.time_in_status(stays(t)),
    "cabinet_sla": lambda t: service_level.sla_by_stay(stays(t), limit_hours=LIMITS),
    "cabinet_stuck_tasks": lambda t: service_level.stuck_tasks(stays(t), quantile=0.5, min_observations=5),
    "cabinet_throughput": lambda t: activity.throughput(t[TRACKING.name], timezone="Asia/Tokyo"),
    "cabinet_reopenings": lambda t: activity.reopenings(t[TRACKING.name]),
    "cabinet_reassignments": lambda t: activity.reassignments(t[TRACKING.name]),
    "cabinet_enrichment_by_day": lambda t: quality.enrichment_by_day(t[TRACKING.name], timezone="Asia/Tokyo"),
    "cabinet_rescued_fields": lambda t: quality.rescued_fields(t[TRACKING.name]),
    "identity_resolved_tasks": lambda t: identity.resolved_tasks(
        t["xact_task_ledger"], t["claim_project_mapping_history"]
    ),
    "identity_delay_to_task": lambda t: identity.delay_to_task(t["xact_task_ledger"], t["xact_task_plan"]),
    "identity_conflicts": lambda t: identity.conflicts(t["claim_project_mapping_history"]),
    "identity_pending_by_age": lambda t: identity.pending_by_age(t["xact_task_pending"], as_of=AS_OF),
    "identity_dead_letters_by_age": lambda t: identity.dead_letters_by_age(t["dead_letters"], as_of=AS_OF),
}


def settings_at(root: object) -> Settings:
    sets = [
        f"storage.warehouse={root}",
        "analysis.timezone=Asia/Tokyo",
        "analysis.stuck_quantile=0.5",
        "analysis.stuck_min_observations=5",
    ]
    settings = load(sets=sets, environ={})
    return settings.model_copy(update={"analysis": settings.analysis.model_copy(update={"sla_hours": LIMITS})})


KEPT = {"cabinet_status_stays", "cabinet_sla", "cabinet_stuck_tasks"}
"""Each rests on the first; one of them has settings in it."""


@pytest.fixture(scope="module")
def story(spark: SparkSession) -> Tables:
    """Every view in the session, over the rows above, told of one moment; the tables as frames."""
    made = {name: frame(spark, BY_NAME[name], rows).coalesce(1) for name, rows in STORY.items()}
    for name, rows in made.items():
        rows.createOrReplaceTempView(f"told_{name}")
    names = {name: f"told_{name}" for name in BY_NAME} | {spec.name: spec.name for spec in VIEWS}
    analysis = settings_at("unused").analysis
    for spec in VIEWS:
        spark.sql(views.rendered(spec, names, analysis, AS_OF)).createOrReplaceTempView(spec.name)
    return made


@pytest.mark.parametrize("name", FRAMES)
def test_view_and_frame_agree(spark: SparkSession, story: Tables, name: str) -> None:
    """A view has the rows and the columns of its frame, and there are some."""
    expected = FRAMES[name](story)
    view = spark.table(name)
    if name == "cabinet_status_transitions":
        view = view.where("year = 2026 AND month = 1")
    assert not view.isEmpty()
    assert_df_equality(view.select(expected.columns), expected, ignore_row_order=True, ignore_nullable=True)


def test_the_console_names_the_tasks_that_the_view_names(spark: SparkSession, story: Tables, tmp_path: Path) -> None:
    """The tracking page, which asks without a JVM, has the stuck tasks of the view, with the same times and limits."""
    assert story
    made = warehouse.Tables(tmp_path).create(TRACKING.name)
    made.append(TRACKING.name, STORY[TRACKING.name])
    overview = tracking_overview(made.sql, StuckRules(quantile=0.5, min_observations=5), now=AS_OF, days=1)
    rows = spark.table("cabinet_stuck_tasks").collect()
    expected = {(row.assignment_id, row.task_status, round(row.hours, 6), round(row.limit_hours, 6)) for row in rows}
    assert expected
    assert {
        (task.assignment_id, task.status, round(task.waited_seconds / 3600, 6), round(task.limit_seconds / 3600, 6))
        for task in overview.stuck
    } == expected


def test_every_view_is_held_to_a_frame() -> None:
    """No view stands without its frame; the one that does is a part of the next two."""
    assert {spec.name for spec in VIEWS} - FRAMES.keys() == {"identity_tasks"}


def test_hostile_settings_stay_settings(spark: SparkSession, story: Tables) -> None:
    """Quotes and backslashes in settings are text in the SQL; no limits at all make an empty view."""
    assert story
    names = {"cabinet_status_stays": "cabinet_status_stays"}
    spec = next(spec for spec in VIEWS if spec.name == "cabinet_sla")
    for limits, expected in (({"a' OR '1'='1": 1.0, "\\": 2.0}, 0), ({}, 0), ({"ASSIGNED": 1.0, "assigned": 2.0}, 8)):
        analysis = settings_at("unused").analysis.model_copy(update={"sla_hours": limits})
        assert spark.sql(views.rendered(spec, names, analysis, AS_OF)).count() == expected


@pytest.fixture
def catalog(spark: SparkSession) -> Iterator[str]:
    """A schema of the session's own catalog with the tables that views read, gone at the end."""
    spark.sql("CREATE SCHEMA spark_catalog.claimx_views")
    for name in STORY:
        spark.sql(f"CREATE TABLE spark_catalog.claimx_views.{name} ({BY_NAME[name].schema.toDDL()}) USING parquet")
    yield "spark_catalog.claimx_views"
    spark.sql("DROP SCHEMA spark_catalog.claimx_views CASCADE")


def test_views_are_kept_in_a_catalog(spark: SparkSession, catalog: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made once, left alone by a second create, made anew by a migration where the settings in them have changed."""
    monkeypatch.setattr(views, "VIEWS", [spec for spec in VIEWS if spec.name in KEPT])
    settings = settings_at(catalog)
    assert {report.result for report in views.create_missing(spark, settings)} == {"created"}
    assert {report.result for report in views.create_missing(spark, settings)} == {"there already"}
    assert {report.result for report in views.migrate(spark, settings, dry_run=False)} == {"up to date"}
    assert spark.table(f"{catalog}.cabinet_stuck_tasks").count() == 0
    other = settings.model_copy(
        update={"analysis": settings.analysis.model_copy(update={"sla_hours": {"review": 1.0}})}
    )
    planned = {r.table: r.result for r in views.migrate(spark, other, dry_run=True)}
    assert [name for name, result in planned.items() if result == "would change"] == ["cabinet_sla"]
    done = {r.table: r.result for r in views.migrate(spark, other, dry_run=False)}
    assert [name for name, result in done.items() if result == "migrated"] == ["cabinet_sla"]
    assert {report.result for report in views.migrate(spark, other, dry_run=False)} == {"up to date"}


def test_folders_hold_no_views(spark: SparkSession, tmp_path: Path) -> None:
    """Where the tables are paths nothing is made, and nothing is said to be."""
    assert views.create_missing(spark, settings_at(tmp_path)) == []
    assert views.migrate(spark, settings_at(tmp_path), dry_run=False) == []
