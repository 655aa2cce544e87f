"""Few records are interpreted, many compiled, and who has chosen keeps the choice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from claimx_lib.streams.small_batches import COMPILED, FEW, INTERPRETED, left_to_us, plan_for, records_of


class Session:
    """As much of a session as its settings, and those that its context was started with."""

    def __init__(self, given: dict[str, str]) -> None:
        self.set: dict[str, str] = {}
        self.conf = SimpleNamespace(set=self.set.__setitem__)
        self.sparkContext = SimpleNamespace(getConf=lambda: given)


def planned(records: int | None, *before: int | None, given: dict[str, str] | None = None) -> list[dict[str, str]]:
    """How the batch's session and the job's are set in the end."""
    batch, job = Session({}), Session(given or {})
    names = left_to_us(cast("Any", job))
    for number in (*before, records):
        plan_for(number, names, cast("Any", batch), cast("Any", job))
    return [batch.set, job.set]


@pytest.mark.parametrize(
    ("records", "expected"), [(0, INTERPRETED), (FEW, INTERPRETED), (FEW + 1, COMPILED), (None, COMPILED)]
)
@pytest.mark.parametrize("before", [1, None])
def test_the_number_of_records_decides(records: int | None, expected: dict[str, str], before: int | None) -> None:
    """Whatever the batch before it was, for the batch's frames and the job's own; an unknown number counts as many."""
    assert planned(records, before) == [expected, expected]


@pytest.mark.parametrize("chosen", ["NO_CODEGEN", "CODEGEN_ONLY"])
@pytest.mark.parametrize("records", [1, FEW + 1, None])
def test_what_is_set_for_all_batches_stays(chosen: str, records: int | None) -> None:
    """A setting under spark.conf, or of the submitter, is not touched; the other one still is."""
    name, other = COMPILED
    for told in planned(records, given={name: chosen}):
        assert list(told) == [other]


def test_a_checkpoint_elsewhere_tells_no_number() -> None:
    """Object stores are not asked: the batch is compiled."""
    remote: Any = SimpleNamespace(settings=SimpleNamespace(storage=SimpleNamespace(checkpoints="s3://bucket/c")))
    assert records_of(7, remote, job="task_tracking") is None


def test_a_local_checkpoint_tells_the_number(tmp_path: Path) -> None:
    """By the offsets of the batch and of the one before it."""
    offsets = tmp_path / "task_tracking" / "offsets"
    offsets.mkdir(parents=True)
    for number, end in ((6, 100), (7, 142)):
        (offsets / str(number)).write_text(f'v1\n{{}}\n{{"t":{{"0":{end}}}}}')
    local: Any = SimpleNamespace(settings=SimpleNamespace(storage=SimpleNamespace(checkpoints=str(tmp_path))))
    assert records_of(7, local, job="task_tracking") == 42
