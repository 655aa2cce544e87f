"""Where set-up puts things: one checkout, one virtual environment, one cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Folders and files of one checkout; `cache` is `$CLAIMX_CACHE`, or `.cache` in the checkout."""

    root: Path
    cache: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def uv(self) -> Path:
        return self.venv / "bin" / "uv"

    @property
    def bootstrap_lock(self) -> Path:
        return self.root / "requirements-bootstrap.lock"

    @property
    def requirements_lock(self) -> Path:
        return self.root / "requirements.lock"

    @property
    def jars_lock(self) -> Path:
        return self.root / "jars.lock"

    @property
    def jars(self) -> Path:
        return self.cache / "jars"

    @property
    def jdk(self) -> Path:
        return self.cache / "jdk"

    @property
    def toolchain(self) -> Path:
        """What was found, for the product to read: claimx_lib/config/toolchain.py."""
        return self.cache / "toolchain.json"


def of_checkout() -> Layout:
    """The layout of the checkout that this package lies in."""
    root = Path(__file__).resolve().parent.parent
    return Layout(root=root, cache=root / (os.environ.get("CLAIMX_CACHE") or ".cache"))
