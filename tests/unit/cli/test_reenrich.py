"""What `claimx reenrich` says of what it has left."""

from __future__ import annotations

import json

import pytest

from claimx_lib import runtime
from claimx_lib.cli.main import main
from claimx_lib.streams.reenrich import Repaired


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_limit_that_was_reached_is_told(
    is_cut: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where older rows are left a line says so and what to do; where none are there is no such line."""
    done = Repaired(asked=2, outcomes={"enriched": 2}, is_cut=is_cut)
    monkeypatch.setattr(runtime, "repair", lambda *_, **__: done)
    assert main(["reenrich", "--limit", "2", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["more_left"] is is_cut
    assert ("the newest 2; older ones are left: call it again, with a higher --limit" in told.err) is is_cut
