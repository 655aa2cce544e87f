"""`claimx tables`: the Delta tables that the jobs read and write."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, DryRun, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from claimx_lib.operations.tables import TableReport

app = typer.Typer(help="The Delta tables that the jobs read and write.", no_args_is_help=True)


@app.command("create")
def create(env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Create the tables that are missing, and in a catalog the views over them; change nothing that exists.

    Example: claimx tables create --set storage.warehouse=/data/claimx
    """
    from claimx_lib.operations import tables, views
    from claimx_lib.runtime import spark_session

    settings = settings_of(env, config, sets)
    with spark_session(settings, app_name="claimx tables create") as session:
        _print([*tables.create_missing(session, settings), *views.create_missing(session, settings)], as_json=as_json)


@app.command("migrate")
def migrate(
    env: Env = "local", config: ConfigFile = None, sets: Sets = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Bring tables and views to this version: columns are added, none is dropped or retyped; views are made anew.

    Example: claimx tables migrate --dry-run
    """
    from claimx_lib.operations import tables, views
    from claimx_lib.runtime import spark_session

    settings = settings_of(env, config, sets)
    with spark_session(settings, app_name="claimx tables migrate") as session:
        reports = tables.migrate(session, settings, dry_run=dry_run)
        _print([*reports, *views.migrate(session, settings, dry_run=dry_run)], as_json=as_json)


def _print(reports: list[TableReport], *, as_json: bool) -> None:
    if as_json:
        print_json([dataclasses.asdict(report) for report in reports])
        return
    print_rows([dataclasses.asdict(report) for report in reports], ("table", "result", "location"), as_json=False)
    for report in reports:
        for step in report.steps:
            print(f"{report.table}: {step}")
