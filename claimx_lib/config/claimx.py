"""The settings of the ClaimX REST API."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from claimx_lib.config.model import Count, Model, PerSecond, PositiveCount, PositiveSeconds, wrong
from claimx_lib.config.secrets import SecretReference
from claimx_lib.domain.loopback import is_loopback

BASE_URL = re.compile(r"https?://[^/\s?#@]+(/[^\s?#]*)?")
PROXY_URL = re.compile(r"https?://[^/\s?#@]+/?")
PLACES = {"task": {"task_id"}, "project": {"project_id"}, "create_task": {"project_id"}, "task_search": {"project_id"}}
"""What each path of `claimx.paths` has in braces; the others have nothing."""
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


class ClaimxPaths(Model):
    """Path templates below `claimx.base_url`; names in braces are filled in, percent-encoded."""

    task: str
    project: str
    project_search: str
    create_task: str
    task_search: str

    @field_validator("*")
    @classmethod
    def _names_what_is_filled_in(cls, value: str, info: ValidationInfo) -> str:
        wanted = PLACES.get(str(info.field_name), set())
        if not value.startswith("/") or set(re.findall(r"{(.*?)}", value)) != wanted:
            raise ValueError(
                f"give a path that begins with / and holds {' and '.join(f'{{{p}}}' for p in sorted(wanted)) or 'no braces'}"
            )
        return value


def _has_port(address: str) -> bool:
    """Whether what stands behind the host's colon, if anything does, is a port."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


class Circuit(Model):
    """When to stop calling an API that does not answer, and when to try it again."""

    failures: PositiveCount
    open_seconds: PositiveSeconds


class ClaimX(Model):
    """The ClaimX REST API and how gently it is called."""

    base_url: str
    allow_plaintext: bool
    ca_bundle: str | None
    proxy_url: str | None
    token: SecretReference
    timeout_seconds: PositiveSeconds
    max_retries: Count
    retry_backoff_base: float = Field(ge=1)
    retry_backoff_max_seconds: PositiveSeconds
    max_concurrency: PositiveCount
    requests_per_second: PerSecond
    max_response_bytes: PositiveCount
    supports_external_reference: bool
    circuit: Circuit
    paths: ClaimxPaths
    headers: dict[str, str]

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not BASE_URL.fullmatch(value) or not _has_port(value):
            raise ValueError("give http:// or https://, a host, and where needed :port and /path; no user, no query")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _keeps_the_token_to_itself(self) -> ClaimX:
        address = urlsplit(self.base_url)
        if address.scheme == "http" and not self.allow_plaintext and not is_loopback(address.hostname or ""):
            raise wrong(
                ("base_url",),
                self.base_url,
                "the token would go to another machine in clear: give its https:// address, or set "
                "claimx.allow_plaintext to true",
            )
        return self

    @field_validator("proxy_url")
    @classmethod
    def _is_a_proxy(cls, value: str | None) -> str | None:
        if value is not None and not (PROXY_URL.fullmatch(value) and _has_port(value)):
            raise ValueError("give http:// or https://, a host, and where needed :port; no user, no path")
        return value

    @field_validator("headers")
    @classmethod
    def _may_be_sent(cls, value: dict[str, str]) -> dict[str, str]:
        wrong = [n for n, text in value.items() if not (HEADER_NAME.fullmatch(n) and HEADER_VALUE.fullmatch(text))]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no header: a name without spaces, a value on one line")
        return value
