"""Whom a page may be opened to: everybody on this machine, others with a token and under known names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from claimx_lib.domain.loopback import is_loopback

WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, so that it can be refused without names


@dataclass(frozen=True, slots=True, kw_only=True)
class TooOpen:
    """What is missing for a page at such a host, and what to do about it."""

    missing: str
    cure: str


def too_open(host: str, *, has_token: bool, has_names: bool) -> TooOpen | None:
    """Return what is missing for the console at this host; None where it may be served there."""
    if is_loopback(host):
        return None
    if not has_token:
        return TooOpen(
            missing="is open to others, and console.token is not set",
            cure="set console.token to a reference, e.g. {env: CLAIMX_CONSOLE_TOKEN}, or keep to 127.0.0.1",
        )
    if host in WILDCARDS and not has_names:
        return TooOpen(
            missing="answers under any name, and console.allowed_hosts is empty",
            cure="list the names that people type, e.g. [review.example.com]",
        )
    return None
