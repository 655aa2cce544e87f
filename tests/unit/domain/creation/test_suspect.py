"""When so many claims without a project mean that the search is broken."""

from __future__ import annotations

import pytest

from claimx_lib.domain.creation.pause import is_suspect
from claimx_lib.domain.creation.policy import Policy
from claimx_lib.domain.resolution import Outcome, Resolution


def _resolutions(none: int, found: int) -> list[Resolution]:
    outcomes = [Outcome.NONE] * none + [Outcome.RESOLVED] * found
    return [
        Resolution(claim_number=f"C{number}", outcome=outcome, steps=(), api_calls=1)
        for number, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("limit", "none", "found", "suspect"),
    [
        (0.95, 190, 10, True),
        (0.95, 189, 11, False),
        (0.95, 199, 0, False),
        (0.99, 200, 0, True),
        (1.0, 200, 0, False),
    ],
)
def test_the_limit_is_a_share_of_at_least_so_many_claims(limit: float, none: int, found: int, *, suspect: bool) -> None:
    """The share itself is suspect already, fewer claims than the least number never are, and a limit of 1 suspects nothing."""
    policy = Policy(dead_letter_limit=limit, dead_letter_limit_min_claims=200)
    assert is_suspect(_resolutions(none, found), policy) is suspect
