"""Arguments that most commands share, and the settings they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings

Env = Annotated[str, typer.Option("--env", metavar="ENV", help="Which settings: conf/<ENV>.yaml over conf/base.yaml.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A settings file over both.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting over all files, e.g. claimx.timeout_seconds=5."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides; kept for good.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="For what reason; kept for good.")]
EvenIfDecided = Annotated[
    bool, typer.Option("--even-if-decided", help="Also where a person has decided about the letter already.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, do nothing.")]


def settings_of(env: str, config: Path | None, sets: list[str] | None) -> Settings:
    """Return the settings that these arguments name; ConfigError where they are wrong."""
    from claimx_lib.config.load import load

    return load(env, config=config, sets=sets or [])
