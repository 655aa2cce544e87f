from __future__ import annotations

import random
import socket

from claimx_lib.devstack.ports import LOOPBACK, accepts, free_port, is_free


def test_a_port_in_use_is_neither_free_nor_chosen() -> None:
    """A port that somebody listens on is never given out."""
    with socket.create_server((LOOPBACK, free_port(source=random.Random(7)))) as taken:
        port = taken.getsockname()[1]
        assert accepts(port)
        assert not is_free(port)
        assert free_port(source=random.Random(7)) != port


def test_a_free_port_is_not_one_that_clients_are_given(free_port: int) -> None:
    """No outgoing connection can take the port while its server is down: it is below the ephemeral range."""
    assert 15_000 <= free_port < 32_000
    assert is_free(free_port)
    assert not accepts(free_port)
