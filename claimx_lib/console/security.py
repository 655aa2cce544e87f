"""Who may talk to the console: hosts, origins, tokens, sessions and the headers of every answer."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from claimx_lib.domain.loopback import is_loopback
from claimx_lib.domain.open_page import too_open
from claimx_lib.domain.secret import Secret
from claimx_lib.errors import ConfigError

COOKIE: Final = "claimx_console"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends the Origin "null" with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What is let in. Sessions are signed with a key of this process: a restart signs everybody out."""

    host: str
    port: int
    allowed_hosts: tuple[str, ...] = ()
    token: Secret | None = None
    identity_header: str | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def __post_init__(self) -> None:
        found = too_open(self.host, has_token=self.token is not None, has_names=bool(self.allowed_hosts))
        if found is not None:
            raise ConfigError(f"console.host = {self.host} {found.missing}", cure=found.cure)

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can reach the page."""
        return is_loopback(self.host)

    def is_known_host(self, header: str) -> bool:
        """Tell whether a Host header is one of ours: a foreign name that resolves here is refused."""
        names = {self._with_port(self.host), *self.allowed_hosts, *map(self._with_port, self.allowed_hosts)}
        if self.is_loopback:
            names |= {self._with_port(name) for name in LOOPBACK_NAMES}
        return header.lower() in {name.lower() for name in names}

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Tell whether a change comes from a page of this very host; no Origin, no change."""
        return bool(host) and origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower()}

    def opens(self, typed: str) -> bool:
        """Tell whether this is the token, in a time that does not depend on how much of it is right."""
        return self.token is not None and hmac.compare_digest(typed.encode(), self.token.reveal().encode())

    def new_session(self, *, is_signed_in: bool) -> str:
        """Return a cookie's value: random, signed, and telling whether the token was given."""
        body = f"{secrets.token_urlsafe(24)}.{int(is_signed_in)}"
        return f"{body}.{self._sign('session', body)}"

    def is_session(self, cookie: str) -> bool:
        """Tell whether we made this cookie."""
        body, _, signature = cookie.rpartition(".")
        return bool(body) and hmac.compare_digest(signature.encode(), self._sign("session", body).encode())

    def is_signed_in(self, cookie: str) -> bool:
        """Tell whether this session may see anything; without a token everybody on this machine may."""
        return self.token is None or (self.is_session(cookie) and cookie.split(".")[1] == "1")

    def csrf_token(self, cookie: str) -> str:
        """Return what a form of this session must bring along."""
        return self._sign("csrf", cookie)

    def is_own_form(self, cookie: str, brought: str) -> bool:
        """Tell whether a form was made by us for this session."""
        return self.is_session(cookie) and hmac.compare_digest(brought.encode(), self.csrf_token(cookie).encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self.key, f"{purpose}:{text}".encode(), sha256).hexdigest()

    def _with_port(self, name: str) -> str:
        return f"{name}:{self.port}"
