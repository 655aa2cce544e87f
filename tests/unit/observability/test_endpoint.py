"""The Prometheus endpoint of the driver."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from claimx_lib.config.load import load
from claimx_lib.errors import ClaimxError
from claimx_lib.observability.endpoint import served, served_where_free
from claimx_lib.observability.metrics import Metrics


def test_metrics_are_there_while_the_run_lasts(free_port: int) -> None:
    """The endpoint answers inside the block, and its port is free again after it."""
    metrics = Metrics()
    metrics.count("itel_plugin_events_triggered_total", 3)
    with served(metrics.registry, load().metrics, port=free_port):
        body = urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=60).read().decode()
    assert "itel_plugin_events_triggered_total 3.0" in body
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", free_port))


def test_a_port_that_is_taken_is_one_clear_line(free_port: int) -> None:
    """Two applications on one port: the second is told the setting and the cure."""
    settings = load().metrics
    with (
        served(Metrics().registry, settings, port=free_port),
        pytest.raises(ClaimxError, match=f"metrics.port: 127.0.0.1:{free_port} can't be served") as caught,
        served(Metrics().registry, settings, port=free_port),
    ):
        pass
    assert "CLAIMX_METRICS_PORT" in caught.value.cure


def test_who_can_do_without_a_port_goes_on_where_it_is_taken(free_port: int) -> None:
    """The first has the address, the second none, and so has port 0."""
    settings = load().metrics
    with served_where_free(Metrics().registry, settings, port=free_port) as first:
        assert first == f"http://127.0.0.1:{free_port}/metrics"
        with served_where_free(Metrics().registry, settings, port=free_port) as second:
            assert second is None
    with served_where_free(Metrics().registry, settings, port=0) as none:
        assert none is None
