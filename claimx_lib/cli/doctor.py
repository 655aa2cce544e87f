"""`claimx doctor`: everything that the jobs need, looked at once."""

from __future__ import annotations

import dataclasses

import typer

from claimx_lib.cli.options import AsJson, ConfigFile, Env, Sets, settings_of
from claimx_lib.cli.output import print_json, printable


def command(env: Env = "local", config: ConfigFile = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """Look at Java, versions, jars, Kafka, the ClaimX API and its token, tables and checkpoints.

    One line each, with the cure where something is wrong; status 1 if anything is.  Example: claimx doctor --env prod
    """
    from claimx_lib.connectors.spark import on_databricks, open_session
    from claimx_lib.operations.doctor import examine

    settings = settings_of(env, config, sets)
    session = open_session(settings, app_name="claimx doctor") if on_databricks() else None
    findings = examine(settings, session=session)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            cure = f" — {finding.cure}" if finding.cure else ""
            mark = "ok  " if finding.is_well else "FAIL"
            print(f"{mark}  {finding.what.ljust(width)}  {printable(finding.told)}{cure}")
    raise typer.Exit(0 if all(finding.is_well for finding in findings) else 1)
