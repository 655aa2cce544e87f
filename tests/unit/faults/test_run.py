"""What `make faults` runs for which words."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from tests.faults.run import arguments, asked_for
from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize(
    ("words", "worlds", "played"),
    [
        ([], 10, len(SCENARIOS)),
        (["--runs", "30", "--scenario", "flood", "api-outage"], 2, 2),
        (["--scenario", "all"], 0, len(SCENARIOS)),
    ],
)
def test_no_two_share_a_seed(words: list[str], worlds: int, played: int) -> None:
    """Worlds and scenarios of one run lie side by side in one folder and on one broker, named by seed and pipeline."""
    asked = list(asked_for(arguments().parse_args(["--seed", "7", *words])))
    assert all(isinstance(one, partial) for one in asked)
    seeds = [next(arg for arg in one.args if isinstance(arg, int)) for one in asked]  # type: ignore[attr-defined]
    assert len(seeds) == worlds + played
    assert seeds == list(itertools.islice(itertools.count(7), len(seeds)))
