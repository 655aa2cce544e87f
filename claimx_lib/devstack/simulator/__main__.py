"""`python -m claimx_lib.devstack.simulator`: serves until it is told to stop, or its parent is gone."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path

from claimx_lib.devstack.simulator.request_log import RequestLog
from claimx_lib.devstack.simulator.server import Connection, Simulator

TOKEN_VARIABLE = "CLAIMX_SIMULATOR_TOKEN"  # noqa: S105 # the name of a variable

_LOOK_FOR_PARENT_EVERY_SECONDS = 0.5


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="claimx-simulator", description="A ClaimX API on loopback, for development")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", help=f"the bearer token that is accepted; else ${TOKEN_VARIABLE}")
    parser.add_argument("--request-log", type=Path, help="one JSON line for each request, before its answer")
    parser.add_argument("--ready-file", type=Path, help='gets {"port": N} once requests are taken')
    return parser.parse_args()


async def serve(given: argparse.Namespace) -> None:
    """Serves on 127.0.0.1 until SIGTERM, SIGINT, or the parent's end."""
    token = given.token or os.environ.get(TOKEN_VARIABLE, "")
    simulator = Simulator(token, RequestLog(given.request_log))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(simulator), "127.0.0.1", given.port, backlog=1024)
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopped.set)
    if given.ready_file:
        _announce(given.ready_file, server.sockets[0].getsockname()[1])
    parent = os.getppid()
    while os.getppid() == parent and not stopped.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), _LOOK_FOR_PARENT_EVERY_SECONDS)
    server.close()


def _announce(file: Path, port: int) -> None:
    """Whole or not at all: a reader never sees half a file."""
    draft = file.with_name(file.name + ".draft")
    draft.write_text(json.dumps({"port": port}))
    draft.replace(file)


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
