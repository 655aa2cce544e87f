"""`claimx mapping`: which project a claim belongs to, and what people say about it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from claimx_lib.cli.options import AsJson, By, ConfigFile, DryRun, Env, Sets, Why, settings_of
from claimx_lib.cli.output import print_rows, within_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimx_lib.config.settings import Settings
    from claimx_lib.connectors.delta_sql import DeltaSql
    from claimx_lib.operations.mapping_decisions import Decision

app = typer.Typer(help="Which project a claim belongs to; changes go by project.sync.", no_args_is_help=True)
Claim = Annotated[str, typer.Argument(metavar="CLAIM", help="The claim number.")]
Project = Annotated[str, typer.Argument(metavar="PROJECT", help="The ClaimX project id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
ROW = ("claim_number", "project_id", "source", "updated_at", "rivals", "event_id")
HISTORY = ("at", "claim_number", "from_project", "to_project", "source", "action", "outcome", "by", "why", "event_id")
CONFLICT = ("claim_key", "rule", "projects", "members")


@app.command("get")
def get(
    claim: Claim, env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False
) -> None:
    """Show the project of a claim, and of its other spellings. Reads the table, starts no JVM.

    Example: claimx mapping get ABC-123456
    """
    from claimx_lib.operations.mapping import mappings_of

    rows = mappings_of(_tables(settings_of(env, config, sets)), claim)
    print_rows([asdict(row) for row in rows], ROW, as_json=as_json)


@app.command("history")
def history(
    claim: Claim,
    limit: Limit = 1_000,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    as_json: AsJson = False,
) -> None:
    """Show what was said about a claim, and what became of it, oldest first; of more than --limit the newest.

    Example: claimx mapping history ABC-123456
    """
    from claimx_lib.operations.mapping import history_of

    found = history_of(_tables(settings_of(env, config, sets)), claim, limit=limit + 1)
    rows = within_limit(found, limit, kept="newest")
    print_rows([asdict(row) for row in rows], HISTORY, as_json=as_json, empty="nothing was said about this claim")


@app.command("conflicts")
def conflicts(
    limit: Limit = 1_000, env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False
) -> None:
    """Show the keys at which a rule joins several projects, then the claims that several projects claim.

    Example: claimx mapping conflicts --json
    """
    from claimx_lib.operations.mapping import conflicts as found

    settings = settings_of(env, config, sets)
    listed = within_limit(found(_tables(settings), settings, limit=limit + 1), limit, kept="first")
    rows = [{**asdict(one), "projects": one.projects} for one in listed]
    print_rows(rows, CONFLICT, as_json=as_json, empty="no conflicts")


@app.command("set")
def set_(
    claim: Claim,
    project: Project,
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    dry_run: DryRun = False,
) -> None:
    """Decide the project of a claim: no later event overrules it. Takes effect when mapping_sync has read it.

    Example: claimx mapping set ABC-123456 12345 --by ann --why "the adjuster called"
    """
    from claimx_lib.operations.mapping_decisions import decision

    _publish(settings_of(env, config, sets), [decision(claim, project)], by, why, dry_run=dry_run)


@app.command("unset")
def unset(
    claim: Claim,
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    dry_run: DryRun = False,
) -> None:
    """Take back what people decided about a claim: what the systems say counts again.

    Example: claimx mapping unset ABC-123456 --by ann --why "it was another claim"
    """
    from claimx_lib.operations.mapping_decisions import decision

    _publish(settings_of(env, config, sets), [decision(claim, None)], by, why, dry_run=dry_run)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns claim_number and project_id.")],
    by: By,
    why: Why,
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    dry_run: DryRun = False,
) -> None:
    """Decide the projects of many claims. Every line is looked at first: one wrong line, and nothing is imported.

    Example: claimx mapping import projects.csv --by ann --why "list of 10 January"
    """
    from claimx_lib.operations.mapping_decisions import decisions_of

    _publish(settings_of(env, config, sets), decisions_of(file), by, why, dry_run=dry_run)


def _publish(settings: Settings, decisions: Sequence[Decision], by: str, why: str, *, dry_run: bool) -> None:
    from claimx_lib.operations.mapping_decisions import author, publish

    who, topic = author(by, why), settings.kafka.topics.manual_decisions
    if dry_run:
        print(f"{_counted(len(decisions))} would be published to {topic}")
        return
    print(f"{_counted(publish(settings, decisions, who))} published to {topic}; mapping_sync's next batch applies it")


def _counted(decisions: int) -> str:
    return "1 decision" if decisions == 1 else f"{decisions:,} decisions"


def _tables(settings: Settings) -> DeltaSql:
    from claimx_lib.connectors.delta_sql import DeltaSql

    return DeltaSql(root=settings.storage.warehouse)
