"""`claimx topics`: the Kafka topics that the jobs read and write."""

from __future__ import annotations

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_rows

app = typer.Typer(help="The Kafka topics that the jobs read and write.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `create` a word of its own."""


@app.command("create")
def create(env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Create the topics that are missing; change nothing that exists, and tell where one differs from what is wanted.

    Example: claimx topics create --env staging
    """
    from claimx_lib.operations.topics import create_missing

    rows = create_missing(settings_of(env, config, sets))
    print_rows(rows, ("topic", "partitions", "retention_days", "result"), as_json=as_json)
