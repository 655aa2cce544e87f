"""What goes to a cluster: the wheel, and one archive with the code, the jobs and the settings for `spark-submit`."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from bootstrap import python_env
from bootstrap.report import SetupError, run_quietly, say

if TYPE_CHECKING:
    from pathlib import Path

    from bootstrap.layout import Layout

_BESIDE_THE_CODE = ("conf/*.yaml", "jobs/*.py")


def build(layout: Layout) -> None:
    """`dist/` holds the wheel and `<name>-cluster.zip`: the wheel's modules (`--py-files` takes it), `jobs/`, `conf/`.

    Raises SetupError when the wheel cannot be built.
    """
    dist = layout.root / "dist"
    for old in [*dist.glob("*.whl"), *dist.glob("*-cluster.zip")]:
        old.unlink()
    wheel = _wheel(layout, dist)
    archive = _archive(layout, wheel)
    say(f"built {wheel.relative_to(layout.root)} and {archive.relative_to(layout.root)}")


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


def _archive(layout: Layout, wheel: Path) -> Path:
    name, version = wheel.name.split("-")[:2]
    target = wheel.with_name(f"{name}-{version}-cluster.zip")
    with zipfile.ZipFile(wheel) as code, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in code.infolist():
            archive.writestr(entry, code.read(entry), compress_type=zipfile.ZIP_DEFLATED)
        for pattern in _BESIDE_THE_CODE:
            for path in sorted(layout.root.glob(pattern)):
                archive.write(path, path.relative_to(layout.root))
    return target
