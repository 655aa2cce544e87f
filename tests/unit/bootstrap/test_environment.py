"""The environment archive for clusters."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from bootstrap import environment


def _launcher(folder: Path) -> Path:
    entry, content = environment._launcher()
    with tarfile.open(folder / "only.tar", "w") as archive:
        archive.addfile(entry, content)
    with tarfile.open(folder / "only.tar") as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return folder / "unpacked" / "bin" / "python"


def test_holds_what_jobs_import_and_no_spark() -> None:
    """The archive holds the package's own needs and Delta's Python side, neither pyspark nor tools of development."""
    names = set(environment.distributions())

    assert {"requests", "pyarrow", "pydantic", "confluent-kafka", "deltalake", "delta-spark", "pandas"} <= names
    assert not {"pyspark", "py4j", "claimx-pipeline", "pytest", "ruff", "jupyterlab", "databricks-bundles"} & names


def test_launcher_finds_the_packages_wherever_it_is_unpacked(tmp_path: Path) -> None:
    """`bin/python` of an unpacked archive runs in an empty environment and imports from its own site-packages."""
    launcher = _launcher(tmp_path)
    packages = launcher.parent.parent / "site-packages"
    packages.mkdir()
    (packages / "shipped.py").write_text("ANSWER = 42")

    told = subprocess.run(
        [str(launcher), "-c", "import shipped; print(shipped.ANSWER)"],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "42\n"


def test_launcher_says_what_is_missing(tmp_path: Path) -> None:
    """On a machine without this Python line the launcher ends with one line that names it."""
    launcher = _launcher(tmp_path)
    text = launcher.read_text().replace(str(Path(sys.executable).resolve()), "/nowhere/python")
    launcher.write_text(text)

    told = subprocess.run(
        ["/bin/sh", str(launcher), "-V"], env={"PATH": os.devnull}, capture_output=True, text=True, check=False
    )

    assert told.returncode == 127
    assert told.stderr.splitlines()[-1].startswith("claimx: this machine has no python3.")
