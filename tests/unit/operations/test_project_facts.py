from __future__ import annotations

import pytest

from claimx_lib.operations.project_facts import ComparedFact, compared, project_facts
from tests.fakes.claimx import FakeClaimX


def test_a_project_is_shown_beside_the_claim() -> None:
    """The claim number comes first, then what both sides have, then the rest of each side; each with its verdict."""
    api = FakeClaimX()
    api.control.put_project(55, "123456", address="1 Elm St", owner={"insured_name": "dana  WHITFIELD"}, status="open")
    event = (("claim_number", "ABC-123456"), ("estimate.insured_name", "Dana Whitfield"), ("estimate.total", "12"))
    rows = compared("ABC-123456", event, project_facts(api, 55))
    assert rows[0] == ComparedFact(
        name="claim number",
        here="ABC-123456",
        there="123456",
        note="near",
        told="the same digits without the letters ABC",
    )
    assert rows[1] == ComparedFact(
        name="insured name", here="Dana Whitfield", there="dana  WHITFIELD", note="same", told="same"
    )
    assert {(row.name, row.here, row.there) for row in rows[2:]} == {
        ("address", "", "1 Elm St"),
        ("status", "", "open"),
        ("total", "12", ""),
    }


@pytest.mark.parametrize(
    ("own", "nested", "note"),
    [("ABC-1", "OTHER-9", "same"), ("OTHER-9", "ABC-1", "other"), (None, "ABC-1", "")],
)
@pytest.mark.parametrize("is_nested_last", [True, False])
def test_a_projects_own_claim_number_is_compared(
    own: str | None, nested: str, note: str, *, is_nested_last: bool
) -> None:
    """A claim number inside another object never stands for the project's own, whichever comes last; nor where it has none."""
    api = FakeClaimX()
    fields = [("claim_number", own), ("previous", {"claim_number": nested})]
    api.control.put_projects([{"project_id": 55, **dict(fields if is_nested_last else fields[::-1])}])
    (row, *_) = compared("ABC-1", (), project_facts(api, 55))
    assert (row.there, row.note) == (own or "", note)


@pytest.mark.parametrize("is_nested_last", [True, False])
def test_an_events_own_field_is_compared(*, is_nested_last: bool) -> None:
    """The same for the event: what its estimate says under that name does not take its place."""
    api = FakeClaimX()
    api.control.put_project(55, "ABC-1", status="open")
    event = (("status", "open"), ("estimate.status", "closed"))
    rows = compared("ABC-1", event if is_nested_last else event[::-1], project_facts(api, 55))
    assert [(row.here, row.note) for row in rows if row.name == "status"] == [("open", "same")]


def test_a_project_that_is_not_there_is_told() -> None:
    """A 404 is an answer: nobody should save this mapping."""
    facts = project_facts(FakeClaimX(), 55)
    assert (facts.is_there, facts.is_absent) == (False, True)


def test_a_failing_api_is_told_and_not_raised() -> None:
    """A person may still decide when ClaimX can't be asked, and sees that it could not."""
    api = FakeClaimX()
    api.control.fault("status", status=503)
    facts = project_facts(api, 55)
    assert (facts.is_there, facts.is_absent) == (False, False)
    assert "503" in facts.error
