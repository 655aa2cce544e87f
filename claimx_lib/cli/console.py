"""`claimx console`: the review page in a browser."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from claimx_lib.cli.options import ConfigFile, Env, Sets, settings_of

Host = Annotated[
    str | None,
    typer.Option("--host", help="Address to serve at (console.host); any other than loopback needs console.token."),
]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port to serve at (console.port).")]


def command(
    env: Env = "local", config: ConfigFile = None, sets: Sets = None, host: Host = None, port: Port = None
) -> None:
    """Serve the review page: dead letters with suggestions, the mapping, and the tracked tasks.

    Reads the tables without a JVM; ends with Ctrl-C.  Example: claimx console --port 8765
    """
    # The page stands beside the command line, not below it: found by its name, as main() finds the commands.
    serve = importlib.import_module("claimx_lib.console.serve").serve
    serve(settings_of(env, config, sets), host=host, port=port)
