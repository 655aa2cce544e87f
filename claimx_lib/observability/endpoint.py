"""The driver's metrics in the Prometheus format, served while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server

from claimx_lib.errors import ClaimxError

if TYPE_CHECKING:
    from claimx_lib.config.settings import Metrics as MetricsSettings

OFF = 0
PLACES = {"metrics.port": "CLAIMX_METRICS_PORT"}
"""Settings that conf/base.yaml takes from the environment."""


@contextmanager
def served(
    registry: CollectorRegistry, settings: MetricsSettings, *, port: int, setting: str = "metrics.port"
) -> Iterator[None]:
    """Serve the registry at `http://<host>:<port>/metrics` for as long as the block runs; port 0 serves nothing.

    Raises ClaimxError that names the setting, `setting`, where the port is taken.
    """
    if port == OFF:
        yield
        return
    try:
        server, thread = start_http_server(port, addr=settings.host, registry=registry)
    except OSError as error:
        raise ClaimxError(
            f"{setting}: {settings.host}:{port} can't be served: {error.strerror}",
            cure=f"set {PLACES.get(setting, setting)} to a free port, or to 0 for no endpoint",
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def served_where_free(registry: CollectorRegistry, settings: MetricsSettings, *, port: int) -> Iterator[str | None]:
    """As `served`, and hand out the address; None where the port is 0 or taken: for who can do without."""
    with ExitStack() as stack:
        try:
            stack.enter_context(served(registry, settings, port=port))
        except ClaimxError:
            port = OFF
        yield None if port == OFF else f"http://{settings.host}:{port}/metrics"
