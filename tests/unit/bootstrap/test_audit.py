"""What pip-audit says, and what it leaves unsaid."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bootstrap.audit import judged
from bootstrap.report import Finished, SetupError

DONE = Finished(status=0, output="No known vulnerabilities found")
SOUND = {"name": "a", "version": "1", "vulns": []}
FLAWED = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "GHSA-2"}]}
UNANSWERED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def told(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages})


def test_each_vulnerability_is_a_line() -> None:
    """Package, version, identifier and the version that mends it; other packages may be unanswered."""
    found = judged(told(SOUND, FLAWED, UNANSWERED), DONE)
    assert found.vulnerabilities == ("b 2: PYSEC-1, mended in 2.1", "b 2: GHSA-2, mended in none yet")
    assert (found.answered, found.unanswered) == (2, ("c",))


def test_nothing_known_is_nothing_only_where_every_package_was_looked_up() -> None:
    """pip-audit ends with 0 where it skips packages: that is no clean bill."""
    assert judged(told(SOUND), DONE).vulnerabilities == ()
    with pytest.raises(SetupError, match=r"not looked up: 1 of 2 packages \(c\).* Cure: run it where"):
        judged(told(SOUND, UNANSWERED), DONE)


@pytest.mark.parametrize("text", [told(UNANSWERED), "", "{", "[]", '{"dependencies": null}'])
def test_a_service_out_of_reach_is_said_with_the_cure(text: str) -> None:
    """One line that names what is missing and where it can be had."""
    with pytest.raises(SetupError, match=r"advisories' service .* Cure: .* nightly job"):
        judged(text, Finished(status=1, output="ConnectionError: api.osv.dev"))
