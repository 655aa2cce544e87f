"""What the scenarios have in common believes no driver that hangs, and no line that says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults import acts
from tests.faults.checkpoint import Progress
from tests.faults.matrix import Matrix
from tests.faults.world import failures_in

JOBS = ("task_trigger", "task_tracking")
CURED = "the disk is full (No space left) — free space, then start the job again"
UNKNOWN = "Py4JJavaError: something — run it again with --debug for the traceback"
DRIVER = cast("Any", SimpleNamespace(status=None, said_from=0, ended_within=lambda _: False))


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Matrix]:
    """A world whose jobs finish no batch more, with so much to read, and what its drivers have said."""

    def made(lags: dict[str, int], *said: tuple[str, str]) -> Matrix:
        output = tmp_path / "drivers.log"
        lines = ({"message": "job failed", "job": job, "error": error} for job, error in said)
        output.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        world = SimpleNamespace(
            jobs=JOBS,
            output=output,
            failures=lambda since=0: failures_in(output, since),
            progress=lambda _: Progress(done=3),
            send_burst=lambda: None,
        )
        monkeypatch.setattr(Matrix, "feed_until", lambda _, __, condition: condition())
        monkeypatch.setattr(acts.gather, "lags", lambda _: lags)
        return Matrix(world=cast("Any", world), warm=None, say=lambda _: None)

    return made


@pytest.mark.parametrize(
    ("lags", "said", "broken"),
    [
        ({"task_trigger": 5, "task_tracking": 0}, [("task_trigger", CURED)], []),
        ({"task_trigger": 5, "task_tracking": 2}, [("task_trigger", CURED)], ["after the fault task_tracking neither"]),
        ({"task_trigger": 0, "task_tracking": 0}, [], ["after the fault a driver neither worked nor said why"]),
        ({"task_trigger": 5, "task_tracking": 0}, [("task_trigger", UNKNOWN)], ["task_trigger ended without a cure"]),
    ],
)
def test_who_does_not_go_on_says_why(
    matrix: Callable[..., Matrix], lags: dict[str, int], said: list[tuple[str, str]], broken: list[str]
) -> None:
    """Each job that has records to read and finishes no batch has a line of its own, with a cure; another's excuses nobody."""
    world = matrix(lags, *said)
    acts.revived(world, DRIVER)
    assert [
        told for told, start in zip(world.outcome.violations, broken, strict=True) if not told.startswith(start)
    ] == []


def test_a_line_of_an_earlier_driver_excuses_nobody(matrix: Callable[..., Matrix]) -> None:
    """What was said before this driver began is not its own."""
    world = matrix({"task_trigger": 5, "task_tracking": 0}, ("task_trigger", CURED))
    later = SimpleNamespace(status=None, said_from=world.world.output.stat().st_size)
    acts.revived(world, cast("Any", later))
    assert len(world.outcome.violations) == 2


def test_a_driver_that_never_worked_proves_nothing(matrix: Callable[..., Matrix]) -> None:
    """A fault that comes before the first batches is told."""
    world = matrix({})
    acts.at_work(world, DRIVER)
    assert world.outcome.violations == ["a driver did not come to work before its fault: its status is None"]


@pytest.mark.parametrize(("line", "is_broken"), [(CURED, False), (UNKNOWN, True)])
def test_an_end_has_words_of_its_own(matrix: Callable[..., Matrix], line: str, *, is_broken: bool) -> None:
    """The cure of what the product knows no words for is none."""
    world = matrix({}, ("task_trigger", line))
    acts.fails_with(world, DRIVER, "disk is full" if line is CURED else "", "a fault")
    assert bool(world.outcome.violations) == is_broken
