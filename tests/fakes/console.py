"""Somebody at the console: a browser as far as HTTP goes, and actions that are written down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from fastapi.testclient import TestClient

from claimx_lib.errors import ClaimxError
from tests.fakes.clock import FakeClock
from tests.fakes.warehouse import NOW


class FixedClock(FakeClock):
    """The moment that the tables' rows are written around."""

    def now(self) -> datetime:
        return NOW


@dataclass
class Recorded:
    """Actions that are written down instead of being published."""

    done: list[tuple[object, ...]] = field(default_factory=list)
    failure: ClaimxError | None = None

    def refusals(self, dead_letter_ids: Sequence[str]) -> dict[str, str]:  # noqa: ARG002 - each has a way back
        return {}

    def resolve(self, dead_letter_id: str, project_id: int, *, by: str, why: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.done.append(("resolve", dead_letter_id, project_id, by, why))

    def replay(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> None:
        self.done.append(("replay", dead_letter_ids, by, why))

    def discard(self, dead_letter_ids: tuple[str, ...], *, by: str, why: str) -> int:
        self.done.append(("discard", dead_letter_ids, by, why))
        return len(dead_letter_ids)


class Browser(TestClient):
    """A browser as far as the console can tell: cookies, an Origin with each form, and forms that were opened before."""

    def opened(self, path: str) -> dict[str, str]:
        """The hidden fields of the first form that changes something on a page."""
        form = re.search(r'<form method="post".*?</form>', self.get(path).text, re.DOTALL)
        assert form is not None, path
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))

    def submit(self, path: str, fields: Mapping[str, object]) -> httpx.Response:
        """A form, sent from the console's own page."""
        headers = {"origin": str(self.base_url).rstrip("/")}
        return self.post(path, data=dict(fields), headers=headers, follow_redirects=False)
