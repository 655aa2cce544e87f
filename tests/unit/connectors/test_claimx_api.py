"""The ClaimX client over a transport that only remembers: targets, paging, and what is never asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claimx_lib.connectors.api_settings import ApiSettings
from claimx_lib.connectors.claimx_api import MOST_PAGES, ClaimXClient
from claimx_lib.connectors.http import Exchange
from claimx_lib.domain.api import ApiOutcome
from claimx_lib.domain.secret import Secret

NOT_THERE = "404"
BASE = "https://api.example.com/gateway"


class Script:
    """A transport that gives what it was told and remembers what it was asked."""

    def __init__(self, *answers: Any, link: str | None = None, status: int = 200) -> None:
        self.targets: list[str] = []
        self._answers = list(answers)
        self._link, self._status = link, status

    def send(self, _method: str, target: str, **_options: Any) -> Exchange:
        self.targets.append(target)
        value = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if value == NOT_THERE:
            return Exchange(status=404)
        return Exchange(status=self._status, body=json.dumps(value).encode(), link=self._link)

    def close(self) -> None:
        """Nothing is open."""


def client(script: Script, **settings: Any) -> ClaimXClient:
    """A client before this script."""
    permit = settings.pop("permit", lambda: True)
    return ClaimXClient(ApiSettings(base_url=BASE, token=Secret("t"), **settings), script, permit=permit)


def found(number: int, **more: Any) -> dict[str, Any]:
    """A page with one project."""
    return {"projects": [{"project_id": number, "claim_number": "C"}], **more}


def test_paths_are_below_the_base_url_and_may_be_others():
    """A gateway's prefix and a path of one's own both hold; a search keeps its own parameters."""
    script = Script({"project_id": 1})
    asked = client(script, task_path="/v2/task/{task_id}/full", project_search_path="/v2/search?kind=project")
    asked.get_task("5")
    asked.find_projects("A B")
    assert script.targets == ["/gateway/v2/task/5/full", "/gateway/v2/search?kind=project&claim_number=A%20B"]


def test_each_further_page_keeps_the_pace_of_the_caller():
    """A page is a call: it is asked for only with a permit, and a list that is cut for want of one is no answer."""
    permits = [True, False]
    script = Script(found(1, next_page=2), found(2, next_page=3), found(3))
    search = client(script, permit=lambda: permits.pop(0)).find_projects("C")
    assert (len(script.targets), permits) == (2, [])
    assert (search.answer.kind, search.project_ids, search.is_none) == (ApiOutcome.OUT_OF_TIME, (), False)


def test_links_lead_on_below_the_prefix():
    """Absolute links of the same host, links without a host, and page numbers all lead to the next page."""
    script = Script(
        found(1, next=f"{BASE}/api/v1/projects?claim_number=C&cursor=x%2Fy"),
        found(2, next="/gateway/api/v1/projects?claim_number=C&page=3"),
        found(3, next_page=4),
        found(4),
    )
    assert client(script).find_projects("C").project_ids == (1, 2, 3, 4)
    assert script.targets[1:] == [
        "/gateway/api/v1/projects?claim_number=C&cursor=x%2Fy",
        "/gateway/api/v1/projects?claim_number=C&page=3",
        "/gateway/api/v1/projects?claim_number=C&page=4",
    ]


@pytest.mark.parametrize(
    "link",
    ["https://evil.example.com/x", "//evil.example.com/x", "http://api.example.com/gateway/x", "?claim_number=C"],
)
def test_a_link_that_leads_elsewhere_or_back_spoils_the_search(link):
    """The token goes to no other host, and an answer that can't be read to its end is none."""
    script = Script(found(1, next=link))
    search = client(script).find_projects("C")
    assert (search.answer.kind, search.project_ids, search.is_none) == (ApiOutcome.BAD_BODY, (), False)
    assert len(script.targets) == 1


def test_a_page_that_is_named_and_not_there_is_no_none():
    """404 for a page that the one before has named: what was found is not thrown away as an honest "none"."""
    script = Script(found(7, next_page=2), NOT_THERE)
    search = client(script).find_projects("C")
    assert (search.answer.kind, search.is_none, len(script.targets)) == (ApiOutcome.BAD_BODY, False, 2)
    assert client(Script(NOT_THERE)).find_projects("C").is_none


@pytest.mark.parametrize(
    ("status", "kind"), [(200, ApiOutcome.OK), (202, ApiOutcome.ODD_BODY), (206, ApiOutcome.ODD_BODY)]
)
def test_details_are_a_200_with_an_object(status, kind):
    """Accepted for later, or a part of it, is no task (contract, section 8)."""
    answer = client(Script({"id": 1}, status=status)).get_task("5")
    assert (answer.kind, answer.status) == (kind, status)


def test_pages_without_end_are_given_up():
    """A server that always has one more page is asked a bounded number of times."""
    script = Script(*[found(n, next_page=n + 1) for n in range(1, 100)])
    assert client(script).find_projects("C").answer.kind is ApiOutcome.BAD_BODY
    assert len(script.targets) == MOST_PAGES


def test_one_project_on_many_pages_is_one():
    """Ids are distinct, in the order given."""
    script = Script(found(7, next_page=2), found(7, next_page=3), found(5))
    assert client(script).find_projects("C").project_ids == (7, 5)


@pytest.mark.parametrize("value", [{}, {"id": None}, {"id": ""}, {"id": True}, [], "x", {"task": {"id": 1}}])
def test_a_created_task_without_an_id_is_in_doubt(value):
    """2xx says done, the body does not say what: that is no success."""
    created = client(Script(value)).create_task("1", "{}", "k")
    assert (created.answer.kind, created.task_id) == (ApiOutcome.BAD_BODY, None)


def test_a_settings_repr_shows_no_token():
    """Whoever logs or formats the settings shows nobody the token."""
    settings = ApiSettings(base_url=BASE, token=Secret("sentinel"))
    assert "sentinel" not in f"{settings!r} {settings}"
