"""What goes to a cluster: the wheel, the same code with the jobs for `--py-files`, its dependencies for `--archives`."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from bootstrap import environment, python_env
from bootstrap.report import SetupError, run_quietly, say

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.layout import Layout

_BESIDE_THE_CODE = ("jobs/*.py",)
_BUILT = ("*.whl", "*-cluster.zip", "*-environment.tar.gz")
_MEGABYTE = 1_000_000


def build(layout: Layout) -> None:
    """`dist/` holds the wheel, `<name>-cluster.zip` (its modules and settings, and `jobs/`) and `<name>-environment.tar.gz`.

    Spark puts a zip given by `--py-files` on the path of executors, a wheel not. Raises SetupError when the wheel
    cannot be built.
    """
    dist = layout.root / "dist"
    for old in [path for pattern in _BUILT for path in dist.glob(pattern)]:
        old.unlink()
    wheel = _wheel(layout, dist)
    stem = "-".join(wheel.name.split("-")[:2])
    code = _archive(layout, wheel, dist / f"{stem}-cluster.zip")
    packages = environment.write_archive(dist / f"{stem}-environment.tar.gz")
    for path in (wheel, code, packages):
        say(f"built {path.relative_to(layout.root)} ({path.stat().st_size / _MEGABYTE:.1f} MB)")


def _wheel(layout: Layout, dist: Path) -> Path:
    lock = ["--build-constraints", str(layout.bootstrap_lock), "--require-hashes"]
    result = run_quietly(
        [str(layout.uv), "build", "--quiet", "--wheel", *lock, "--python", str(layout.python), "--out-dir", str(dist)],
        doing="building the wheel",
        timeout_seconds=300,
        environment={**python_env.uv_environment(layout), "UV_PROJECT": str(layout.root)},
    )
    built = sorted(dist.glob("*.whl"))
    if result.status != 0 or not built:
        raise SetupError(
            f"the wheel cannot be built: {result.last_line()}", cure="mend that, then run `make build` again"
        )
    return built[-1]


def _archive(layout: Layout, wheel: Path, target: Path) -> Path:
    with zipfile.ZipFile(wheel) as code, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in code.infolist():
            archive.writestr(entry, code.read(entry), compress_type=zipfile.ZIP_DEFLATED)
        for pattern in _BESIDE_THE_CODE:
            for path in sorted(layout.root.glob(pattern)):
                archive.write(path, path.relative_to(layout.root))
    return target
