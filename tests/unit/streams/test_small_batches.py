"""Few records are interpreted, many compiled, and who has chosen keeps the choice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from claimx_lib.streams.small_batches import FEW, MODE, plan_for, records_of


class Session:
    """As much of a session as its settings."""

    def __init__(self, mode: str) -> None:
        self.set = {MODE: mode}
        self.conf = SimpleNamespace(get=self.set.__getitem__, set=self.set.__setitem__)


def planned(records: int | None, *, mode: str, chosen: str = "FALLBACK") -> str:
    session: Any = Session(mode)
    context: Any = SimpleNamespace(session=Session(chosen))
    plan_for(records, session, context)
    return str(session.set[MODE])


@pytest.mark.parametrize(
    ("records", "expected"),
    [(0, "NO_CODEGEN"), (FEW, "NO_CODEGEN"), (FEW + 1, "FALLBACK"), (None, "FALLBACK")],
)
@pytest.mark.parametrize("before", ["FALLBACK", "NO_CODEGEN"])
def test_the_number_of_records_decides(records: int | None, expected: str, before: str) -> None:
    """Whatever the batch before it was; a number that is not known counts as many."""
    assert planned(records, mode=before) == expected


@pytest.mark.parametrize("chosen", ["NO_CODEGEN", "CODEGEN_ONLY"])
@pytest.mark.parametrize("records", [1, FEW + 1, None])
def test_what_is_set_for_all_batches_stays(chosen: str, records: int | None) -> None:
    """A setting under spark.conf is not touched."""
    assert planned(records, mode=chosen, chosen=chosen) == chosen


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
