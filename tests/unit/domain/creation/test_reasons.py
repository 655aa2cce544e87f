"""Reasons that name a project, and get it back."""

from __future__ import annotations

import pytest

from claimx_lib.domain.creation.reasons import gone, gone_project


@pytest.mark.parametrize("project_id", [5, 0, -5, 2**63 - 1])
def test_a_gone_project_is_told_and_found_again(project_id: int) -> None:
    """Whatever number a system said: it is not given to the event again."""
    assert gone_project(gone(project_id)) == project_id


@pytest.mark.parametrize("reason", [None, "", "project-gone", "project-gone x", "no-mapping 5"])
def test_other_reasons_name_none(reason: str | None) -> None:
    """What is no project of ours is none."""
    assert gone_project(reason) is None
