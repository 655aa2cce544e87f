"""A scenario whose fault has met nothing says so."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults import scenarios_beside
from tests.faults.driver import Driver
from tests.faults.matrix import Matrix
from tests.faults.scenarios import BAD_ANSWERS, _each_given, _until_circuits_open
from tests.faults.scenarios_beside import _of_two, _upkeep

DRIVER = cast("Driver", SimpleNamespace(status=None))
FAILURES = 10


class Control:
    """Keeps what was scripted."""

    def __init__(self) -> None:
        self.scripted: list[tuple[str, int | None]] = []

    def fault(self, kind: str, *, count: int | None = None, **_: Any) -> None:
        self.scripted.append((kind, count))


def matrix_of(control: Control) -> Matrix:
    claimx = SimpleNamespace(circuit=SimpleNamespace(failures=FAILURES))
    world = SimpleNamespace(simulator=SimpleNamespace(control=control), settings=SimpleNamespace(claimx=claimx))
    return Matrix(world=cast("Any", world), warm=None, say=lambda _: None)


@pytest.fixture
def _one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for: what is there at the first look counts."""
    monkeypatch.setattr(Matrix, "feed_until", lambda _, __, condition: condition())


@pytest.mark.usefixtures("_one_look")
def test_each_bad_answer_has_to_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """What chance has left out is scripted for one call; what did not come even so is told."""
    control = Control()
    monkeypatch.setattr(Matrix, "befallen", lambda _: Counter({**dict.fromkeys(BAD_ANSWERS, 2), "drip": 1}))
    matrix = matrix_of(control)
    _each_given(matrix, DRIVER, Counter({"drip": 1, "html": 1}))
    assert control.scripted == [("drip", 1)]
    assert matrix.outcome.violations == ["never answered so: drip: the scenario proves nothing of them"]


@pytest.mark.usefixtures("_one_look")
@pytest.mark.parametrize(("resets", "violations"), [(FAILURES - 1, 1), (FAILURES, 0)])
def test_an_outage_has_to_be_met_by_enough_calls(monkeypatch: pytest.MonkeyPatch, resets: int, violations: int) -> None:
    """So many that a circuit opens, all of them since it began."""
    befallen = Counter({"reset": 5})

    class Outage(Control):
        def fault(self, kind: str, **_: Any) -> None:
            befallen[kind] += resets

    monkeypatch.setattr(Matrix, "befallen", lambda _: befallen)
    monkeypatch.setattr("tests.faults.scenarios.OUTAGE_SECONDS", 0.0)
    matrix = matrix_of(Outage())
    _until_circuits_open(matrix, DRIVER)
    assert len(matrix.outcome.violations) == violations


BATCH = {"message": "messages tracked", "batch_id": 3}
OTHER = {
    "message": "job failed",
    "job": "task_creation",
    "error": "another process runs this job on the same checkpoint",
}
NO_LINE, NOTHING = "the {} of two instances ended with {} and no line", "the second of two instances came to no batch"


@pytest.mark.parametrize(
    ("first", "second", "broken"),
    [
        ((None, []), (None, [BATCH]), []),
        ((None, []), (1, [OTHER]), []),
        ((1, [OTHER]), (None, []), []),
        ((None, [BATCH]), (None, []), [NOTHING]),
        ((None, []), (1, [BATCH]), [NO_LINE.format("second", 1)]),
        ((0, []), (None, [BATCH]), [NO_LINE.format("first", 0)]),
    ],
)
def test_two_instances_have_to_meet(
    tmp_path: Path, first: tuple[int | None, list[Any]], second: tuple[int | None, list[Any]], broken: list[str]
) -> None:
    """The second has come to a batch, or one was told of the other; who ends does so with a line of its own."""
    said, said_too = tmp_path / "drivers.log", tmp_path / "second.log"
    for file, lines in ((said, first[1]), (said_too, second[1])):
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    found = list(_of_two(first[0], said, second[0], said_too))
    assert [told for told, start in zip(found, broken, strict=True) if not told.startswith(start)] == []


class Vacuum:
    """A JVM whose VACUUM takes what is older than a week, or nothing."""

    def __init__(self, *, is_real: bool) -> None:
        self.is_real = is_real

    def sql(self, statement: str) -> None:
        verb, _, table = statement.partition(" delta.")
        for file in Path(table.strip("`")).glob("*.parquet"):
            if verb == "VACUUM" and self.is_real and file.stat().st_mtime < time.time() - 7 * 86_400:
                file.unlink()


@pytest.mark.parametrize("is_real", [True, False])
def test_each_vacuum_has_to_take_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_real: bool) -> None:
    """What it must take is there in each round; files of the streams stay."""
    storage = SimpleNamespace(storage=SimpleNamespace(warehouse=str(tmp_path)))
    world = SimpleNamespace(pipeline="tracking", settings=storage, config=tmp_path)
    monkeypatch.setattr(scenarios_beside, "TABLES", {"tracking": ("dead_letters",)})
    letter = {"dead_letter_id": "a" * 64, "state": "OPEN", "reason": "undecodable"}
    monkeypatch.setattr(scenarios_beside.gather, "rows", lambda *_: [letter])
    monkeypatch.setattr(scenarios_beside, "_claimx", lambda *_: SimpleNamespace(returncode=0))
    (tmp_path / "dead_letters").mkdir()
    kept = tmp_path / "dead_letters" / "part-0.parquet"
    kept.touch()
    matrix = Matrix(world=cast("Any", world), warm=None, say=lambda _: None)
    for number in range(2):
        _upkeep(matrix, cast("Any", Vacuum(is_real=is_real)), number)
    assert len(matrix.outcome.violations) == (0 if is_real else 2)
    assert kept.exists()
