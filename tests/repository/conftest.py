"""What tests of the repository share: a copy of the bundle that they may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The bundle, and what it refers to, in a folder of this test's own."""
    for file in ("databricks.yml", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path
