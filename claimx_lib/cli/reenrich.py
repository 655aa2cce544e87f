"""`claimx reenrich`: fetches the details of rows whose enrichment failed."""

from __future__ import annotations

from typing import Annotated

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, tell
from claimx_lib.cli.times import parsed_time

Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only rows written from then on, however old their events: 2026-01-10, 2026-01-10T08:00Z, or 2h, 3d ago.",
    ),
]
Limit = Annotated[
    int,
    typer.Option(
        "--limit", min=1, help="So many rows at most, the newest; what fails again counts in the next call too."
    ),
]


def command(
    env: Env = "local",
    config: ConfigFile = None,
    sets: Sets = None,
    since: Since = None,
    limit: Limit = 100_000,
    as_json: AsJson = False,
) -> None:
    """Ask ClaimX again for rows whose enrichment failed, and repair them in place; safe beside running streams.

    Status 1 where some could still not be fetched.  Example: claimx reenrich --since 2d
    """
    from claimx_lib.runtime import repair

    settings = settings_of(env, config, sets)
    done = repair(settings, since=parsed_time(since) if since else None, limit=limit)
    if as_json:
        print_json({"asked": done.asked, "outcomes": done.outcomes, "more_left": done.is_cut})
    else:
        print(done.told())
    if done.is_cut:
        tell(f"the newest {limit}; older ones are left: call it again, with a higher --limit where some fail again")
    raise typer.Exit(1 if done.outcomes.get("failed") else 0)
