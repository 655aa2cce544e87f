"""Tables: created where missing, migrated, refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from claimx_lib.config.load import load
from claimx_lib.errors import TableError
from claimx_lib.operations.tables import create_missing, migrate, require_tables
from claimx_lib.schemas.tables import TABLES, TRACKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from claimx_lib.config.settings import Settings

LEDGER = "xact_task_ledger"
NAMES = [spec.name for spec in TABLES]


def settings_at(folder: Path) -> Settings:
    return load(
        sets=[
            f"storage.warehouse={folder}",
            "storage.table_properties={team: claims, delta.feature.appendOnly: supported}",
        ],
        environ={},
    )


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose tables have just been created."""
    settings = settings_at(tmp_path_factory.mktemp("a folder with spaces"))
    assert {report.result for report in create_missing(spark, settings)} == {"created"}
    return settings


def test_tables_have_the_shape_that_is_specified(made: Settings) -> None:
    """Columns, NOT NULL, partitions, comment and properties are there for any Delta reader."""
    table = DeltaTable(f"{made.storage.warehouse}/{TRACKING.name}")
    assert [(f.name, f.nullable) for f in table.schema().fields] == [(f.name, f.nullable) for f in TRACKING.schema]
    assert table.metadata().partition_columns == ["year", "month", "day"]
    assert table.metadata().description == TRACKING.comment
    properties = table.metadata().configuration
    assert properties.items() >= {**TRACKING.properties, "team": "claims"}.items()


def test_a_second_create_changes_nothing(spark: SparkSession, made: Settings) -> None:
    """Creating again leaves every table at its version."""
    before = {name: DeltaTable(f"{made.storage.warehouse}/{name}").version() for name in NAMES}
    assert {report.result for report in create_missing(spark, made)} == {"there already"}
    assert {name: DeltaTable(f"{made.storage.warehouse}/{name}").version() for name in NAMES} == before


def test_tables_just_made_need_no_migration(spark: SparkSession, made: Settings) -> None:
    """What create makes is what migrate wants, and what the jobs accept."""
    assert {report.result for report in migrate(spark, made, dry_run=False)} == {"up to date"}
    require_tables(made, NAMES)


def test_an_older_table_is_brought_over(spark: SparkSession, tmp_path: Path) -> None:
    """Missing columns and properties are added, rows stay; a dry run says so and does nothing; jobs refuse until then."""
    settings = settings_at(tmp_path)
    old = spark.createDataFrame([("k", "CREATED")], "idempotency_key STRING, state STRING")
    old.write.format("delta").save(f"{tmp_path}/xact_task_ledger")
    with pytest.raises(TableError, match="schema version none"):
        require_tables(settings, ["xact_task_ledger"])
    planned = {report.table: report for report in migrate(spark, settings, dry_run=True)}["xact_task_ledger"]
    assert planned.result == "would change"
    assert planned.steps[0].startswith("ADD COLUMNS (`event_id` string")
    assert DeltaTable(f"{tmp_path}/xact_task_ledger").version() == 0
    migrate(spark, settings, dry_run=False)
    require_tables(settings, ["xact_task_ledger"])
    row = spark.read.format("delta").load(f"{tmp_path}/xact_task_ledger").collect()[0]
    assert (row.idempotency_key, row.state, row.project_id) == ("k", "CREATED", None)


def test_further_properties_are_brought_over_too(spark: SparkSession, made: Settings) -> None:
    """What `storage.table_properties` says since is set, and stays: our own values do not come back over it."""
    wanted = {"team": "Ann's \\ claims", "delta.logRetentionDuration": "interval 14 days"}
    storage = made.storage.model_copy(update={"table_properties": wanted})
    other = made.model_copy(update={"storage": storage})
    assert {report.result for report in migrate(spark, other, dry_run=False)} == {"migrated"}
    assert {report.result for report in migrate(spark, other, dry_run=False)} == {"up to date"}
    assert DeltaTable(f"{made.storage.warehouse}/{LEDGER}").metadata().configuration.items() >= wanted.items()
    assert {report.result for report in migrate(spark, made, dry_run=False)} == {"migrated"}


def test_a_newer_or_foreign_table_is_left_to_a_person(spark: SparkSession, tmp_path: Path) -> None:
    """A newer schema version and a column of another type are refused with the table's name, and nothing is changed."""
    settings = settings_at(tmp_path)
    spark.createDataFrame([(1,)], "state INT").write.format("delta").save(f"{tmp_path}/xact_task_ledger")
    with pytest.raises(TableError, match="column state is int, this version needs string"):
        migrate(spark, settings, dry_run=False)
    spark.sql(f"ALTER TABLE delta.`{tmp_path}/xact_task_ledger` SET TBLPROPERTIES ('claimx.schema_version' = '99')")
    with pytest.raises(TableError, match="newer than this claimx"):
        migrate(spark, settings, dry_run=False)


def test_a_missing_table_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    """Jobs don't start without their tables, and no JVM is needed to say so."""
    with pytest.raises(TableError) as caught:
        require_tables(settings_at(tmp_path), ["dead_letters"])
    assert caught.value.cure == "run claimx tables create"
