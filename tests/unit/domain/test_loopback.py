"""Which hosts are this machine."""

from __future__ import annotations

import pytest

from claimx_lib.domain.loopback import is_loopback

OWN = ("127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST")
OTHERS = ("0.0.0.0", "10.0.0.1", "a.b", "127.evil.example", "localhost.evil.example", "")  # noqa: S104


@pytest.mark.parametrize(("host", "expected"), [*((own, True) for own in OWN), *((other, False) for other in OTHERS)])
def test_loopback_is_this_machine(host: str, expected: bool) -> None:  # noqa: FBT001
    """Only addresses that no other machine can reach count as loopback, whatever a name begins with."""
    assert is_loopback(host) is expected
