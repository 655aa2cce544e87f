"""What is shipped: the wheel holds the product, its settings and its entry points, and nothing of development."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = ("demo", "dev")
"""Commands of the development stack; the wheel has none."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as the build back end makes it, without `make build`'s network."""
    folder = tmp_path_factory.mktemp("wheel")
    hatchling = Path(sys.executable).with_name("hatchling")
    subprocess.run(
        [str(hatchling), "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return next(folder.glob("*.whl"))


def _run(wheel: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs claimx from the wheel as a zip, where no checkout is in sight."""
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); from claimx_lib.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=240
    )


def test_wheel_has_no_development_stack(wheel: Path) -> None:
    """No broker, simulator or story of the development stack is in the wheel."""
    names = zipfile.ZipFile(wheel).namelist()

    assert "claimx_lib/runtime.py" in names
    assert not [name for name in names if "devstack" in name or name.startswith(("tests/", "bootstrap/"))]


def test_wheel_depends_on_no_spark(wheel: Path) -> None:
    """The cluster's own Spark and Delta are left alone: only the extra `local` asks for them."""
    archive = zipfile.ZipFile(wheel)
    name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    needs = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])

    spark = [need for need in needs if need.startswith(("pyspark", "delta-spark", "delta_spark"))]
    assert spark
    assert all("extra == 'local'" in need for need in spark)


def test_wheel_carries_every_settings_file(wheel: Path) -> None:
    """Each settings file of the repository is in the wheel, byte for byte."""
    archive = zipfile.ZipFile(wheel)
    files = [*sorted((ROOT / "conf").glob("*.yaml")), ROOT / "conf" / "log4j2.properties"]

    assert len(files) >= 5
    for file in files:
        assert archive.read(f"claimx_lib/conf/{file.name}") == file.read_bytes(), file.name


def test_settings_are_found_inside_a_zip(wheel: Path, tmp_path: Path) -> None:
    """Run from a zip, as `--py-files` does, the settings come from the package itself."""
    told = _run(wheel, tmp_path, "config", "show", "--set", "claimx.timeout_seconds=7")

    assert told.returncode == 0, told.stderr
    assert "timeout_seconds: 7" in told.stdout


def test_command_line_of_the_wheel_works_without_the_development_stack(wheel: Path, tmp_path: Path) -> None:
    """The shipped command line lists its commands, and those of the development stack are not among them."""
    told = _run(wheel, tmp_path, "--help")

    assert told.returncode == 0, told.stderr
    listed = {line.split()[0] for line in told.stdout.splitlines() if line.startswith("  ") and line.split()}
    assert "run" in listed
    assert not listed & set(OUTSIDE)


def test_every_job_file_is_an_entry_point() -> None:
    """Each file of jobs/ can be called by its name from an installed wheel."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["claimx.tasks"]

    jobs = {path.stem for path in (ROOT / "jobs").glob("*.py")}
    assert jobs <= set(declared)
    assert {name: f"claimx_lib.cli.entry_points:{name}" for name in declared} == declared
