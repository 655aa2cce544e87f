"""The search for a token finds it wherever it stands."""

from __future__ import annotations

from pathlib import Path

from tests.faults.evidence import Told
from tests.faults.leaks import leaks, written


def test_files_and_messages_are_searched(tmp_path: Path) -> None:
    """A log, a file deep in a folder, a message's key, value, header's name and header's value."""
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name, text in {"said.log": "x secret y", "quiet.log": "nothing", "data/deep/0": "secret"}.items():
        (tmp_path / name).write_text(text)
    told = [
        Told(place=("retry", 0, 0), key="secret"),
        Told(place=("retry", 0, 1), value=b"a secret"),
        Told(place=("retry", 0, 2), headers={"secret": b""}),
        Told(place=("retry", 0, 3), headers={"x": b"secret"}),
        Told(place=("retry", 0, 4), key="k", value=b"v", headers={"x": b"y"}),
    ]
    logs = [tmp_path / name for name in ("said.log", "quiet.log", "missing.log")]
    found = leaks("secret", logs, [tmp_path / "data"], {"retry": told})
    assert found == [str(logs[0]), str(tmp_path / "data/deep/0"), *(f"('retry', 0, {n})" for n in range(4))]


def test_a_log_that_nobody_wrote_is_none(tmp_path: Path) -> None:
    """A missing log and an empty one show nothing: what holds no token there proves nothing."""
    said, empty, missing = (tmp_path / name for name in ("jvm.log", "spark.log", "missing.log"))
    said.write_text("WARNING")
    empty.touch()
    assert written([missing, empty, said]) == [said]
