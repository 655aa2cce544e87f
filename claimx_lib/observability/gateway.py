"""A Pushgateway: what stands there is read, groups are put in place of what they were."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.exposition import basic_auth_handler, default_handler
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 5.0
APPLICATION = "claimx"
"""The group of what belongs to no single job; the others are named as their job."""
GROUP_LABELS = {"job", "run", "instance"}

Series = tuple[str, frozenset[tuple[str, str]]]
Handler = Callable[[str, str, float | None, list[tuple[str, str]], bytes], Callable[[], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where figures are left; a name and password in its URL go as basic authentication, and into no message.

    Every call raises where the gateway does not answer as one: OSError, HTTPException, ValueError.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def at(cls, text: str) -> Self:
        """Return the gateway at a URL, or at `host:port`."""
        parts = urlsplit(text if "://" in text else f"http://{text}")
        who, _, place = parts.netloc.rpartition("@")
        user, _, password = who.partition(":")
        bare = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        return cls(url=bare, user=unquote(user), password=unquote(password))

    def sums(self, grouping: Mapping[str, str]) -> dict[tuple[str, Series], float]:
        """Return what stands in the groups of this run, by group and series."""
        samples = (sample for family in text_string_to_metric_families(self._page()) for sample in family.samples)
        wanted = {"run": grouping.get("run", ""), "instance": grouping.get("instance", "")}
        return {
            (sample.labels.get("job", ""), series_of(sample.name, sample.labels)): sample.value
            for sample in samples
            if all(sample.labels.get(label, "") == value for label, value in wanted.items())
        }

    def put(self, job: str, grouping: Mapping[str, str], registry: CollectorRegistry) -> None:
        """Have the group hold what the registry holds, and nothing else."""
        push_to_gateway(
            self.url,
            job=job,
            registry=registry,
            grouping_key=dict(grouping),
            timeout=TIMEOUT_SECONDS,
            handler=self._handler(),
        )

    def _handler(self) -> Handler:
        def authenticated(
            url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
        ) -> Callable[[], None]:
            return basic_auth_handler(url, method, timeout, headers, data, self.user, self.password)

        return authenticated if self.user else default_handler

    def _page(self) -> str:
        request = Request(f"{self.url}/metrics")  # noqa: S310  # the operator's own setting
        if self.user:
            both = b64encode(f"{self.user}:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {both}")
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # as above
            return str(answer.read().decode())


def series_of(name: str, labels: Mapping[str, str]) -> Series:
    """Return what tells a series from the others of its group: its name and its own labels."""
    return name, frozenset((label, value) for label, value in labels.items() if label not in GROUP_LABELS)
