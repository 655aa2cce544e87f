"""The console wired and served: from settings to a page that answers."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from claimx_lib.config.secrets import read_secret
from claimx_lib.connectors.api_settings import api_settings
from claimx_lib.connectors.claimx_api import RequestsClaimX
from claimx_lib.connectors.delta_sql import DeltaSql
from claimx_lib.console.app import application
from claimx_lib.console.desk import Desk
from claimx_lib.console.security import Gate
from claimx_lib.domain.clock import SYSTEM_CLOCK
from claimx_lib.errors import ConfigError
from claimx_lib.observability.logs import configure_logs
from claimx_lib.operations import dlq
from claimx_lib.operations.decisions import Decisions

if TYPE_CHECKING:
    from claimx_lib.config.settings import Settings
    from claimx_lib.domain.api import ClaimXApi


def serve(settings: Settings, *, host: str | None = None, port: int | None = None) -> None:
    """Serve the page until Ctrl-C or SIGTERM; ConfigError where it would be open to people it should not be open to."""
    gate = gate_of(settings, host=host, port=port)
    configure_logs(settings.logging)
    server = uvicorn.Server(
        uvicorn.Config(
            application(desk_of(settings, gate)),
            host=gate.host,
            port=gate.port,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=100,
            timeout_keep_alive=15,
        )
    )
    with listening(gate) as listener:
        told = f"claimx console: http://{_shown(gate.host)}:{gate.port}/ (Ctrl-C ends it)"
        print(told, file=sys.stderr, flush=True)  # noqa: T201 - where to look
        server.run(sockets=[listener])


def listening(gate: Gate) -> socket.socket:
    """Return a socket that listens; ConfigError where the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in gate.host else socket.AF_INET
    try:
        return socket.create_server((gate.host, gate.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"nothing can be served at {gate.host}:{gate.port}: {(error.strerror or str(error)).lower()}",
            cure="name another with --port, or end what listens there",
        ) from None


def gate_of(settings: Settings, *, host: str | None = None, port: int | None = None) -> Gate:
    """Return what is let in under these settings; what the command line names goes before them."""
    console = settings.console
    wanted = console.port if port is None else port
    if wanted == 0:
        raise ConfigError("console.port = 0: the page needs a port that people can name", cure="e.g. --port 8765")
    return Gate(
        host=console.host if host is None else host,
        port=wanted,
        allowed_hosts=tuple(console.allowed_hosts),
        token=None if console.token is None else read_secret(console.token, path="console.token"),
        identity_header=console.identity_header,
    )


def desk_of(settings: Settings, gate: Gate) -> Desk:
    """Return the desk for real tables, a real ClaimX and a real broker; nothing is opened yet."""
    tables = DeltaSql(root=settings.storage.warehouse)

    def api() -> ClaimXApi:
        return RequestsClaimX(api_settings(settings.claimx, read_secret(settings.claimx.token, path="claimx.token")))

    return Desk(
        settings=settings,
        tables=tables,
        gate=gate,
        clock=SYSTEM_CLOCK,
        api=api,
        decisions=Decisions(tables=tables, actions=dlq.desk_of(settings)),
    )


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
