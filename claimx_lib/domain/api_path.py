"""Request targets made from a template and values that came from outside."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

_ALLOWED = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def is_url_id(text: str) -> bool:
    """Whether an id may stand in a path: 1 to 64 letters, digits, `_` or `-`, nothing else."""
    return _ALLOWED.fullmatch(text) is not None


def filled(template: str, **ids: str) -> str | None:
    """The template with its braces filled, percent-encoded; None when an id is not of the allowed form."""
    if not all(is_url_id(value) for value in ids.values()):
        return None
    for name, value in ids.items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template


def with_query(target: str, **parameters: str) -> str:
    """The target with each parameter set (an older value of the same name replaced), percent-encoded.

    Any text may be a value, lone surrogates included.
    """
    path, _, query = target.partition("?")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in parameters]
    added = [f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in parameters.items()]
    return f"{path}?{'&'.join(kept + added)}"


def same_host_target(base_url: str, current: str, link: str) -> str | None:
    """The request target of a link found in an answer to `current`; None when it leads to another host.

    `current` and the result are paths with their queries; scheme, host and port must be those of `base_url`.
    """
    base = urlsplit(base_url)
    try:
        parts = urlsplit(urljoin(f"{base.scheme}://{base.netloc}{current}", link))
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
        query = quote(parts.query, safe="/%:@!$&()*+,;=?-._~")
    except ValueError:  # also of a text that has no form in UTF-8
        return None
    if (parts.scheme, parts.netloc) != (base.scheme, base.netloc) or path.startswith("//"):
        return None
    return f"{path}?{query}" if query else path
