from __future__ import annotations

import pytest

from claimx_lib.console.security import Gate
from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError

ANYWHERE = "0.0.0.0"  # noqa: S104 - to be refused
LOCAL = Gate(host="127.0.0.1", port=8765)
SHARED = Gate(host=ANYWHERE, port=8765, allowed_hosts=("review.example.com",), token=Secret("t0ken"))


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765", "LOCALHOST:8765"])
def test_own_names_are_known(host: str) -> None:
    """On loopback this machine's own names with our port are answered."""
    assert LOCAL.is_known_host(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1", "localhost:80", "", "127.0.0.1.nip.io:8765"]
)
def test_foreign_names_are_not_known(host: str) -> None:
    """A foreign name that resolves to us (DNS rebinding), or another port, is refused."""
    assert not LOCAL.is_known_host(host)


def test_listed_names_are_known_with_and_without_the_port() -> None:
    """Behind a proxy the Host header may carry our port or none."""
    assert SHARED.is_known_host("review.example.com")
    assert SHARED.is_known_host("review.example.com:8765")
    assert not SHARED.is_known_host("localhost:8765")


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1:9", "file://", "127.0.0.1:8765", "http://["]
)
def test_no_foreign_origin_may_change_anything(origin: str) -> None:
    """A change without an Origin, or with another one than the page's own, is refused."""
    assert not LOCAL.is_own_origin(origin, "127.0.0.1:8765")


def test_own_origin_may_change() -> None:
    """The page's own origin passes, also where a proxy ends TLS."""
    assert LOCAL.is_own_origin("http://127.0.0.1:8765", "127.0.0.1:8765")
    assert SHARED.is_own_origin("https://review.example.com", "review.example.com")


def test_other_hosts_need_a_token() -> None:
    """Nobody opens the page to a network without a token."""
    with pytest.raises(ConfigError, match=r"console\.token is not set"):
        Gate(host="10.0.0.5", port=8765)


def test_a_wildcard_host_needs_names() -> None:
    """Without names to hold the Host header to, an open address is refused."""
    with pytest.raises(ConfigError, match=r"console\.allowed_hosts is empty"):
        Gate(host=ANYWHERE, port=8765, token=Secret("t"))


def test_only_the_token_opens() -> None:
    """A wrong, empty or foreign token opens nothing; without a token there is nothing to open."""
    assert SHARED.opens("t0ken")
    assert not any(SHARED.opens(typed) for typed in ("", "T0ken", "t0ken ", "tökèn"))
    assert not LOCAL.opens("")


def test_sessions_are_ours_alone() -> None:
    """A session that another process signed, or that somebody changed, is none."""
    session = SHARED.new_session(is_signed_in=False)
    raised = session.replace(".0.", ".1.")
    other = Gate(host=ANYWHERE, port=8765, allowed_hosts=("a",), token=Secret("t"))
    assert SHARED.is_session(session)
    assert not SHARED.is_signed_in(session)
    assert SHARED.is_signed_in(SHARED.new_session(is_signed_in=True))
    assert not SHARED.is_signed_in(raised)
    assert not other.is_session(session)
    assert not any(SHARED.is_session(cookie) for cookie in ("", ".", "a.1.", "é.1.x"))


def test_a_form_belongs_to_its_session() -> None:
    """The CSRF token of one session is worth nothing in another."""
    one, two = (LOCAL.new_session(is_signed_in=False) for _ in range(2))
    assert LOCAL.is_own_form(one, LOCAL.csrf_token(one))
    assert not LOCAL.is_own_form(two, LOCAL.csrf_token(one))
    assert not LOCAL.is_own_form("", LOCAL.csrf_token(""))


def test_the_gate_shows_no_secret() -> None:
    """Neither the token nor the signing key can slip into a log by a repr."""
    assert "t0ken" not in repr(SHARED)
    assert "key=" not in repr(SHARED)
