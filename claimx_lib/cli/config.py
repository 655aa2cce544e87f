"""`claimx config`: the settings, checked and shown."""

from __future__ import annotations

import dataclasses
import json

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, tell
from claimx_lib.errors import ConfigError, SettingsError

app = typer.Typer(
    help="The settings: conf/base.yaml, the environment's file, --config and --set.", no_args_is_help=True
)


@app.command("check")
def check(env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Check the settings without touching Kafka, ClaimX or tables; every wrong one gets a line.

    Example: claimx config check --env prod
    """
    from claimx_lib.config.tracking_topic import require_templates

    problems: tuple[str, ...] = ()
    try:
        settings = settings_of(env, config, sets)
        require_templates(settings.jobs, settings.kafka.topics.tracking)
    except SettingsError as error:
        problems = error.problems
    except ConfigError as error:
        problems = (str(error),)
    if as_json:
        print_json({"env": env, "valid": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            tell(f"claimx: {problem}")
    else:
        print(f"{env}: every setting is valid")
    raise typer.Exit(SettingsError.exit_status if problems else 0)


@app.command("show")
def show(env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Show every setting as it holds and what it comes from; secrets are shown as where they are kept.

    Example: claimx config show --env prod --json
    """
    from claimx_lib.config.load import effective

    found = effective(env, config=config, sets=sets or [])
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
        return
    for one in found:
        print(f"{one.path}: {json.dumps(one.value, ensure_ascii=False)}  # {one.source}")
