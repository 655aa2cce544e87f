"""Who decides: the signed-in person where a proxy says so, a typed name on loopback alone."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

from claimx_lib.console.security import Gate
from claimx_lib.errors import ClaimxError

Fields = Mapping[str, str | list[str]]
LONGEST_NAME, LONGEST_WHY = 100, 1000


class NobodySignedIn(ClaimxError):
    """A change was asked for, and nobody stands for it."""


def typed_names_count(gate: Gate) -> bool:
    """Tell whether a typed name is good enough: nobody else can reach this page, and no proxy tells better."""
    return gate.is_loopback and gate.identity_header is None


def signed_in(request: Request, gate: Gate) -> str:
    """Return the identity that the proxy set, empty where there is none; never a name that somebody typed."""
    if gate.identity_header is None:
        return ""
    values = request.headers.getlist(gate.identity_header)
    return values[0].strip()[:LONGEST_NAME] if len(values) == 1 else ""


def decider(request: Request, gate: Gate, form: Fields) -> str:
    """Return who stands for this change; NobodySignedIn where nobody does."""
    who = _text(form, "by")[:LONGEST_NAME] if typed_names_count(gate) else signed_in(request, gate)
    if not who:
        cure = (
            "type your name" if typed_names_count(gate) else "sign in at the proxy that console.identity_header names"
        )
        raise NobodySignedIn("nobody is named for this decision", cure=cure)
    return who


def reason_given(form: Fields) -> str:
    """Return why; NobodySignedIn where none is given."""
    why = _text(form, "why")[:LONGEST_WHY]
    if not why:
        raise NobodySignedIn("no reason is given for this decision", cure="say why: it is kept with the decision")
    return why


def _text(form: Fields, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""
