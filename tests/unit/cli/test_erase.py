"""`claimx erase` as a person types it, where no person is meant; nothing here reaches a table."""

from __future__ import annotations

import pytest

from claimx_lib import runtime
from claimx_lib.cli.main import main
from claimx_lib.errors import UsageError
from claimx_lib.operations.erasure_report import Request, usable

WHO = {"by": "ann", "why": "request 17"}


@pytest.mark.parametrize("claim", ["", " ", "0", "-", "00-0", "A" * 51, "AB\x00C"])
def test_what_is_no_claim_number_erases_nobody(
    claim: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text without a claim key would be every row's whose key is empty: status 2 and one line, before anything starts."""
    monkeypatch.setattr(runtime, "spark_session", lambda *_, **__: pytest.fail("a session was started"))
    assert main(["erase", "--claim", claim, "--by", "ann"]) == 2
    told = capsys.readouterr().err.strip()
    assert "is no claim number" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--claim", "A-1", "--by", " "], "--by is empty"),
        (["--claim", "A-1", "--by", "ann", "--why", ""], "--why is empty"),
        (["--project", str(2**63), "--by", "ann"], "is no project id"),
        (["--by", "ann"], "name one person"),
        (["--claim", "A-1", "--project", "5", "--by", "ann"], "name one person"),
    ],
)
def test_a_request_that_can_not_be_kept_is_refused(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody and nothing as who and why, a project that no table can hold, no person or two: status 2 with the cure."""
    monkeypatch.setattr(runtime, "spark_session", lambda *_, **__: pytest.fail("a session was started"))
    assert main(["erase", *words]) == 2
    assert line in capsys.readouterr().err


def test_blanks_around_a_claim_are_no_part_of_it() -> None:
    """`"ABC-1 "` means the rows of ABC-1: its key has no blank either."""
    assert usable(Request(claim=" ABC-1 \t", project=None, **WHO)).claim == "ABC-1"
    with pytest.raises(UsageError):
        usable(Request(claim="-", project=None, **WHO))
